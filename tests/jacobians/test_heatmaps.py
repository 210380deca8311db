"""Heat-maps as functions: they are the maps of the explainers, and their derivatives are those that differences show."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from duals import saved
from images import FINDINGS, case
from pairs import SENTENCES, pair_model
from torch import nn

from pellucid.errors import CapabilityError, PellucidError
from pellucid.jacobians import Jacobian
from pellucid.jacobians.certificates import decisions
from pellucid.jacobians.heatmaps import HEATMAPS, embedded, of_heatmap, of_words, spoken
from pellucid.predictors.image_text import CORRECTED, PUBLISHED, ImageText
from pellucid.registry import explainers
from pellucid.target import Target

sys.path.insert(0, str(Path(__file__).parent.parent / "explainers"))
from image_networks import opened, sequential

SIZE = (32, 40)
SENTENCE = SENTENCES[0]
GRADIENTS = ("gradient", "input_x_gradient", "grad_cam")


def smooth(size=(16, 20)):
    return opened(sequential(activation=nn.SiLU, pool=nn.AvgPool2d(2)), size)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return ImageText.from_transformers(saved(tmp_path_factory.mktemp("clip"), "clip")).to(dtype=torch.float64)


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    return ImageText.from_transformers(saved(tmp_path_factory.mktemp("siglip"), "siglip")).to(dtype=torch.float64)


@pytest.fixture(scope="module")
def corrected():
    return pair_model(CORRECTED, SIZE)


@pytest.fixture(scope="module")
def published():
    return pair_model(PUBLISHED, SIZE)


@pytest.fixture(scope="module")
def joint():
    return pair_model(None, SIZE)


MODELS = ("corrected", "published", "joint", "clip", "siglip")


def seen(model):
    return case("a", tuple(model.size), len(model.mean))


def random_like(tensor, seed=0):
    return torch.randn(tensor.shape, dtype=tensor.dtype, generator=torch.Generator().manual_seed(seed))


def check_derivative(function, step=1e-5, tolerance=1e-4):
    """Both ways of products are of one matrix, and it tells what happens to the map; short steps cross no kink."""
    jacobian = Jacobian(function, "matrix-free")
    v = random_like(function.at)
    u = random_like(jacobian.value, 1)
    ahead = jacobian.jvp(v)
    assert float(ahead @ u) == pytest.approx(float((jacobian.vjp(u) * v).sum()), rel=1e-9)
    versions = torch.stack([function.at + step * v, function.at - step * v])
    up, down = function.value(versions[:1])[0], function.value(versions[1:])[0]
    change = (up - down) / (2 * step)
    assert float((change - ahead).norm() / ahead.norm()) < tolerance
    assert float(ahead.norm()) > 0


@pytest.mark.parametrize("heatmap", GRADIENTS)
@pytest.mark.parametrize("target", [FINDINGS[0], Target.contrast(*FINDINGS[:2])])
def test_derivatives_of_gradient_maps_are_those_of_differences(heatmap, target):
    check_derivative(of_heatmap(smooth(), case(), heatmap, target))


def test_the_derivative_of_a_map_of_three_channels_is_taken_in_shades():
    model = opened(sequential(activation=nn.SiLU, channels=3, pool=nn.AvgPool2d(2)), channels=3)
    function = of_heatmap(model, case(channels=3), "input_x_gradient", FINDINGS[0])
    assert (function.shape, function.unit) == ((320, 960), "shade")
    check_derivative(function)


def test_input_x_gradient_is_the_map_of_the_explainer():
    model, one = smooth(), case()
    found = of_heatmap(model, one, "input_x_gradient", FINDINGS[0]).value()[0].numpy()
    explainer = explainers.create("input_x_gradient_signed")
    expected = explainer(model, model.encode([one]), [Target.label(FINDINGS[0])])[0].scores[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_grad_cam_is_its_formula_at_the_resolution_of_the_layer():
    model, one = smooth(), case()
    (reading,) = model.feature_maps(model.encode([one]), [Target.label(FINDINGS[0])])
    expected = torch.relu(torch.einsum("d,dhw->hw", reading.gradients[0].flatten(1).mean(-1), reading.activations))
    found = of_heatmap(model, one, "grad_cam", FINDINGS[0]).value()[0]
    torch.testing.assert_close(found, expected.flatten().detach(), rtol=1e-9, atol=1e-12)
    assert float(found.max()) > 0


@pytest.mark.parametrize("act", [nn.ReLU, nn.LeakyReLU])
def test_the_gradient_of_a_network_that_is_linear_in_pieces_is_refused(act):
    model = opened(sequential(activation=act, pool=nn.AvgPool2d(2)))
    with pytest.raises(PellucidError, match="does not answer to the input here, since the network is linear in pieces"):
        of_heatmap(model, case(), "gradient", FINDINGS[0])
    check_derivative(of_heatmap(model, case(), "input_x_gradient", FINDINGS[0]))  # which answers in each piece


def test_the_gradient_of_a_linear_model_is_refused_too():
    model = opened(nn.Sequential(nn.Flatten(), nn.Linear(320, 3)))
    with pytest.raises(PellucidError, match="does not answer to the input"):
        of_heatmap(model, case(), "gradient", FINDINGS[0])


def test_a_heat_map_that_cannot_be_differentiated_is_named_with_those_that_can():
    with pytest.raises(PellucidError, match=f"no heat-map 'rise' that can be differentiated; use {', '.join(HEATMAPS)}"):
        of_heatmap(smooth(), case(), "rise", FINDINGS[0])


def test_a_model_without_maps_or_sentences_is_refused():
    flat = opened(nn.Sequential(nn.Flatten(), nn.Linear(320, 3)))
    with pytest.raises(CapabilityError, match="grad_cam"):
        of_heatmap(flat, case(), "grad_cam", FINDINGS[0])
    with pytest.raises(CapabilityError, match="local_attention"):
        of_heatmap(smooth(), case(), "local_attention", SENTENCE)
    with pytest.raises(CapabilityError, match="with respect to words"):
        of_words(smooth(), case(), SENTENCE)


# Sentences


@pytest.mark.parametrize("kind", MODELS)
def test_the_map_of_a_sentence_answers_to_the_image_as_differences_show(kind, request):
    model = request.getfixturevalue(kind)
    check_derivative(of_heatmap(model, seen(model), "local_attention", SENTENCE), step=1e-7)


@pytest.mark.parametrize("output", ["local_attention", "score"])
@pytest.mark.parametrize("kind", MODELS)
def test_maps_and_scores_answer_to_the_words_as_differences_show(kind, output, request):
    model = request.getfixturevalue(kind)
    check_derivative(of_words(model, seen(model), SENTENCE, output=output))


@pytest.mark.parametrize("kind", MODELS)
def test_the_map_of_words_and_of_the_image_is_the_same_map_and_that_of_the_explainer(kind, request):
    model = request.getfixturevalue(kind)
    of_image = of_heatmap(model, seen(model), "local_attention", SENTENCE).value()[0]
    torch.testing.assert_close(of_words(model, seen(model), SENTENCE).value()[0], of_image, rtol=1e-8, atol=1e-12)
    asked = model.ask([SENTENCE])
    nearest = explainers.create("local_attention", nearest=True)
    scores = nearest(asked, asked.encode([seen(model)]), [Target.label(SENTENCE)])[0].scores[0]
    if kind != "joint":  # whose boxes overlap and are painted
        assert {round(v, 9) for v in scores.tolist()} == {round(v, 9) for v in of_image.tolist()}


@pytest.mark.parametrize("kind", MODELS)
def test_the_score_of_words_is_that_of_the_pair(kind, request):
    model = request.getfixturevalue(kind)
    found = of_words(model, seen(model), SENTENCE, output="score").value()
    asked = model.ask([SENTENCE])
    batch = asked.encode([seen(model)])
    expected = asked.scores(asked.features(batch), batch, [Target.label(SENTENCE)])
    torch.testing.assert_close(found, expected.detach(), rtol=1e-6, atol=1e-9)


def published_attention(regions, words, counted, sharpness):
    """The double softmax, item by item and without tensors of pairs."""
    scores = [[sum(float(a) * float(b) for a, b in zip(r, w, strict=True)) for w in words[counted]] for r in regions]
    shares = np.exp(scores - np.max(scores, 1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    maps = np.exp(sharpness * shares)
    return (maps / maps.sum(0, keepdims=True)).T


def test_the_published_map_is_two_softmaxes_written_out(published):
    one = seen(published)
    images, texts = published.see(published.encode([one])), published.read([SENTENCE])
    regions, words = images.regions[0].detach().numpy(), texts.words[0].detach().numpy()
    maps = published_attention(regions, words, texts.real[0].numpy(), PUBLISHED.sharpness)
    found = published.align(images, texts).attention[0, 0].detach().numpy()
    np.testing.assert_allclose(found[texts.real[0].numpy()], maps, rtol=1e-9)
    shown = of_heatmap(published, one, "local_attention", SENTENCE).value()[0].numpy()
    named = [i for i in range(len(maps)) if np.isfinite(maps[i]).all()]
    low, high = maps[named].min(0), maps[named].max(0)
    assert ((shown >= low - 1e-12) & (shown <= high + 1e-12)).all()  # a mean over words


def test_the_derivative_of_two_softmaxes_is_its_closed_form(published):
    """`dP_i = P_i (dS_i - <P_i, dS_i>)` over words, and `dA_j = A_j t (dP_j - <A_j, dP_j>)` over regions."""
    one = seen(published)
    images, texts = published.see(published.encode([one])), published.read([SENTENCE])
    regions, words = images.regions[0].detach(), texts.words[0].detach()
    move = random_like(words)
    scores, shift = regions @ words.T, regions @ move.T
    shares = torch.softmax(scores, 1)
    moved = shares * (shift - (shares * shift).sum(1, keepdim=True))
    maps = torch.softmax(PUBLISHED.sharpness * shares, 0)
    expected = maps * PUBLISHED.sharpness * (moved - (maps * moved).sum(0, keepdim=True))

    from pellucid.predictors.image_text.comparing import local_attention

    counted = texts.real
    found = torch.func.jvp(
        lambda w: local_attention(images.regions.detach(), w[None], counted, PUBLISHED)[0][0, 0], (words,), (move,)
    )[1]
    torch.testing.assert_close(found, expected.T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", MODELS)
def test_a_small_step_towards_another_word_moves_the_map_as_the_jacobian_says(kind, request):
    model = request.getfixturevalue(kind)
    function = of_words(model, seen(model), SENTENCE)
    towards = function.at.clone()
    places = spoken(model, SENTENCE).nonzero().flatten()
    towards[places[0]] = function.at[places[-1]]
    direction = towards - function.at
    predicted = Jacobian(function, "matrix-free").jvp(direction)
    errors = []
    for share in (0.1, 0.05):
        change = function.value((function.at + share * direction)[None])[0] - function.value()[0]
        errors.append(float((change - share * predicted).norm()))
    assert float(predicted.norm()) > 0
    assert errors[1] < 0.35 * errors[0] + 1e-12  # the rest is of second order


@pytest.mark.parametrize("kind", MODELS)
def test_replacing_the_words_of_a_sentence_by_its_own_changes_nothing(kind, request):
    model = request.getfixturevalue(kind)
    function = of_words(model, seen(model), SENTENCE)
    at = embedded(model, SENTENCE)
    torch.testing.assert_close(at, function.at)
    torch.testing.assert_close(function.value(torch.stack([at, at]))[1], function.value()[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", MODELS)
def test_frames_of_a_sentence_are_no_words(kind, request):
    model = request.getfixturevalue(kind)
    places = spoken(model, SENTENCE)
    assert places.any()
    assert not places.all()
    ids = model.module.tokenizer(SENTENCE.lower(), add_special_tokens=False)["input_ids"]
    assert int(places.sum()) == len(ids)
    assert len(places) > len(ids)


@pytest.mark.parametrize("kind", MODELS)
def test_swapping_the_words_of_a_sentence_gives_the_map_of_the_other_one(kind, request):
    """Of as many tokens, so that what stands where is the same."""
    model = request.getfixturevalue(kind)
    function = of_words(model, seen(model), "small big")
    found = function.value(embedded(model, "small bag")[None])[0]
    expected = of_words(model, seen(model), "small bag").value()[0]
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
    assert not torch.allclose(found, function.value()[0], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("output", ["local_attention", "score"])
def test_of_words_everything_is_asked_of_the_words_and_nothing_of_the_image(corrected, output):
    function = of_words(corrected, seen(corrected), SENTENCE, output=output)
    decided = decisions(function)
    assert torch.equal(decided.at, function.at)
    assert decided.unit == "embedding"
    assert len(decided.value()[0]) == max(1, len(function.outputs) - 1)
    assert Jacobian(function).spectrum(1).projector(0).shape == function.at.shape[:1]  # one value a token


def test_the_table_of_words_is_found_where_that_of_positions_is_larger(corrected):
    tables = [part for part in corrected.module.modules() if isinstance(part, nn.Embedding)]
    words = corrected.module.encoder.get_input_embeddings()
    assert max(part.num_embeddings for part in tables) > words.num_embeddings
    rows = embedded(corrected, "small big")[spoken(corrected, "small big")]
    ids = corrected.module.tokenizer("small big", add_special_tokens=False)["input_ids"]
    torch.testing.assert_close(rows, words.weight[ids].detach())


def test_an_encoder_without_a_table_is_refused(corrected, monkeypatch):
    monkeypatch.setattr(type(corrected.module.encoder), "get_input_embeddings", lambda self: nn.Linear(2, 2))
    with pytest.raises(CapabilityError, match="no table of embeddings"):
        of_words(corrected, seen(corrected), SENTENCE)


def test_an_unknown_output_of_a_sentence_is_refused(corrected):
    with pytest.raises(PellucidError, match="no output 'map' of a sentence; use local_attention or score"):
        of_words(corrected, seen(corrected), SENTENCE, output="map")


def test_the_map_of_a_contrast_is_that_of_no_sentence(corrected):
    with pytest.raises(PellucidError, match="give one sentence"):
        of_heatmap(corrected, seen(corrected), "local_attention", Target.contrast(*SENTENCES[:2]))


def test_no_hook_is_left_behind(corrected):
    corrected.ask([SENTENCE])  # transformers hangs up hooks of its own when a network is first run
    before = [len(part._forward_hooks) for part in corrected.module.modules()]
    of_words(corrected, seen(corrected), SENTENCE).value()
    of_heatmap(corrected.ask([SENTENCE]), seen(corrected), "grad_cam", SENTENCE).value()
    assert [len(part._forward_hooks) for part in corrected.module.modules()] == before
