"""A text classifier says what transformers says; nothing about windows, padding or batches may be seen in its scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from classifiers import KINDS, LABELS, QUESTION, classifier, text, transformers_classifier
from hypothesis import given, settings
from hypothesis import strategies as st
from models import SENTENCES

from pellucid.case import Case
from pellucid.errors import CapabilityError, DataError, PellucidError
from pellucid.predictor import FILLERS, predicted
from pellucid.predictors import plain
from pellucid.predictors.text_classifier import TextClassifier
from pellucid.predictors.text_classifier.pooling import POOLINGS, pool
from pellucid.target import Target

TARGETS = [*(Target.label(label) for label in LABELS), Target.contrast(LABELS[0], LABELS[1])]
MODELS = ("bert", "roberta")


def all_logits(model, cases):
    batch = model.encode(cases)
    return model.scores(model.features(batch), batch, TARGETS[:3]).detach()


@pytest.mark.parametrize("question", [None, QUESTION])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_text_of_one_window_has_the_very_logits_of_transformers(kind, question):
    module, words = transformers_classifier(kind)
    model = TextClassifier(module, words, LABELS, exclusive=True)
    case = text(9, question=question)
    read = words(*([question] if question else []), case.text, return_tensors="pt")
    if kind != "bert" and kind != "electra":
        read.pop("token_type_ids", None)
    with torch.no_grad():
        expected = module(**read).logits
    assert torch.allclose(all_logits(model, [case]), expected, rtol=0, atol=1e-12)
    assert np.allclose(model.probabilities(model.encode([case])), expected.softmax(-1).numpy(), atol=1e-12)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("kind", MODELS)
def test_a_long_text_pools_the_logits_of_windows_between_their_own_special_tokens(kind, pooling):
    module, words = transformers_classifier(kind)
    model = TextClassifier(module, words, LABELS, exclusive=True, window=12, pooling=pooling)
    case = text(30)
    inner = words(case.text, add_special_tokens=False)["input_ids"]
    start, end = (words.cls_token_id, words.sep_token_id)
    windows = [[start, *inner[i : i + 10], end] for i in range(0, len(inner), 10)]
    with torch.no_grad():
        logits = torch.cat([module(input_ids=torch.tensor([ids])).logits for ids in windows])
    expected = {"mean": logits.mean(0), "max": logits.amax(0), "logsumexp": logits.exp().sum(0).log()}[pooling]
    assert len(windows) > 3
    assert torch.allclose(all_logits(model, [case])[0], expected, atol=1e-12)


@pytest.mark.parametrize("kind", [*MODELS, "longformer"])
def test_batch_mates_and_padding_never_change_logits(kind):
    model = classifier(kind)
    cases = [text(3, 1, "a"), text(40, 2, "b"), text(14, 3, "c", QUESTION)]
    together = all_logits(model, cases)
    for row, case in zip(together, cases, strict=True):
        assert torch.allclose(row, all_logits(model, [case])[0], atol=1e-12)
    batch = model.encode(cases)
    assert np.allclose(model.probabilities(batch)[1:2], model.probabilities(model.encode(cases[1:2])), atol=1e-12)


def test_every_window_stands_behind_the_question_which_is_no_unit():
    model = classifier(window=24)
    batch = model.encode([text(30, question=QUESTION)])
    windows = batch.data.texts[0].windows
    asked = model.tokenizer(QUESTION)["input_ids"]
    assert len(windows) > 1
    assert all(row[: len(asked)].tolist() == asked for row in windows.ids)
    assert (windows.types[:, : len(asked)] == 0).all()
    assert (windows.types[0, len(asked) :] == 1).all()
    alone = model.encode([text(30)])
    assert np.array_equal(batch.units[0].offsets, alone.units[0].offsets)


@pytest.mark.parametrize("filler", FILLERS["text"])
def test_the_question_is_never_perturbed(filler):
    model = classifier(window=24)
    batch = model.encode([text(30, question=QUESTION)])
    asked = model.tokenizer(QUESTION)["input_ids"]
    bare = model.perturb(batch, [np.zeros(len(batch.units[0]), dtype=bool)], filler).data.texts[0].windows
    assert all(row[: len(asked)].tolist() == asked for row in bare.ids)
    if filler == "delete":
        assert bare.lengths.tolist() == [len(asked) + 1]


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.strip))
@settings(max_examples=40, deadline=None)
def test_every_visible_character_is_counted_in_exactly_one_window(content):
    units = WINDOWED.encode([Case("a", "a", {"text": content}, frozenset())]).units[0]
    inner = WINDOWED.tokenizer(content, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert units.offsets.tolist() == [list(pair) for pair in inner]


WINDOWED = classifier("roberta", window=8)


def test_rows_point_at_the_tokens_of_the_text():
    model = classifier("roberta")
    batch = model.encode([text(30), text(5, 1, "b")])
    for case, rows, read in zip(batch.cases, batch.rows, batch.data.texts, strict=True):
        inner = model.tokenizer(case.text, add_special_tokens=False)["input_ids"]
        assert read.windows.ids.reshape(-1)[rows].tolist() == inner


def test_a_text_beyond_the_limit_loses_its_end_and_says_how_much():
    case = text(60)
    whole, cut = classifier(), classifier(max_windows=2)
    batch = cut.encode([case])
    assert len(batch.data.texts[0].windows) == 2
    assert batch.data.truncated == (len(whole.encode([case]).units[0]) - len(batch.units[0]),)
    assert batch.data.truncated[0] > 0


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("filler", FILLERS["text"])
@given(
    seed=st.integers(0, 2**32 - 1), words=st.integers(1, 40), share=st.sampled_from([0.02, 0.5, 0.97, 1.0]), asked=st.booleans()
)
@settings(max_examples=8, deadline=None)
def test_scores_from_the_table_equal_scoring_every_version_whole(kind, pooling, filler, seed, words, share, asked):
    model = classifier(kind, pooling=pooling, window=40 if asked else 10)
    batch = model.encode([text(words, seed % 7, question=QUESTION if asked else None)])
    generator = np.random.default_rng(seed)
    keep = generator.random((5, len(batch.units[0]))) >= share
    keep[0], keep[1] = True, False
    keep[2, : len(batch.units[0]) // 2] = False
    fast = model.perturbed_scores(batch, [keep], filler, TARGETS)[0]
    slow = plain.perturbed_scores(model, batch, [keep], filler, TARGETS)[0]
    assert np.allclose(fast, slow, atol=1e-10)


def test_a_window_is_never_read_twice():
    model = classifier()
    batch = model.encode([text(60)])
    windows = len(batch.data.texts[0].windows)
    keep = ~np.eye(len(batch.units[0]), dtype=bool)
    model.perturbed_scores(batch, [keep], "mask", TARGETS)
    assert model.cost.chunks <= windows + len(keep)
    spent = model.cost.chunks
    model.perturbed_scores(batch, [keep], "mask", TARGETS[:1])
    model.probabilities(batch)
    assert model.cost.chunks == spent


def test_forgetting_the_table_never_changes_scores(monkeypatch):
    model = classifier()
    keep = np.random.default_rng(0).random((40, len(model.encode([text(40)]).units[0]))) > 0.3
    wide = model.perturbed_scores(model.encode([text(40)]), [keep], "delete", TARGETS)[0]
    monkeypatch.setattr("pellucid.predictors.text_classifier.perturbation._BUDGET", 4000)
    narrow = model.perturbed_scores(model.encode([text(40)]), [keep], "delete", TARGETS)[0]
    assert np.allclose(wide, narrow, atol=1e-10)


def gathered(pieces, batch, targets, shape):
    whole = [torch.zeros(len(targets), *shape, dtype=torch.float64) for _ in batch.cases]
    for piece in pieces:
        size = piece.gradient.shape[1]
        for k, start, block in zip(piece.targets.tolist(), piece.starts.tolist(), piece.gradient, strict=True):
            whole[piece.case][k, start : start + size] += block
    return whole


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("kind", list(KINDS))
def test_gradients_window_by_window_equal_autograd(kind, pooling):
    model = classifier(kind, pooling=pooling)
    model.tokens_at_once = 48
    batch = model.encode([text(40), text(7, 1, "b")])
    features = model.features(batch)
    middle = (features + model.reference(batch)) / 2
    for at in (None, middle):
        fast = gathered(model.feature_gradients(batch, TARGETS, at), batch, TARGETS, features.shape[1:])
        slow = gathered(plain.feature_gradients(model, batch, TARGETS, at), batch, TARGETS, features.shape[1:])
        assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(fast, slow, strict=True))


def test_graphs_hold_a_quarter_of_the_tokens_that_are_read_at_once():
    """With as many, GIM on a text of 6,000 tokens took more than 6 GiB over the weights of an encoder of base size."""
    model = classifier()
    model.tokens_at_once = 128
    batch = model.encode([text(60)])
    assert len(batch.data.texts[0].windows) > 4
    for pieces in (model.feature_gradients(batch, TARGETS), model.gim_gradients(batch, TARGETS)):
        assert max(len(piece.starts) for piece in pieces) == 128 // 4 // model.window


def test_under_max_only_the_loudest_window_is_sent_back():
    model = classifier(pooling="max")
    batch = model.encode([text(60)])
    list(model.feature_gradients(batch, TARGETS[:3]))
    assert model.cost.chunk_gradients == 3 < len(batch.data.texts[0].windows)


def test_the_reference_has_a_mask_token_wherever_a_token_of_text_stood():
    model = classifier(window=24)
    batch = model.encode([text(30, question=QUESTION)])
    masked = batch.data.texts[0].windows.ids.copy()
    masked.reshape(-1)[batch.rows[0]] = model.tokenizer.mask_token_id
    batch.data.texts[0].windows.ids[:] = masked
    assert torch.allclose(model.features(batch), model.reference(model.encode(batch.cases)), atol=1e-12)


def test_probabilities_of_exclusive_labels_add_up_to_one_and_others_need_not():
    case = [text(30)]
    exclusive, several = classifier(), classifier(exclusive=False)
    assert exclusive.probabilities(exclusive.encode(case)).sum() == pytest.approx(1)
    logits = several.scores(several.features(several.encode(case)), several.encode(case), TARGETS[:3])
    assert np.allclose(several.probabilities(several.encode(case)), torch.sigmoid(logits).detach().numpy(), atol=1e-12)


def test_of_exclusive_labels_one_is_predicted_whatever_the_threshold():
    model = classifier(threshold=0.999)
    given = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    assert predicted(model, given).tolist() == [[False, True, False], [True, False, False]]


@pytest.mark.parametrize("kind", ["bert", "longformer"])
def test_training_sees_the_same_logits_and_features_and_its_gradient_reaches_the_encoder(kind):
    """A Longformer fills its windows up to blocks of its own, so that its embedding block gives rows that nobody asked for."""
    model = classifier(kind)
    batch = model.encode([text(30), text(4, 1, "b")])
    seen = model.forward(batch)
    assert torch.allclose(seen.logits, all_logits(model, batch.cases), atol=1e-12)
    assert seen.case.tolist() == [n for n, t in enumerate(batch.data.texts) for _ in range(len(t.windows))]
    assert seen.real.sum() == sum(t.windows.lengths.sum() for t in batch.data.texts)
    assert torch.allclose(seen.features[seen.case == 0].flatten(0, 1), model.features(batch)[0], atol=1e-12)
    shift = torch.zeros_like(seen.features).requires_grad_()
    moved = model.forward(batch, shift).logits.sum()
    moved.backward()
    assert shift.grad.abs().sum() > 0
    parts = model.parts()
    assert all(any(p.grad is not None and p.grad.any() for p in part.parameters()) for part in parts.values())
    numbers = [sum(p.numel() for p in part.parameters()) for part in parts.values()]
    assert sum(numbers) == sum(p.numel() for p in model.module.parameters())


def test_explaining_leaves_the_model_as_it_was():
    model = classifier()
    weights = {k: v.clone() for k, v in model.module.state_dict().items()}
    state = torch.random.get_rng_state()
    batch = model.encode([text(12)])
    list(model.feature_gradients(batch, TARGETS))
    list(model.gim_gradients(batch, TARGETS))
    model.label_attention(batch, TARGETS)
    model.perturbed_scores(batch, [np.zeros((1, len(batch.units[0])), dtype=bool)], "mask", TARGETS)
    assert all(torch.equal(weights[k], v) for k, v in model.module.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.module.parameters())
    assert not any(m._forward_hooks for m in model.module.modules())
    assert torch.equal(state, torch.random.get_rng_state())


def test_what_cannot_be_read_is_refused_by_name():
    model = classifier()
    for inputs, reason in (
        ({"text": " \n"}, "text of case blank is empty"),
        ({"text": "fever", "question": ""}, "question of case blank is empty"),
        ({"text": "fever", "question": " ".join(SENTENCES)}, "case blank has .* leave no room in a window of 16"),
    ):
        with pytest.raises(DataError, match=reason):
            model.encode([Case("blank", "p", inputs, frozenset())])


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"window": 129}, "choose 5 to 128"),
        ({"window": 3}, "choose 5 to 128"),
        ({"max_windows": 0}, "max_windows of 1"),
        ({"pooling": "median"}, "choose mean, max, logsumexp"),
        ({"labels": ("a", "a", "b")}, "a label twice"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, reason):
    with pytest.raises(PellucidError, match=reason):
        classifier(**wrong)


def test_labels_that_do_not_fit_the_outputs_are_refused():
    module, words = transformers_classifier()
    with pytest.raises(PellucidError, match="3 outputs but 2 labels"):
        TextClassifier(module, words, ("a", "b"), exclusive=True)
    with pytest.raises(PellucidError, match="at least two labels"):
        TextClassifier(module, words, ("a",), exclusive=True)


def test_a_classifier_without_an_embedding_block_is_refused():
    from transformers import GPT2Config, GPT2ForSequenceClassification

    module = GPT2ForSequenceClassification(
        GPT2Config(vocab_size=400, n_layer=1, n_head=2, n_embd=8, num_labels=3, pad_token_id=1)
    )
    with pytest.raises(CapabilityError, match="GPT2Model has no embedding block"):
        TextClassifier(module.eval(), transformers_classifier("roberta")[1], LABELS, exclusive=True)


def test_a_classifier_that_reads_text_past_its_embedding_block_is_refused():
    module, words = transformers_classifier("bert")
    table = module.bert.embeddings.word_embeddings

    def peek(_module, _given, kwargs, output):
        output.logits = output.logits + table(kwargs["input_ids"]).sum()
        return output

    module.register_forward_hook(peek, with_kwargs=True)
    with pytest.raises(CapabilityError, match="through its embedding block alone"):
        TextClassifier(module, words, LABELS, exclusive=True)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_one_window_gives_that_window_back(pooling):
    logits = torch.tensor([[0.1, -7.3, 1e3]], dtype=torch.float64)
    assert torch.equal(pool(logits, torch.ones(1, dtype=torch.bool), pooling), logits[0])
    absent = torch.cat([logits, torch.full_like(logits, 5e3)])
    assert torch.equal(pool(absent, torch.tensor([True, False]), pooling), logits[0])


def test_a_model_in_training_mode_is_refused_for_what_it_is():
    """Dropout made it look like a model that does not read its text through its embeddings."""
    module, words = transformers_classifier("bert")
    with pytest.raises(PellucidError, match=r"training mode.*module\.eval\(\)"):
        TextClassifier(module.train(), words, LABELS, exclusive=True)
