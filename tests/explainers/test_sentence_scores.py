"""Methods that explain the score of an image and a sentence, each against the naive way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from images import case
from pairs import SENTENCES, pair_model
from scipy.ndimage import gaussian_filter
from torch.nn.functional import normalize

from pellucid.errors import PellucidError
from pellucid.explainers.images.maps import to_pixels
from pellucid.explainers.sentences.asking import remade, row
from pellucid.explainers.sentences.dense_cosine import smoothed
from pellucid.explainers.sentences.grad_eclip import gathered
from pellucid.explainers.sentences.m2ib import information
from pellucid.predictors.image_text import CORRECTED
from pellucid.registry import explainers
from pellucid.target import Target

SIZE = (32, 40)
LABELS = [Target.label(text) for text in SENTENCES]


@pytest.fixture(scope="module")
def model():
    return pair_model(CORRECTED, SIZE).ask(SENTENCES)


@pytest.fixture(scope="module")
def joint():
    return pair_model(None, SIZE).ask(SENTENCES)


def batch_of(model, names="a"):
    return model.encode([case(n, SIZE) for n in names])


def sides(model, names="a"):
    with torch.no_grad():
        return model.see(batch_of(model, names)), model.read(SENTENCES)


def test_the_vjp_is_the_sum_over_coordinates_of_the_embedding(model):
    """The naive loop: input times gradient of every coordinate, weighted by the sentence."""
    batch = batch_of(model)
    texts = normalize(sides(model)[1].whole, dim=-1)
    pixels = batch.data.clone().requires_grad_()
    embedding = normalize(model.embed(pixels), dim=-1)[0]
    expected = torch.zeros(len(SENTENCES), pixels[0].numel(), dtype=torch.float64)
    for k, coordinate in enumerate(embedding):
        (gradient,) = torch.autograd.grad(coordinate, pixels, retain_graph=True)
        expected += texts[:, k, None] * (gradient * pixels).detach().sum(1).reshape(1, -1)
    found = explainers.create("embedding_vjp")(model, batch, LABELS)[0].scores
    assert np.allclose(found, expected, atol=1e-14)
    assert np.abs(found).max() > 1e-4


def test_dense_cosine_embeds_every_cell_as_an_image_of_its_own(model):
    images, texts = sides(model)
    with torch.no_grad():
        alone = torch.stack([model.pooled(images.regions[:, i : i + 1])[0] for i in range(images.regions.shape[1])])
    cosine = torch.cosine_similarity(alone[None], texts.whole[:, None], dim=-1)
    expected = to_pixels(cosine.reshape(-1, *images.grid), SIZE).flatten(1)
    found = explainers.create("dense_cosine", sigma=0.0)(model, batch_of(model), LABELS)[0].scores
    assert np.allclose(found, expected)


def test_an_image_is_pooled_from_its_regions(model, joint):
    for one in (model, joint):
        images = sides(one, "ab")[0]
        assert torch.allclose(remade(one, images, images.regions).whole, images.whole)


@pytest.mark.parametrize("sigma", [0.7, 1.5])
def test_smoothing_is_a_gaussian_of_what_lies_inside(sigma):
    cells = np.random.default_rng(0).normal(size=(2, 6, 7))
    known = {"sigma": (0, sigma, sigma), "mode": "constant", "truncate": 20}
    expected = gaussian_filter(cells, **known) / gaussian_filter(np.ones_like(cells), **known)
    assert np.allclose(smoothed(torch.from_numpy(cells), sigma), expected)


def test_a_constant_map_stays_constant_when_smoothed():
    assert torch.allclose(smoothed(torch.full((1, 3, 4), 2.0), 1.5), torch.full((1, 3, 4), 2.0))


def test_grad_eclip_is_the_published_product_at_the_regions(model):
    """Written as loops, region by region and channel by channel."""
    images, texts = sides(model)
    regions = images.regions.clone().requires_grad_()
    score = model.match(remade(model, images, regions), texts)[0, 0]
    (gradient,) = torch.autograd.grad(score, regions)
    values, wanted = images.regions[0].numpy(), gradient[0].sum(0).numpy()
    mean = values.mean(0)
    like = np.array([v @ mean / np.linalg.norm(v) / np.linalg.norm(mean) for v in values])
    share = (like - like.min()) / (like.max() - like.min())
    expected = [max(0.0, sum(wanted[c] * share[i] * v[c] for c in range(len(mean)))) for i, v in enumerate(values)]
    pixels = to_pixels(torch.tensor(expected).reshape(1, *images.grid), SIZE).flatten()
    found = explainers.create("grad_eclip")(model, batch_of(model), LABELS[:1])[0].scores[0]
    assert np.allclose(found, pixels, atol=1e-12)
    assert found.any()


def test_the_gradient_of_the_mean_is_that_of_the_class_token_where_only_the_mean_is_read():
    """The generalisation: g summed over regions is dS/do for S(o), o their mean."""
    values = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    mean = values.mean(0)
    (at_regions,) = torch.autograd.grad((mean**3).sum(), values)
    assert torch.allclose(at_regions.sum(0), 3 * mean.detach() ** 2)


def test_rows_that_are_all_alike_count_fully():
    assert gathered(torch.ones(4, 2), torch.tensor([[1.0, 2.0]])).tolist() == [[3.0] * 4]


def test_information_is_the_divergence_of_two_normals():
    """Against torch's own formula."""
    generator = torch.Generator().manual_seed(0)
    regions, gate = (torch.randn(9, 4, dtype=torch.float64, generator=generator) for _ in range(2))
    mean, deviation, through = regions.mean(0), regions.std(0, correction=0), torch.sigmoid(gate)
    q = torch.distributions.Normal(through * regions + (1 - through) * mean, (1 - through) * deviation)
    expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(mean, deviation))
    assert torch.allclose(information(gate, regions), expected)


