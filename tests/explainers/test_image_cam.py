"""Class activation maps: closed forms, Captum, and loops written from the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from image_networks import CONTRAST, SIZE, TARGETS, Patched, cases, classifier, opened, sequential
from torch import nn
from torch.nn import functional

from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.images.eigen_cam import principal
from pellucid.explainers.images.maps import to_pixels
from pellucid.registry import explainers
from pellucid.target import Target

CAMS = ("grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam", "eigen_cam")
VOLUME = (9, 17, 10)


def scores(name, model, given, targets=TARGETS, **settings):
    return [a.scores for a in explainers.create(name, **settings)(model, model.encode(given), targets)]


def over_pixels(cam, size):
    """A map of the layer's size, rectified and interpolated by PyTorch alone."""
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return functional.interpolate(cam.relu()[None, None], size, mode=mode)[0, 0].flatten().detach().numpy()


def activations_and_gradients(model, given, output, layer):
    """What the paper's formulas need, from an ordinary backward pass through the whole network."""
    kept = []
    handle = model.module.get_submodule(layer).register_forward_hook(lambda _m, _i, out: kept.append(out))
    logits = model.module(model.encode([given]).data)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[0, output], kept[0])
    return kept[0][0].detach(), gradient[0]


@pytest.mark.parametrize("size", [SIZE, VOLUME])
def test_grad_cam_of_a_mean_and_a_linear_head_is_the_class_activation_map(size):
    """CAM weighs the last maps with the head's weights; Grad-CAM divides by the number of cells."""
    model, given = classifier(size), cases(size)
    for case, found in zip(given, scores("grad_cam", model, given), strict=True):
        maps, _ = activations_and_gradients(model, case, 0, model.map_layers[-1])
        cells = maps[0].numel()
        for k in range(3):
            cam = torch.tensordot(model.module.head.weight[k], maps, dims=1) / cells
            assert np.allclose(found[k], over_pixels(cam, size), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("size", [SIZE, VOLUME])
@pytest.mark.parametrize("depth", [-1, 0])
def test_grad_cam_is_captums(size, depth):
    model, given = classifier(size), cases(size)
    layer = model.map_layers[depth]
    captum = LayerGradCam(model.module, model.module.get_submodule(layer))
    for case, found in zip(given, scores("grad_cam", model, given, layer=layer), strict=True):
        for k in range(3):
            cam = captum.attribute(model.encode([case]).data, target=k)[0, 0]
            assert np.allclose(found[k], over_pixels(cam, size), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("name", CAMS)
def test_all_targets_at_once_are_one_target_after_the_other(name):
    model = classifier()
    together = scores(name, model, cases(), [*TARGETS, CONTRAST])
    for k, target in enumerate([*TARGETS, CONTRAST]):
        alone = scores(name, model, cases(), [target])
        assert all(np.allclose(t[k], a[0], rtol=1e-10, atol=1e-15) for t, a in zip(together, alone, strict=True))


def test_the_grad_cam_of_a_contrast_is_that_of_the_difference_of_two_logits():
    model = classifier()
    maps, first = activations_and_gradients(model, cases()[0], 0, model.map_layers[-1])
    _, other = activations_and_gradients(model, cases()[0], 2, model.map_layers[-1])
    cam = torch.tensordot((first - other).flatten(1).mean(1), maps, dims=1)
    assert np.allclose(scores("grad_cam", model, cases(), [CONTRAST])[0][0], over_pixels(cam, SIZE), rtol=1e-10)


@pytest.mark.parametrize("layer", [None, "stages.1.relu"])
def test_grad_cam_plus_plus_is_the_papers_formula_written_as_loops(layer):
    model, (given,) = classifier(), cases(names="a")
    for k, found in enumerate(scores("grad_cam_plus_plus", model, [given], layer=layer)[0]):
        maps, gradients = activations_and_gradients(model, given, k, layer or model.map_layers[-1])
        cam = torch.zeros(maps.shape[1:], dtype=torch.float64)
        for channel, gradient in zip(maps, gradients, strict=True):
            weight = 0.0
            for g in gradient.flatten().tolist():
                below = 2 * g**2 + float(channel.sum()) * g**3
                weight += (g**2 / below if below else 0.0) * max(g, 0.0)
            cam += weight * channel
        assert np.allclose(found, over_pixels(cam, SIZE), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("layer", [None, "stem.2"])
def test_layer_cam_is_the_papers_formula_written_as_loops(layer):
    model, (given,) = classifier(), cases(names="a")
    for k, found in enumerate(scores("layer_cam", model, [given], layer=layer)[0]):
        maps, gradients = activations_and_gradients(model, given, k, layer or model.map_layers[-1])
        cam = torch.zeros(maps.shape[1:], dtype=torch.float64)
        for channel, gradient in zip(maps, gradients, strict=True):
            for place in np.ndindex(*cam.shape):
                cam[place] += max(float(gradient[place]), 0.0) * channel[place]
        assert np.allclose(found, over_pixels(cam, SIZE), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("at_once", [1, 5, 64])
def test_score_cam_is_the_papers_algorithm_written_as_a_loop(at_once):
    """Baseline included, to show that it cancels; however many masks are in memory."""
    model, (given,) = classifier(), cases(names="a")
    pixels = model.encode([given]).data
    maps, _ = activations_and_gradients(model, given, 0, model.map_layers[-1])
    changes = []
    for channel in maps:
        mask = functional.interpolate(channel[None, None], SIZE, mode="bilinear")
        mask = (mask - mask.min()) / (mask.max() - mask.min()) if mask.max() > mask.min() else mask.fill_(torch.nan)
        changes.append((model.module(pixels * mask) - model.module(torch.zeros_like(pixels)))[0])
    alive = [i for i, change in enumerate(changes) if change.isfinite().all()]
    weights = torch.softmax(torch.stack([changes[i] for i in alive]), 0)
    for k, found in enumerate(scores("score_cam", model, [given], at_once=at_once)[0]):
        cam = torch.tensordot(weights[:, k], maps[alive], dims=1)
        assert np.allclose(found, over_pixels(cam, SIZE), rtol=1e-9)


def test_score_cam_gives_nothing_where_no_map_differs_from_place_to_place():
    net = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    model = opened(net)
    with torch.no_grad():
        net[0].weight.zero_()
    assert (scores("score_cam", model, cases(), layer="1")[0] == 0).all()


@pytest.mark.parametrize("shape", [(3, 4, 5), (40, 3, 4), (6, 2, 3, 2)])
def test_eigen_cam_is_the_first_component_of_a_singular_value_decomposition(shape):
    """Whichever Gram matrix is the smaller one."""
    maps = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).sub_(0.2)
    cells = maps.flatten(1).T.numpy()
    _, _, directions = np.linalg.svd(cells, full_matrices=False)
    expected = cells @ directions[0]
    expected = expected if expected.sum() >= 0 else -expected
    assert np.allclose(principal(maps).flatten(), expected, atol=1e-12)
    assert np.allclose(principal(maps), principal(maps.flip(0)), atol=1e-12), "the order of the maps says nothing"


def test_eigen_cam_is_one_map_for_all_targets_and_zero_without_activation():
    (found,) = scores("eigen_cam", classifier(), cases(names="a"))
    assert found.any()
    assert (found == found[0]).all()
    assert (principal(torch.zeros(4, 3, 3)) == 0).all()


@pytest.mark.parametrize("name", CAMS)
def test_a_cam_is_read_at_the_layer_that_is_asked_for(name):
    model = classifier()
    early = scores(name, model, cases(names="a"), layer="stages.0.relu")
    assert not np.allclose(early, scores(name, model, cases(names="a")))
    with pytest.raises(PellucidError, match=r"stages\.9"):
        scores(name, model, cases(names="a"), layer="stages.9")


@pytest.mark.parametrize("name", CAMS)
def test_a_network_without_maps_is_refused(name):
    model = opened(nn.Sequential(nn.Flatten(), nn.Linear(SIZE[0] * SIZE[1], 3)))
    with pytest.raises(CapabilityError, match="maps over the image"):
        scores(name, model, cases())


class Merging(nn.Module):
    """Windows with a table of positions, channels last, patches merged two by two: as Swin, with a mean over maps or tokens."""

    def __init__(self, maps):
        super().__init__()
        self.patches, self.bias, self.merge, self.head = nn.Conv2d(1, 4, 2, 2), _Table(), nn.Linear(16, 6), nn.Linear(6, 3)
        self.turn, self.mean = (nn.Unflatten(1, (6,)), nn.AdaptiveAvgPool2d(1)) if maps else (None, None)

    def forward(self, x):
        x = self.patches(x).permute(0, 2, 3, 1)
        x = x * self.bias(x).mean()
        x = self.merge(torch.cat([x[:, ::2, ::2], x[:, 1::2, ::2], x[:, ::2, 1::2], x[:, 1::2, 1::2]], -1))
        if self.mean is None:
            return self.head(x.mean((1, 2)))
        return self.head(self.mean(self.turn(x.permute(0, 3, 1, 2))).flatten(1))


class _Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(1, 2, 16, 16))

    def forward(self, x):
        return self.table.abs() + 1


@pytest.mark.parametrize("name", CAMS)
@pytest.mark.parametrize("module", [Patched(), Merging(maps=False)])
def test_neither_attention_nor_patches_that_nothing_was_made_of_are_maps(name, module):
    with pytest.raises(CapabilityError, match="maps over the image"):
        scores(name, opened(module), cases())


def test_maps_of_merged_patches_are_read_where_they_are_laid_out_as_maps():
    model = opened(Merging(maps=True))
    assert model.map_layers[-1] == "turn"
    assert model.feature_maps(model.encode(cases()), TARGETS)[0].activations.shape == (6, 4, 5)


def test_cams_share_one_pass():
    model, calls = opened(sequential()), []
    model.module.register_forward_hook(lambda *_: calls.append(1))
    batch = model.encode(cases())
    assert model.map_layers
    calls.clear()
    for name in ("grad_cam", "grad_cam_plus_plus", "layer_cam"):
        explainers.create(name)(model, batch, TARGETS)
    assert len(calls) == 1


def test_interpolation_keeps_constants_and_signs():
    flat = torch.full((1, 3, 2), 0.7, dtype=torch.float64)
    assert torch.allclose(to_pixels(flat, (16, 20)), torch.tensor(0.7, dtype=torch.float64))
    assert (to_pixels(torch.rand(4, 3, 5, 2, generator=torch.Generator().manual_seed(1)), (9, 11, 8)) >= 0).all()


def test_an_unknown_label_is_named():
    with pytest.raises(PellucidError, match="'cough'"):
        scores("grad_cam", classifier(), cases(), [Target.label("cough")])


class Shortcut(nn.Module):
    """A residual block that runs one ReLU twice and its shortcut last, as those of MONAI and torchvision do."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.shortcut = nn.Conv2d(1, 6, 3, 2, 1), nn.Conv2d(6, 6, 3, 1, 1), nn.Conv2d(1, 6, 1, 2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.second(self.relu(self.first(x)))
        out += self.shortcut(x)
        return self.relu(out)


class Residual(nn.Module):
    def __init__(self, aside: bool = False) -> None:
        super().__init__()
        self.block, self.head = Shortcut(), nn.Linear(6, 3)
        self.aside = nn.Conv2d(6, 2, 1) if aside else None

    def forward(self, x):
        maps = self.block(x)
        if self.aside is not None:
            self.aside(maps)
        return self.head(maps.flatten(2).mean(-1))


def test_residual_networks_are_read_behind_their_last_sum_by_default():
    model = opened(Residual())
    assert model.map_layers[-1] == "block"
    given = cases()[0]
    head, maps = model.module.head.weight.detach(), model.module.block(model.encode([given]).data).detach()[0]
    for k, found in enumerate(scores("grad_cam", model, [given], TARGETS)[0]):
        expected = torch.tensordot(head[k], maps, dims=1) / maps[0].numel()
        np.testing.assert_allclose(found, over_pixels(expected, SIZE), atol=1e-10)


def test_a_layer_that_no_output_depends_on_is_refused():
    with pytest.raises(PellucidError, match="do not depend on the layer 'aside'"):
        scores("grad_cam", opened(Residual(aside=True)), cases()[:1], layer="aside")
