"""The text side: which words a score rests on, and which words and regions act together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from duals import saved
from images import case
from pairs import SENTENCES, pair_model

from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.sentences import interaction, word_scores
from pellucid.explainers.sentences.asking import row
from pellucid.explainers.sentences.words import _METHODS, SIGNED
from pellucid.predictors.image_text import CORRECTED, PUBLISHED, ImageText
from pellucid.units import patches

SIZE = (32, 40)
SENTENCE = SENTENCES[2]


@pytest.fixture(scope="module")
def model():
    return pair_model(CORRECTED, SIZE)


def batch_of(model, names="ab"):
    return model.encode([case(n, SIZE) for n in names])


def score(model, batch, text):
    with torch.no_grad():
        return model.match(model.see(batch), model.read((text,)))[:, 0].numpy()


def without(text, units, *words):
    for start, stop in sorted((units.offsets[j].tolist() for j in words), reverse=True):
        text = text[:start] + "<mask>" + text[stop:]
    return text


def test_occlusion_is_what_the_score_loses_when_a_word_is_hidden(model):
    batch = batch_of(model)
    found = word_scores(model, batch, SENTENCE)
    units = found[0].units
    assert units.strings[:4] == ["Opacity", "in", "the", "right"]
    for j in range(len(units)):
        lost = score(model, batch, SENTENCE) - score(model, batch, without(SENTENCE, units, j))
        assert np.allclose([a.scores[0, j] for a in found], lost, atol=1e-12)


@pytest.mark.parametrize("method", list(_METHODS))
def test_scores_of_words_do_not_depend_on_batch_mates(method, model):
    together = word_scores(model, batch_of(model), SENTENCE, method)
    for name, one in zip("ab", together, strict=True):
        alone = word_scores(model, batch_of(model, name), SENTENCE, method)[0]
        assert np.allclose(one.scores, alone.scores, atol=1e-11)
        assert one.case == name
        assert one.signed == (method in SIGNED)
        assert one.method == f"word_{method}"
        assert one.targets[0].name == SENTENCE


def test_versions_of_a_sentence_are_read_together_and_images_once(model):
    batch = batch_of(model)
    before = (model.cost.images, model.cost.sentences)
    found = word_scores(model, batch, SENTENCE)
    assert model.cost.images - before[0] == 2
    assert model.cost.sentences - before[1] == 2 + len(found[0].units)


def test_rise_finds_the_effects_of_words_that_add_up(model, monkeypatch):
    """A score that is a sum over words: what is expected of each is its effect, but for a factor of one half."""
    effects = dict(zip(("Opacity", "nodule", "right"), (3.0, -2.0, 1.0), strict=True))

    def additive(images, texts):
        rows = [sum(v for word, v in effects.items() if word in text) for text in texts.texts]
        return torch.tensor(rows, dtype=torch.float64).expand(len(images.regions), -1)

    monkeypatch.setattr(model, "match", additive)
    found = word_scores(model, batch_of(model), SENTENCE, "rise", masks=4000)[0]
    expected = [effects.get(word, 0) / 2 for word in found.units.strings]
    assert np.abs(found.scores[0] - expected).max() < 0.15


@pytest.mark.parametrize("rule", [CORRECTED, PUBLISHED])
def test_the_gradient_of_a_word_is_the_slope_towards_the_mean_word(rule):
    model = pair_model(rule, SIZE)
    batch = batch_of(model, "a")
    found = word_scores(model, batch, SENTENCE, "gradient")[0].scores[0]
    step = 1e-6
    with torch.no_grad():
        images, texts = model.see(batch), model.read((SENTENCE,))
        mean = texts.words[0, 1:].mean(0)
        for j in range(len(found)):
            moved = texts.words.clone()
            moved[0, j + 1] += step * (mean - moved[0, j + 1])
            lost = model.match(images, texts) - model.match(images, replace(texts, words=moved))
            assert found[j] == pytest.approx(float(lost) / step, abs=1e-4)


def test_input_times_gradient_of_words_alone_would_be_zero(model):
    """Why the gradient is taken towards the mean: cosines do not change with the length of a word."""
    batch = batch_of(model, "a")
    with torch.no_grad():
        images, texts = model.see(batch), model.read((SENTENCE,))
    words = texts.words.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.match(row(images, 0), replace(texts, words=words)).sum(), words)
    assert (gradient * texts.words).sum(-1).abs().max() < 1e-10
    assert np.abs(word_scores(model, batch, SENTENCE, "gradient")[0].scores).max() > 1e-3


def test_the_only_word_of_a_sentence_is_scored(model):
    found = {method: word_scores(model, batch_of(model, "a"), "Effusion.", method)[0] for method in _METHODS}
    assert all(a.scores.shape == (1, 1) and np.isfinite(a.scores).all() for a in found.values())
    assert found["gradient"].scores == 0


def test_a_method_that_does_not_exist_is_refused(model):
    with pytest.raises(PellucidError, match="occlusion, rise, gradient, grad_eclip"):
        word_scores(model, batch_of(model), SENTENCE, "lime")


@pytest.mark.parametrize(
    "explain",
    [
        lambda model, batch: word_scores(model, batch, SENTENCES[0], "occlusion"),
        lambda model, batch: word_scores(model, batch, SENTENCES[0], "rise"),
        lambda model, batch: interaction(model, batch, SENTENCES[0], across=2),
    ],
    ids=["occlusion", "rise", "interaction"],
)
def test_a_model_without_a_mask_token_hides_no_words_and_says_so_in_one_sentence(explain, tmp_path):
    clip = ImageText.from_transformers(saved(tmp_path, "clip"))
    with pytest.raises(CapabilityError) as refused:
        explain(clip, clip.encode([case("a", (32, 32), 3)]))
    assert str(refused.value).startswith("CLIPModel never saw a hidden word in its training")
    assert str(refused.value).count(".") == 1


@pytest.mark.parametrize("method", ["gradient", "grad_eclip"])
def test_a_score_that_reads_no_single_words_has_no_gradients_of_them(method, tmp_path):
    clip = ImageText.from_transformers(saved(tmp_path, "clip"))
    with pytest.raises(CapabilityError, match="word_scores needs a score that depends on words one by one"):
        word_scores(clip, clip.encode([case("a", (32, 32), 3)]), SENTENCES[0], method)


def test_interactions_are_second_differences_of_naive_pairs(model):
    batch = batch_of(model)
    found = interaction(model, batch, SENTENCES[0], across=2)
    regions = patches(batch.units[0], 2)
    whole = score(model, batch, SENTENCES[0])
    for r in range(len(regions)):
        gone = model.perturb(batch, [regions.index.ravel() != r] * 2, "mask")
        for j in range(len(found[0].words)):
            text = without(SENTENCES[0], found[0].words, j)
            expected = whole - score(model, batch, text) - score(model, gone, SENTENCES[0]) + score(model, gone, text)
            assert np.allclose([one.values[j, r] for one in found], expected, atol=1e-11)
    assert max(np.abs(one.values).max() for one in found) > 1e-3


def test_interactions_encode_each_version_once(model):
    batch = batch_of(model)
    before = (model.cost.images, model.cost.sentences)
    found = interaction(model, batch, SENTENCES[0], across=2)
    words = len(found[0].words)
    assert model.cost.images - before[0] == 2 * (1 + 4)
    assert model.cost.sentences - before[1] <= 2 + words


def test_main_effects_of_words_are_their_occlusion(model):
    batch = batch_of(model)
    for one, other in zip(interaction(model, batch, SENTENCE, across=2), word_scores(model, batch, SENTENCE), strict=True):
        assert np.allclose(one.word_effects, other.scores[0])


def test_words_and_regions_that_only_add_up_do_not_interact(model, monkeypatch):
    def additive(images, texts):
        said = torch.tensor([[float("left" in text) for text in texts.texts]])
        return images.whole.sum(1, keepdim=True) + said

    monkeypatch.setattr(model, "match", additive)
    found = interaction(model, batch_of(model), SENTENCES[0], across=3)[0]
    assert np.abs(found.values).max() < 1e-12
    assert np.abs(found.region_effects).max() > 0
    assert found.word_effects[found.words.strings.index("left")] == pytest.approx(1)


def test_no_patches_are_refused(model):
    with pytest.raises(PellucidError, match="at least 1"):
        interaction(model, batch_of(model), SENTENCES[0], across=0)
