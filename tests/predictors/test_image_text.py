"""Facts of models whose words attend to regions."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from images import case
from pairs import SENTENCES, pair_model

from pellucid import predictors
from pellucid.errors import CapabilityError, CheckpointError, DataError, PellucidError
from pellucid.explainers.images.cam import GradCam
from pellucid.explainers.images.occlusion import WindowOcclusion
from pellucid.explainers.saliency import Saliency
from pellucid.predictor import SentenceAlignment, missing_capabilities
from pellucid.predictors.image_classifier.masking.masker import Masker, MaskSettings
from pellucid.predictors.image_text import CORRECTED, PUBLISHED, PUBLISHED_NULL, Comparing, ImageText
from pellucid.predictors.image_text.aggregating import aggregated, word_weights
from pellucid.predictors.image_text.comparing import local_attention, pooled
from pellucid.predictors.image_text.images import beheaded
from pellucid.predictors.image_text.texts import MOST_TOKENS, Tokens, items, lowered
from pellucid.target import Target
from pellucid.testing import check_explainer

RULES = {"published": PUBLISHED, "published_null": PUBLISHED_NULL, "corrected": CORRECTED}
SIZE = (32, 40)


@pytest.fixture(scope="module", params=RULES)
def model(request) -> ImageText:
    return pair_model(RULES[request.param])


@pytest.fixture(scope="module")
def corrected() -> ImageText:
    return pair_model()


def cases(count: int = 3):
    return [case(name, SIZE) for name in "abcde"[:count]]


@torch.no_grad()
def both(model, sentences=SENTENCES, count=3):
    images, texts = model.see(model.encode(cases(count))), model.read(sentences)
    return images, texts, model.align(images, texts)


def drawn(seed: int, regions: int = 12, words: int = 5, width: int = 6, loud: float = 3.0):
    generator = torch.Generator().manual_seed(seed)
    make = lambda *shape: loud * torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(2, regions, width), make(3, words, width), torch.ones(3, words, dtype=torch.bool), make(width)


# The rule


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_where_words_compete_their_shares_of_a_region_sum_to_one(seed):
    regions, words, real, _ = drawn(seed)
    real[0, 3:] = False
    found, _, _ = local_attention(regions, words, real, PUBLISHED)
    scores = np.einsum("brd,sld->bslr", regions, words)
    scores[:, 0, 3:] = -np.inf
    shares = np.exp(scores - scores.max(2, keepdims=True))
    shares /= shares.sum(2, keepdims=True)
    np.testing.assert_allclose(shares.sum(2), 1)
    expected = np.exp(4 * shares)
    expected /= expected.sum(-1, keepdims=True)
    expected[:, 0, 3:] = 0
    np.testing.assert_allclose(found, expected, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from(list(RULES)))
def test_a_map_and_the_null_sum_to_one(seed, name):
    regions, words, real, null = drawn(seed)
    rule = RULES[name]
    attention, nothing, _ = local_attention(regions, words, real, rule, null if rule.null else None)
    torch.testing.assert_close(attention.sum(-1), 1 - nothing)
    assert bool((nothing > 0).all()) == rule.null
    assert bool((attention >= 0).all())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_the_published_rule_cannot_leave_the_image_and_the_corrected_one_can(seed):
    regions, words, real, null = drawn(seed, loud=20.0)
    most = math.exp(4) / (math.exp(4) + regions.shape[1])
    _, published, _ = local_attention(regions, words, real, PUBLISHED_NULL, null)
    assert float(published.max()) <= most + 1e-12
    _, free, _ = local_attention(regions, words, real, Comparing(sharpness=1000.0), words[0, 0])
    assert float(free[:, 0, 0].min()) > most


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_the_contrast_of_a_published_map_is_bounded_by_the_exponential_of_its_sharpness(seed):
    regions, words, real, _ = drawn(seed, loud=30.0)
    attention, _, _ = local_attention(regions, words, real, PUBLISHED)
    contrast = attention.amax(-1) / attention.amin(-1)
    assert float(contrast.max()) <= math.exp(4) * (1 + 1e-9)
    sharper, _, _ = local_attention(regions, words, real, Comparing("none", "dot", 4.0, null=False))
    assert float((sharper.amax(-1) / sharper.amin(-1)).max()) > math.exp(4)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_a_sentence_of_one_word_has_an_even_map_where_words_compete(seed):
    regions, words, real, _ = drawn(seed, words=1)
    even, _, _ = local_attention(regions, words, real, PUBLISHED)
    torch.testing.assert_close(even, torch.full_like(even, 1 / regions.shape[1]))
    free, _, _ = local_attention(regions, words, real, CORRECTED)
    assert float(free.std(-1).min()) > 1e-3


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from(list(RULES)))
def test_maps_move_with_the_regions(seed, name):
    regions, words, real, null = drawn(seed)
    rule = RULES[name]
    order = torch.randperm(regions.shape[1], generator=torch.Generator().manual_seed(seed))
    here, nothing, seen = local_attention(regions, words, real, rule, null if rule.null else None)
    there, same, still = local_attention(regions[:, order], words, real, rule, null if rule.null else None)
    torch.testing.assert_close(there, here[..., order])
    torch.testing.assert_close(same, nothing)
    torch.testing.assert_close(still, seen)


def test_what_a_word_sees_is_the_mean_of_places_by_its_attention():
    regions, words, real, null = drawn(0)
    attention, nothing, seen = local_attention(regions, words, real, CORRECTED, null)
    expected = np.einsum("bslr,brd->bsld", attention, regions) + nothing[..., None].numpy() * null.numpy()
    np.testing.assert_allclose(seen, expected, atol=1e-12)


def test_a_rule_that_cannot_be_is_refused():
    for wrong in ({"norm": "regions"}, {"similarity": "l2"}, {"sharpness": 0.0}, {"contrast": float("inf")}):
        with pytest.raises(PellucidError, match="of words and regions"):
            Comparing(**wrong)


# The model


def test_the_score_of_a_pair_is_the_published_formula(model):
    images, texts, found = both(model)
    rule = model.module.rule
    counted = texts.real if rule.special else texts.real & ~texts.special
    places = images.regions
    if rule.null:
        places = torch.cat([places, model.module.null.expand(len(places), 1, -1)], 1)
    attention = torch.cat([found.attention, found.null[..., None]], -1) if rule.null else found.attention
    for b in range(3):
        for s in range(len(SENTENCES)):
            seen = attention[b, s][counted[s]] @ places[b]
            cosines = torch.cosine_similarity(seen, texts.words[s][counted[s]], dim=-1)
            terms = torch.exp(5 * cosines)
            expected = terms.sum().log() if rule.pooling == "sum" else terms.mean().log() / 5
            torch.testing.assert_close(found.local[b, s], expected)
            whole = torch.cosine_similarity(images.whole[b], texts.whole[s], dim=0)
            torch.testing.assert_close(found.whole[b, s], whole)
    torch.testing.assert_close(model.match(images, texts), 10 * (found.local + found.whole) / 2)


def test_the_sentences_map_and_its_null_sum_to_one(model):
    _, texts, found = both(model)
    for weighing in ("all", "words", "entities"):
        maps, null = aggregated(found, word_weights(texts, weighing))
        torch.testing.assert_close(maps.sum(-1) + null, torch.ones_like(null))


def test_neither_padding_nor_batch_mates_change_a_score(model):
    with torch.no_grad():
        together = model.match(*both(model)[:2])
        for i, one in enumerate(cases()):
            for j, sentence in enumerate(SENTENCES):
                alone = model.match(model.see(model.encode([one])), model.read([sentence]))
                torch.testing.assert_close(alone[0, 0], together[i, j], atol=1e-9, rtol=0)


def test_padding_has_no_attention(model):
    _, texts, found = both(model)
    assert not found.attention[:, ~texts.real].any()
    assert not found.null[:, ~texts.real].any()


def test_asked_for_sentences_the_model_answers_with_their_scores(model):
    asked = model.ask(SENTENCES)
    batch = asked.encode(cases())
    targets = [Target.label(text) for text in SENTENCES]
    with torch.no_grad():
        scores = asked.scores(asked.features(batch), batch, targets)
        expected = model.match(*both(model)[:2])
    torch.testing.assert_close(scores, expected, atol=1e-9, rtol=0)
    np.testing.assert_allclose(asked.probabilities(batch), torch.sigmoid(expected), atol=1e-9)


def test_asking_changes_neither_the_model_nor_its_fingerprint(corrected):
    before, labels = corrected.fingerprint, corrected.labels
    asked = corrected.ask(["Left effusion."])
    assert (corrected.fingerprint, corrected.labels) == (before, labels)
    assert asked.fingerprint != before
    assert asked.ask(["Left effusion."]).fingerprint == asked.fingerprint
    with pytest.raises(PellucidError, match="nothing to ask"):
        corrected.ask([])


def test_a_label_is_the_lead_of_its_sentence_over_the_opposite(corrected):
    batch = corrected.encode(cases())
    with torch.no_grad():
        logits = corrected.logits(corrected.pixels(batch))
        said = corrected.match(corrected.see(batch), corrected.read(["There is effusion.", "No effusion."]))
    torch.testing.assert_close(logits[:, 0], said[:, 0] - said[:, 1], atol=1e-9, rtol=0)


def test_images_are_encoded_once_a_batch():
    model = pair_model()
    batch = model.encode(cases())
    with torch.no_grad():
        for _ in range(3):
            model.align(model.see(batch), model.read(SENTENCES))
    assert (model.cost.images, model.cost.sentences) == (3, 3 * len(SENTENCES))
    with torch.no_grad():
        next(model.module.parameters()).add_(1.0)  # other weights see other things
        model.see(batch)
    assert model.cost.images == 6


def test_the_score_of_a_pair_teaches_both_towers(model):
    model.module.zero_grad()
    with torch.enable_grad():
        model.match(model.see(model.encode(cases())), model.read(SENTENCES))[0, 0].backward()
    for part in (model.module.image.network.stem, model.module.image.region, model.module.text.encoder, model.module.text.word):
        assert sum(float(p.grad.abs().sum()) for p in part.parameters() if p.grad is not None) > 0
    model.module.zero_grad()


def test_it_has_the_capability_and_no_attention_of_patches(corrected):
    assert isinstance(corrected, SentenceAlignment)
    assert not missing_capabilities(corrected, ["sentence_alignment", "feature_maps", "embeddings", "region_pooling"])
    assert missing_capabilities(corrected, ["patch_attention"])
    assert missing_capabilities(corrected, ["joint_attention"])


def test_the_image_is_made_of_its_regions(corrected):
    images, _, _ = both(corrected)
    torch.testing.assert_close(corrected.pooled(images.regions), images.whole)


@pytest.mark.parametrize("method", [GradCam(), Saliency(), WindowOcclusion(window=16, stride=16)], ids=lambda m: m.name)
def test_explainers_of_images_explain_an_image_for_a_sentence(corrected, method):
    check_explainer(method, corrected.ask(SENTENCES[:2]), cases(2))


def test_sentences_that_were_asked_follow_the_weights_and_are_read_without_dropout():
    model = pair_model()
    asked = model.ask(SENTENCES[:2])
    before = asked.module.told
    assert asked.module.told is before  # once for each state of the weights
    model.module.train()
    with torch.no_grad():
        next(model.module.text.encoder.parameters()).mul_(1.5)  # as a step of training does
        after = asked.module.told
        assert not torch.equal(after.words, before.words)
        torch.testing.assert_close(after.words, model.read(SENTENCES[:2]).words)
    assert model.module.training
    assert model.module.text.encoder.training
    assert asked.fingerprint == model.ask(SENTENCES[:2]).fingerprint


def test_an_asked_model_goes_where_its_model_goes():
    model = pair_model()
    asked = model.ask(SENTENCES[:2])
    model.to(dtype=torch.float32)
    assert asked.module.told.words.dtype == torch.float32
    assert asked.probabilities(asked.encode(cases())).shape == (3, 2)


def test_two_models_of_one_network_keep_their_own_questions():
    model = pair_model()
    network = model.module
    other = ImageText(network, ["opacity"], size=SIZE)
    assert other.questions == (("There is opacity.", "No opacity."),)
    assert model.questions[0] == ("There is effusion.", "No effusion.")
    assert network.questions == model.questions


def test_a_network_without_maps_has_no_regions():
    with pytest.raises(CapabilityError, match="makes no maps"):
        beheaded(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 1)), 1, (4, 4))


# Texts


def test_the_mask_token_reaches_the_encoder_as_its_own_id(corrected):
    tokenizer = corrected.module.tokenizer
    read = Tokens([f"Small {corrected.mask_token} effusion {corrected.mask_token}."], tokenizer)
    assert int((read.ids == tokenizer.mask_token_id).sum()) == 2
    plain = Tokens(["Small left effusion right."], tokenizer)
    assert not bool((plain.ids == tokenizer.mask_token_id).any())
    assert read.spans[0].tolist()[2] == [6, 6 + len(corrected.mask_token)]


def test_small_letters_leave_the_mask_token_and_the_length_alone():
    assert lowered("Left [MASK] LUNG", "[MASK]") == "left [MASK] lung"
    assert len(lowered("İ Straße", "[MASK]")) == len("İ Straße")


def test_without_a_mask_token_nothing_is_one():
    assert [("None seen"[a:b]) for a, b in items("None seen", None)] == ["None", "seen"]


def test_upper_and_lower_case_read_alike(corrected):
    with torch.no_grad():
        texts = corrected.read(["Left EFFUSION.", "left effusion."])
    torch.testing.assert_close(texts.words[0], texts.words[1])


def test_spans_point_at_the_words(corrected):
    texts = corrected.read(SENTENCES)
    for text, spans, real, special in zip(SENTENCES, texts.spans, texts.real, texts.special, strict=True):
        said = [text[a:b] for a, b in spans]
        assert said == ["", *text.replace(",", "").replace(".", "").split()]
        assert int(real.sum()) == len(spans)
        assert special.tolist() == [True] + [False] * (len(special) - 1)


def test_words_are_sums_of_the_states_of_their_tokens(corrected):
    tower, text = corrected.module.text, "Small pneumothorax."
    read = Tokens([text], corrected.module.tokenizer)
    with torch.no_grad():
        states = tower.encoder(input_ids=read.ids, attention_mask=read.there).last_hidden_state[0]
        offsets = corrected.module.tokenizer(text.lower(), return_offsets_mapping=True)["offset_mapping"]
        inside = [i for i, (a, b) in enumerate(offsets) if b > a and 6 <= b - 1 < 18]
        assert len(inside) > 1
        torch.testing.assert_close(corrected.read([text]).words[0, 2], tower.word(states[inside].sum(0)))


def test_a_long_sentence_is_cut_and_says_so(corrected):
    text = " ".join(["effusion"] * (3 * MOST_TOKENS))
    read = Tokens([text, "Left lung."], corrected.module.tokenizer)
    assert read.ids.shape[1] == MOST_TOKENS
    assert read.truncated[0] == 3 * MOST_TOKENS - (len(read.spans[0]) - 1) > 0
    assert read.truncated[1] == 0


@pytest.mark.parametrize("text", ["", "  ", "...", "?!"])
def test_a_sentence_without_a_word_is_refused(corrected, text):
    with pytest.raises(DataError, match="no word that the model can read"):
        corrected.read(["Left lung.", text])


# Files


def test_a_saved_model_comes_back_the_same(model, tmp_path):
    model.save(tmp_path / "m")
    again = predictors.load(tmp_path / "m")
    assert isinstance(again, ImageText)
    assert (again.fingerprint, again.labels, again.questions) == (model.fingerprint, model.labels, model.questions)
    with torch.no_grad():
        torch.testing.assert_close(again.match(*both(again)[:2]), model.match(*both(model)[:2]), atol=0, rtol=0)


def test_a_changed_or_incomplete_folder_is_refused(corrected, tmp_path):
    corrected.save(tmp_path / "m")
    manifest = tmp_path / "m" / "pellucid.json"
    found = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(found | {"threshold": 0.7}))
    with pytest.raises(CheckpointError, match="was changed after it was saved"):
        predictors.load(tmp_path / "m")
    manifest.write_text(json.dumps(found | {"kind": "triple"}))
    with pytest.raises(CheckpointError, match="'triple', which does not exist"):
        predictors.load(tmp_path / "m")
    manifest.write_text(json.dumps(found))
    (tmp_path / "m" / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is missing"):
        predictors.load(tmp_path / "m")


def test_making_and_asking_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    pair_model().ask(["Left lung."])
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_mask_network_of_labels_is_not_asked_about_sentences(corrected) -> None:
    """Sentences have numbers too, and it would answer for the label of the same number."""
    kinds = {"nemt": "evidence", "nem_u": "embedding", "fastshap": "values"}
    shape = {"taps": (), "channels": (1,), "image": True, "widths": (4,), "size": corrected.size, "grid": 2}
    made = {name: MaskSettings(kind=kind, labels=len(corrected.labels), **shape) for name, kind in kinds.items()}
    corrected.maskers = {name: Masker(settings) for name, settings in made.items()}
    asked = corrected.ask(["Left effusion."])
    assert list(asked.maskers) == ["nem_u"]
    assert {"mask_network", "shapley_network"} <= asked.lacks
    assert list(corrected.maskers) == list(kinds)


def test_the_published_local_score_is_the_logarithm_of_a_sum_over_words() -> None:
    """Spec: Z = log sum_j exp(tau2 cos(w_j, c_j)), undivided; it is what the published loss multiplies by tau3."""
    fits = torch.tensor([[[0.5, -0.2, 0.9]]], dtype=torch.float64)
    real = torch.tensor([[True, True, False]])
    by_hand = math.log(math.exp(5 * 0.5) + math.exp(5 * -0.2))
    assert float(pooled(fits, real, PUBLISHED)) == pytest.approx(by_hand)
    assert float(pooled(fits, real, CORRECTED)) == pytest.approx((by_hand - math.log(2)) / 5)
