"""Attention of sentences over images: which words count, what is left to the null, and the way to the pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from images import case
from pairs import SENTENCES, pair_model

from pellucid.errors import PellucidError
from pellucid.explainers.sentences import phrase_maps, word_maps
from pellucid.explainers.sentences.asking import asked
from pellucid.explainers.sentences.regional import over_pixels
from pellucid.predictor import Alignment, ImageSide
from pellucid.predictors.image_text import CORRECTED, PUBLISHED
from pellucid.predictors.image_text.aggregating import (
    aggregated,
    concentration_weights,
    largest,
    painted,
    relevance_weights,
    word_weights,
)
from pellucid.registry import explainers
from pellucid.target import Target

SIZE = (32, 40)
LONG = SENTENCES[2]
LABELS = [Target.label(text) for text in SENTENCES]


@pytest.fixture(scope="module")
def model():
    return pair_model(CORRECTED, SIZE).ask(SENTENCES)


def explain(name, model, names="ab", targets=LABELS, **settings):
    return explainers.create(name, **settings)(model, model.encode([case(n, SIZE) for n in names]), targets)


def sides(model, names="ab", texts=SENTENCES):
    with torch.no_grad():
        images, read = model.see(model.encode([case(n, SIZE) for n in names])), model.read(texts)
        return images, read, model.align(images, read)


def test_maps_of_all_sentences_in_one_pass_are_those_of_each_alone(model):
    together = explain("local_attention", model)
    for k, text in enumerate(SENTENCES):
        fresh = model.ask([text])
        alone = explain("local_attention", fresh, targets=[Target.label(text)])
        for one, other in zip(together, alone, strict=True):
            assert np.allclose(one.scores[k], other.scores[0], rtol=1e-10)


def test_images_and_sentences_are_encoded_once_for_all_aggregates():
    model = pair_model(CORRECTED, SIZE)
    before = (model.cost.images, model.cost.sentences)
    model = model.ask(SENTENCES)
    batch = model.encode([case(n, SIZE) for n in "ab"])
    for name in ("local_attention", "local_attention_mean", "local_attention_max", "local_attention_gradient"):
        explainers.create(name)(model, batch, LABELS)
    assert (model.cost.images - before[0], model.cost.sentences - before[1]) == (2, len(SENTENCES))


@pytest.mark.parametrize("name", ["local_attention", "local_attention_mean", "local_attention_words",
                                  "local_attention_gradient", "local_attention_concentration"])  # fmt: skip
def test_a_map_and_what_was_left_to_the_null_sum_to_one(name, model):
    """Nearest cells cover equally many pixels here, so that a mean over pixels is a mean over regions."""
    grid = sides(model)[0].grid
    assert all(n % g == 0 for n, g in zip(SIZE, grid, strict=True))
    for found in explain(name, model, nearest=True):
        assert np.allclose(found.scores.mean(1) * np.prod(grid) + found.facts["null"], 1)


def test_a_model_that_cannot_opt_out_says_nothing_of_the_null():
    published = pair_model(PUBLISHED, SIZE).ask(SENTENCES)
    assert all("null" not in found.facts for found in explain("local_attention_mean", published))


def test_the_published_map_is_the_mean_over_all_items_with_special_ones():
    published = pair_model(PUBLISHED, SIZE).ask(SENTENCES)
    images, texts, found = sides(published)
    for k in range(len(SENTENCES)):
        count = int(texts.real[k].sum())
        expected = found.attention[0, k, :count].mean(0).reshape(images.grid).repeat_interleave(SIZE[0] // images.grid[0], 0)
        expected = expected.repeat_interleave(SIZE[1] // images.grid[1], 1)
        scores = explain("local_attention_mean", published, nearest=True)[0].scores[k]
        assert np.allclose(scores.reshape(SIZE), expected)


def test_entities_count_and_other_words_do_not(model):
    texts = model.read((LONG,))
    counted = [LONG[a:b] for (a, b), w in zip(texts.spans[0], word_weights(texts)[0].tolist(), strict=True) if w > 0]
    assert {"Opacity", "right", "lower", "lobe", "nodule", "left", "upper"} <= set(counted)
    assert not {"and", "a", "in", "the"} & set(counted)


def test_a_sentence_without_entities_is_read_by_all_its_words(model):
    texts = model.read(("Nothing is new.",))
    assert torch.equal(word_weights(texts), word_weights(texts, "words"))


def test_the_null_of_a_contrast_is_the_difference(model):
    one, other, both = explain("local_attention", model, "a", [*LABELS[:2], Target.contrast(*SENTENCES[:2])])[0].facts["null"]
    assert both == pytest.approx(one - other)


def test_a_concentrated_word_outweighs_a_diffuse_one(model):
    _, texts, _ = sides(model, "a", ("opacity nodule",))
    even, sharp = torch.full((6,), 1 / 6), torch.eye(6)[0]
    attention = torch.stack([torch.zeros(6), even, sharp]).double()[None, None]
    found = Alignment(attention, torch.zeros(1, 1, 3).double(), torch.zeros(1, 1), torch.zeros(1, 1))
    weights = concentration_weights(found, texts)[0, 0]
    expected = np.exp([-8 * np.log(6), 0.0])
    assert weights[0] == 0
    assert np.allclose(weights[1:], expected / expected.sum())


def test_concentration_does_not_depend_on_what_is_left_to_the_null(model):
    _, texts, found = sides(model)
    left = Alignment(found.attention / 2, 1 - found.attention.sum(-1) / 2, found.local, found.whole)
    assert torch.allclose(concentration_weights(found, texts), concentration_weights(left, texts))


def test_relevance_below_zero_counts_nothing_and_no_relevance_counts_evenly(model):
    texts = model.read(("opacity nodule effusion",))
    some = relevance_weights(torch.tensor([[[9.0, 3.0, -1.0, 1.0]]]), texts)
    assert some[0, 0].tolist() == [0, 0.75, 0, 0.25]
    none = relevance_weights(torch.tensor([[[9.0, -3.0, -1.0, 0.0]]]), texts)
    assert np.allclose(none[0, 0], [0, 1 / 3, 1 / 3, 1 / 3])


def test_the_largest_map_is_at_least_every_word_and_its_null_at_most(model):
    _, texts, found = sides(model)
    maps, null = largest(found, texts)
    for k in range(len(SENTENCES)):
        words = texts.real[k] & ~texts.special[k]
        assert torch.equal(maps[:, k], found.attention[:, k, words].max(1).values)
        assert torch.equal(null[:, k], found.null[:, k, words].min(1).values)


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_aggregated_maps_are_convex_mixtures_of_the_words_that_attend(seed):
    random = torch.Generator().manual_seed(seed)
    shares = torch.softmax(torch.randn(2, 3, 5, 7, generator=random, dtype=torch.float64), -1)
    shares[:, :, 0] = 0  # a special token that does not attend
    found = Alignment(shares[..., :6], shares[..., 6], torch.zeros(2, 3), torch.zeros(2, 3))
    maps, null = aggregated(found, torch.rand(3, 5, generator=random, dtype=torch.float64) + 0.1)
    assert torch.allclose(maps.sum(-1) + null, torch.ones(2, 3, dtype=torch.float64))
    assert (maps <= shares[..., :6].amax(2)).all()


def test_each_word_has_a_map_and_the_sentence_is_their_mean(model):
    batch = model.encode([case(n, SIZE) for n in "ab"])
    found = word_maps(model, batch, SENTENCES[0])
    whole = explainers.create("local_attention_words")(model, batch, LABELS[:1])
    assert found[0].units.strings == ["Small", "left", "pleural", "effusion"]
    for one, mean in zip(found, whole, strict=True):
        assert np.allclose(one.maps.mean(0), mean.scores[0])
        assert one.null.mean() == pytest.approx(mean.facts["null"][0])


def test_a_phrase_is_the_mean_of_its_words(model):
    batch = model.encode([case("a", SIZE)])
    words, phrase = word_maps(model, batch, LONG)[0], phrase_maps(model, batch, LONG, ["right lower lobe", "NODULE"])[0]
    place = [words.units.strings.index(w) for w in ("right", "lower")]
    place.append(place[-1] + 1)
    assert phrase.units.strings == ["right lower lobe", "nodule"]
    assert np.allclose(phrase.maps[0], words.maps[place].mean(0))
    assert np.allclose(phrase.maps[1], words.maps[words.units.strings.index("nodule")])


@pytest.mark.parametrize("phrase", ["ight lower", "lingula", " "])
def test_a_phrase_that_is_not_there_in_whole_words_is_refused_without_the_text(phrase, model):
    with pytest.raises(PellucidError, match="Phrase 2 does not stand") as refusal:
        phrase_maps(model, model.encode([case("a", SIZE)]), LONG, ["right lower lobe", phrase])
    assert "lobe" not in str(refusal.value)


def test_boxes_are_painted_with_the_largest_that_covers_a_pixel():
    boxes = torch.tensor([[0.0, 0.0, 4.0, 3.0], [2.0, 1.0, 6.0, 3.0]])
    found = painted(torch.tensor([[0.3, 0.7]]), boxes, (4, 6))[0]
    assert found[0].tolist() == pytest.approx([0.3, 0.3, 0.3, 0.3, 0, 0])
    assert found[1].tolist() == pytest.approx([0.3, 0.3, 0.7, 0.7, 0.7, 0.7])
    assert not found[3].any()


def test_signed_scores_of_boxes_are_the_best_less_the_worst(model):
    batch = model.encode([case("a", SIZE)])
    boxes = torch.tensor([[0.0, 0.0, 40.0, 32.0], [0.0, 0.0, 20.0, 32.0]])
    images = ImageSide(torch.zeros(1, 2, 1), torch.zeros(1, 1), (1, 2), boxes)
    scores = over_pixels(torch.tensor([[0.5, -0.2]]), images, batch, 0).reshape(SIZE)
    assert np.allclose(scores[:, :20], 0.3)
    assert np.allclose(scores[:, 20:], 0.5)


def test_a_question_is_read_by_its_sentence_and_scored_with_its_opposite():
    model = pair_model(CORRECTED, SIZE)
    said, scored = (asked(model, [Target.label("nodule")], opposites=o) for o in (False, True))
    assert said.texts == ("There is nodule.",)
    assert scored.texts == ("There is nodule.", "No nodule.")
    assert scored.weights.tolist() == [[1, -1]]


def test_a_sentence_that_was_not_asked_is_refused(model):
    with pytest.raises(PellucidError, match="does not know"):
        explain("local_attention", model, "a", [Target.label("Another sentence.")])