def test_nothing_gets_through_a_closed_gate():
    regions = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert information(torch.full((5, 3), -40.0), regions).abs().max() < 1e-12


def test_a_channel_that_is_the_same_everywhere_tells_nothing_of_places():
    found = information(torch.full((5, 3), 2.0), torch.ones(5, 3))
    assert found.isfinite().all()
    assert (found == found[0]).all()


def test_the_bottleneck_keeps_the_region_on_which_the_score_rests(model):
    """A score that reads one region and no other."""
    method = explainers.create("m2ib", steps=50, samples=8, beta=0.5)
    generator = torch.Generator().manual_seed(0)
    regions = torch.randn(12, 4, dtype=torch.float64, generator=generator)

    def score(changed):
        return -10 * (changed[:, 7] - regions[7]).pow(2).sum(-1)

    def noise():
        return torch.randn(8, 12, 4, dtype=torch.float64, generator=generator)

    kept = information(method._opened(regions, score, noise), regions).sum(-1)
    assert kept.argmax() == 7
    assert kept[7] > 10 * kept[torch.arange(12) != 7].max()


def test_the_bottleneck_asks_another_sentence_for_another_map_and_the_same_again(model):
    method = explainers.create("m2ib", steps=5, samples=2)
    first, again = (method(model, batch_of(model), LABELS[:2])[0].scores for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.allclose(first[0], first[1])
    other = explainers.create("m2ib", steps=5, samples=2, seed=1)(model, batch_of(model), LABELS[:2])[0].scores
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", ["m2ib", "grad_eclip"])
def test_explaining_leaves_no_gradient_in_the_model(name, model):
    explainers.create(name)(model, batch_of(model), LABELS[:1])
    assert all(p.grad is None for p in model.module.parameters())


@pytest.mark.parametrize(("name", "wrong"), [("m2ib", {"beta": 0}), ("m2ib", {"steps": 0}), ("dense_cosine", {"sigma": -1})])
def test_settings_that_cannot_be_are_refused(name, wrong):
    with pytest.raises(PellucidError, match=name):
        explainers.create(name, **wrong)


def test_bimodal_relevancy_is_the_published_updates_of_both_modalities(joint):
    """Chefer et al.'s four relevance matrices, kept apart and updated layer by layer from the lowest."""
    batch = batch_of(joint)
    images, _ = sides(joint)
    for reading in joint.joint_attention(batch, SENTENCES[:1]):
        text, both = slice(0, reading.items), slice(reading.items, None)
        count, regions = reading.items, reading.attention.shape[-1] - reading.items
        tt, ii = np.eye(count), np.eye(regions)
        ti, it = np.zeros((count, regions)), np.zeros((regions, count))
        for layer, gradient in zip(reading.attention.numpy(), reading.gradient.numpy(), strict=True):
            rule = np.maximum(layer * gradient, 0).mean(0)
            a, b, c, d = rule[text, text], rule[text, both], rule[both, text], rule[both, both]
            tt, ti, it, ii = tt + a @ tt + b @ it, ti + a @ ti + b @ ii, it + c @ tt + d @ it, ii + c @ ti + d @ ii
        expected = torch.from_numpy(reading.readout.numpy()[text] @ ti)[None]
    from pellucid.explainers.sentences.regional import over_pixels

    found = explainers.create("bimodal_relevancy")(joint, batch, LABELS[:1])[0].scores
    assert np.allclose(found, over_pixels(expected, images, batch, 0))
    assert found.any()


def test_a_row_of_an_image_side_scores_as_it_did_among_others(model):
    images, texts = sides(model, "ab")
    with torch.no_grad():
        assert torch.allclose(model.match(row(images, 1), texts)[0], model.match(images, texts)[1])
