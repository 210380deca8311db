"""PLM-CA reads notes in chunks; nothing about chunks, padding or batches may be seen in its scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import LABELS, SENTENCES, coder, note

from pellucid.case import Case, Spans
from pellucid.errors import DataError, PellucidError
from pellucid.predictor import FILLERS, LabelAttention
from pellucid.predictors import plain
from pellucid.target import Target
from pellucid.units import words

TARGETS = [Target.label(label) for label in LABELS[:4]]
DECODERS = ("plm_ca", "laat")


def all_scores(model, cases):
    batch = model.encode(cases)
    return model.scores(model.features(batch), batch, [Target.label(label) for label in LABELS]).detach()


@pytest.mark.parametrize("decoder", DECODERS)
def test_batch_mates_never_change_logits(decoder):
    model = coder(decoder)
    short, long = note(5, 1, "a"), note(90, 2, "b")
    together = all_scores(model, [short, long])
    assert torch.allclose(together[0], all_scores(model, [short])[0], atol=1e-12)
    assert torch.allclose(together[1], all_scores(model, [long])[0], atol=1e-12)


@pytest.mark.parametrize("decoder", DECODERS)
def test_padding_receives_no_attention(decoder):
    model = coder(decoder)
    batch = model.encode([note(9)])
    reading = model.label_attention(batch, TARGETS)[0]
    real = model._real(batch.data.notes[0]).flatten()
    assert not real.all(), "the note must have padding for this test to say anything"
    assert (reading.attention[:, ~real] == 0).all()
    assert torch.allclose(reading.attention.sum(1), torch.ones(len(TARGETS), dtype=torch.float64))


def test_what_stands_in_the_padding_never_changes_logits():
    model = coder()
    batch = model.encode([note(9)])
    before = model.forward(batch).logits
    ids, lengths = batch.data.notes[0].ids, batch.data.notes[0].lengths
    ids[-1, lengths[-1] :] = 7
    assert torch.allclose(model.forward(batch).logits, before, atol=1e-12)


def test_the_longest_chunk_that_is_allowed_can_be_read_and_no_longer_one():
    longest = 62  # of 64 positions RoBERTa uses none for its padding (id 1) nor what stands before it
    model = coder(chunk=longest)
    assert np.isfinite(model.probabilities(model.encode([note(100)]))).all()
    with pytest.raises(PellucidError, match="at most 62 tokens at once"):
        coder(chunk=longest + 1)


@pytest.mark.parametrize("chunk", [4, 5, 16])
def test_a_note_of_exactly_whole_chunks_gets_no_extra_chunk(chunk):
    model = coder(chunk=chunk)
    for length in range(1, 30):
        case = note(length)
        count = model.tokens(case.text)
        assert len(model.encode([case]).data.notes[0].lengths) == -(-count // chunk)


def test_logits_probabilities_and_scores_agree():
    model = coder()
    batch = model.encode([note(20), note(3, 1, "b")])
    logits = model.forward(batch).logits
    assert torch.allclose(logits, all_scores(model, batch.cases), atol=1e-12)
    assert np.allclose(model.probabilities(batch), torch.sigmoid(logits).detach().numpy(), atol=1e-12)


def test_the_order_of_labels_never_changes_their_scores():
    model = coder()
    batch = model.encode([note(20)])
    ahead = model.scores(model.features(batch), batch, TARGETS)
    back = model.scores(model.features(batch), batch, TARGETS[::-1])
    assert torch.allclose(ahead, back.flip(1), atol=1e-12)


def test_a_contrast_is_the_difference_of_its_labels():
    model = coder()
    batch = model.encode([note(20)])
    a, b, contrast = model.scores(
        model.features(batch), batch, [TARGETS[0], TARGETS[1], Target.contrast(LABELS[0], LABELS[1])]
    )[0]
    assert torch.allclose(contrast, a - b, atol=1e-12)


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.strip))
@settings(max_examples=60, deadline=None)
def test_offsets_of_tokens_cover_every_visible_character(text):
    units = coder().encode([Case("a", "a", {"text": text}, frozenset())]).units[0]
    covered = np.zeros(len(text), dtype=bool)
    for start, end in units.offsets:
        covered[start:end] = True
    assert covered[[not c.isspace() for c in text]].all()


def test_offsets_give_back_the_words_of_non_ascii_text():
    text = SENTENCES[3]
    model = coder()
    units = model.encode([Case("a", "a", {"text": text}, frozenset())]).units[0]
    mark = np.zeros(len(units))
    mark[units.group(words(text)) == words(text).strings.index("niño")] = 1
    spans = units.offsets[mark.astype(bool)]
    assert text[spans[:, 0].min() : spans[:, 1].max()] == "niño"


def marked_text(case, units, start, end):
    """The text of the tokens that a span marks."""
    found = units.offsets[Spans.of((start, end)).covers(units)]
    return case.text[found[:, 0].min() : found[:, 1].max()] if len(found) else ""


def test_a_span_gives_its_own_text_back_through_tokens_up_to_the_very_end_of_the_note():
    case = Case("a", "a", {"text": " ".join(SENTENCES) + " niño"}, frozenset())
    units, every = coder().encode([case]).units[0], words(case.text)
    spans = [(int(a), int(b)) for a, b in every.offsets if case.text[a:b].isalpha()]
    assert spans[-1][1] == len(case.text)
    assert [marked_text(case, units, a, b) for a, b in spans] == [case.text[a:b] for a, b in spans]


def test_a_span_across_the_cut_marks_what_was_read_and_one_beyond_it_nothing():
    case, model = note(60), coder(max_tokens=20)
    units = model.encode([case]).units[0]
    read = int(units.offsets[-1, 1])
    first = int(units.offsets[-2, 0])
    assert marked_text(case, units, first, len(case.text)) == case.text[first:read]
    assert marked_text(case, units, read + 1, len(case.text)) == ""


def test_a_note_beyond_the_limit_loses_its_end_and_says_how_much():
    model = coder(max_tokens=20)
    case = note(60)
    batch = model.encode([case])
    assert batch.data.truncated == (model.tokens(case.text) - 20,)
    assert batch.data.notes[0].lengths.sum() == 20
    assert batch.units[0].offsets[-1, 1] < len(case.text)
    last = batch.data.notes[0].ids.flat[19]
    assert last == model.tokenizer.eos_token_id, "the closing special token stays"


def test_an_empty_note_is_refused_by_name():
    with pytest.raises(DataError, match="case blank"):
        coder().encode([Case("blank", "p", {"text": " \n"}, frozenset())])


def test_an_unknown_label_is_refused_by_name():
    model = coder()
    batch = model.encode([note(4)])
    with pytest.raises(PellucidError, match="X99"):
        model.scores(model.features(batch), batch, [Target.label("X99")])


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("filler", FILLERS["text"])
@given(seed=st.integers(0, 2**32 - 1), words=st.integers(1, 40), share=st.sampled_from([0.02, 0.5, 0.97, 1.0]))
@settings(max_examples=15, deadline=None)
def test_chunk_local_scores_equal_scoring_every_version_whole(decoder, filler, seed, words, share):
    model = coder(decoder)
    batch = model.encode([note(words, seed % 7)])
    generator = np.random.default_rng(seed)
    keep = generator.random((6, len(batch.units[0]))) >= share
    keep[0], keep[1] = True, False
    fast = model.perturbed_scores(batch, [keep], filler, TARGETS)[0]
    slow = plain.perturbed_scores(model, batch, [keep], filler, TARGETS)[0]
    assert np.allclose(fast, slow, atol=1e-10)


@pytest.mark.parametrize("filler", FILLERS["text"])
def test_leaving_out_one_token_at_a_time_equals_scoring_every_version_whole(filler):
    model = coder()
    batch = model.encode([note(40)])
    keep = ~np.eye(len(batch.units[0]), dtype=bool)
    fast = model.perturbed_scores(batch, [keep], filler, TARGETS)[0]
    slow = plain.perturbed_scores(model, batch, [keep], filler, TARGETS)[0]
    assert np.allclose(fast, slow, atol=1e-10)


def test_a_chunk_is_never_encoded_twice():
    model = coder()
    batch = model.encode([note(60)])
    chunks = len(batch.data.notes[0].lengths)
    keep = ~np.eye(len(batch.units[0]), dtype=bool)
    before = model.cost.chunks
    model.perturbed_scores(batch, [keep], "mask", TARGETS)
    assert model.cost.chunks - before <= chunks + len(keep)
    again = model.cost.chunks
    model.perturbed_scores(batch, [keep], "mask", TARGETS)
    assert model.cost.chunks == again


def test_forgetting_the_table_never_changes_scores(monkeypatch):
    model = coder()
    keep = np.random.default_rng(0).random((40, len(model.encode([note(40)]).units[0]))) > 0.3
    wide = model.perturbed_scores(model.encode([note(40)]), [keep], "mask", TARGETS)[0]
    for name in ("_BUDGET", "_KEPT"):
        monkeypatch.setattr(f"pellucid.predictors.plm_ca.perturbation.{name}", 4000)
    narrow = model.perturbed_scores(model.encode([note(40)]), [keep], "mask", TARGETS)[0]
    assert np.allclose(wide, narrow, atol=1e-10)


def gathered(pieces, batch, targets, shape):
    whole = [torch.zeros(len(targets), *shape, dtype=torch.float64) for _ in batch.cases]
    for piece in pieces:
        size = piece.gradient.shape[1]
        for k, start, block in zip(piece.targets.tolist(), piece.starts.tolist(), piece.gradient, strict=True):
            whole[piece.case][k, start : start + size] += block
    return whole


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("tolerance", [0.0, 1e-6])
def test_gradients_in_closed_form_and_packs_equal_autograd(decoder, tolerance):
    model = coder(decoder)
    model.tolerance = tolerance
    batch = model.encode([note(30), note(7, 1, "b")])
    targets = [*TARGETS, Target.contrast(LABELS[4], LABELS[0])]
    shape = model.features(batch).shape[1:]
    fast = gathered(model.feature_gradients(batch, targets), batch, targets, shape)
    slow = gathered(plain.feature_gradients(model, batch, targets), batch, targets, shape)
    for a, b in zip(fast, slow, strict=True):
        assert torch.allclose(a, b, atol=1e-12 if tolerance == 0 else 1e-5 * b.abs().max())


def test_gradients_are_taken_where_they_are_asked_for():
    model = coder()
    model.tolerance = 0.0
    batch = model.encode([note(30)])
    middle = (model.features(batch) + model.reference(batch)) / 2
    shape = middle.shape[1:]
    fast = gathered(model.feature_gradients(batch, TARGETS, middle), batch, TARGETS, shape)
    slow = gathered(plain.feature_gradients(model, batch, TARGETS, middle), batch, TARGETS, shape)
    assert torch.allclose(fast[0], slow[0], atol=1e-12)


@pytest.mark.parametrize("decoder", DECODERS)
def test_attention_gradients_in_closed_form_equal_autograd(decoder):
    model = coder(decoder)
    batch = model.encode([note(30)])
    reading = model.label_attention(batch, TARGETS)[0]
    hidden, real = model._hidden(batch, 0).flatten(0, 1), model._real(batch.data.notes[0]).flatten()
    outputs = torch.arange(len(TARGETS))
    head = model.module.decoder
    scores = head.attention_scores(hidden, outputs).masked_fill(~real, -torch.inf).detach().requires_grad_()
    attention = torch.softmax(scores, -1)
    attention.retain_grad()
    head.head(attention @ head.values(hidden), outputs).sum().backward()
    assert torch.allclose(reading.attention, attention, atol=1e-12)
    assert torch.allclose(reading.attention_gradient[:, real], attention.grad[:, real], atol=1e-10)
    assert torch.allclose(reading.score_gradient, scores.grad, atol=1e-10)


@pytest.mark.parametrize("decoder", DECODERS)
def test_what_reaches_a_token_never_exceeds_its_bound(decoder):
    from pellucid.predictors.plm_ca import calculus

    model = coder(decoder)
    batch = model.encode([note(30)])
    hidden, real = model._hidden(batch, 0), model._real(batch.data.notes[0]).flatten()
    outputs = torch.arange(len(LABELS))
    reading = calculus.read(model.module.decoder, hidden.flatten(0, 1), real, outputs)
    count = hidden.shape[0]
    labels, chunks = outputs.repeat_interleave(count), torch.arange(count).repeat(len(LABELS))
    arriving = calculus.upstream(model.module.decoder, reading, hidden, labels, chunks, outputs)
    norm = arriving.norm(dim=-1).view(len(LABELS), -1)
    assert (norm <= reading.bound * (1 + 1e-9) + 1e-15).all()


def test_a_sharp_label_sends_back_few_chunks():
    model = coder(sharpness=60.0)
    batch = model.encode([note(90)])
    pairs = len(batch.data.notes[0].lengths) * len(TARGETS)
    before = model.cost.chunk_gradients
    list(model.feature_gradients(batch, TARGETS))
    assert 0 < model.cost.chunk_gradients - before < pairs / 2


def test_explaining_leaves_the_model_as_it_was():
    model = coder()
    weights = {k: v.clone() for k, v in model.module.state_dict().items()}
    state = torch.random.get_rng_state()
    batch = model.encode([note(12)])
    list(model.feature_gradients(batch, TARGETS))
    model.perturbed_scores(batch, [np.zeros((1, len(batch.units[0])), dtype=bool)], "mask", TARGETS)
    assert all(torch.equal(weights[k], v) for k, v in model.module.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.module.parameters())
    assert not any(m._forward_hooks for m in model.module.modules())
    assert torch.equal(state, torch.random.get_rng_state())


def test_plm_ca_offers_label_attention_for_labels_only():
    model = coder()
    assert isinstance(model, LabelAttention)
    with pytest.raises(PellucidError, match="contrast"):
        model.label_attention(model.encode([note(5)]), [Target.contrast(LABELS[0], LABELS[1])])


@pytest.mark.parametrize("decoder", DECODERS)
def test_attention_scores_start_with_the_same_spread_at_every_width(decoder):
    from pellucid.predictors.plm_ca.decoders import DECODERS as KINDS

    spreads = []
    for width in (64, 768):
        head = KINDS[decoder](width, 50, torch.Generator().manual_seed(0))
        hidden = torch.randn(400, width, generator=torch.Generator().manual_seed(1))
        spreads.append(head.attention_scores(hidden, torch.arange(50)).std().item())
    assert spreads[0] == pytest.approx(spreads[1], rel=0.25)
