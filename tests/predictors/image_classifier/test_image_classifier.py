"""An image classifier does what the plain defaults do, leaves its network as it was, and says what it cannot read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pellucid import predictors
from pellucid.case import Case
from pellucid.errors import CheckpointError, DataError, PellucidError
from pellucid.picture import Picture
from pellucid.predictor import Filler, missing_capabilities, modality_of
from pellucid.predictors import plain
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.image_classifier.fillers import filling
from pellucid.predictors.image_classifier.masking import taps
from pellucid.target import Target
from predictors.images import FINDINGS, boxed, case, classifier

MISSHAPEN = {
    "squeezed": lambda logits: logits[:, 0],
    "a pair": lambda logits: (logits, logits),
    "too few": lambda logits: logits[:, :2],
}
TARGETS = [Target.label("nodule"), Target.contrast("effusion", "opacity")]


def masks(count: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, size)) < 0.5


def test_it_reads_images_and_its_units_are_pixels() -> None:
    model = classifier()
    batch = model.encode([case("a"), boxed()])
    assert modality_of(model) == "image"
    assert [units.shape for units in batch.units] == [(16, 20), (16, 20)]
    assert model.features(batch).shape == (2, 320, 1)
    assert model.probabilities(batch).shape == (2, 3)
    assert missing_capabilities(model, ["soft_masks", "feature_maps", "network", "embeddings"]) == []


@pytest.mark.parametrize("filler", ["mask", "blur", "noise", "inpaint"])
def test_perturbed_scores_are_those_of_perturbed_images(filler: Filler) -> None:
    model = classifier(channels=3)
    batch = model.encode([case("a", channels=3), case("b", channels=3)])
    keep = [masks(5, 320, 1), masks(3, 320, 2)]
    fast = model.perturbed_scores(batch, keep, filler, TARGETS)
    slow = plain.perturbed_scores(model, batch, keep, filler, TARGETS)
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)  # inpainting stops at a tolerance


def test_how_many_images_run_together_changes_nothing() -> None:
    model = classifier()
    batch, keep = model.encode([case()]), [masks(7, 320)]
    together = model.perturbed_scores(batch, keep, "blur", TARGETS)[0]
    model.at_once = 2
    np.testing.assert_allclose(model.perturbed_scores(model.encode([case()]), keep, "blur", TARGETS)[0], together, atol=1e-12)


def test_masks_of_zeros_and_ones_are_removal_and_between_them_lies_a_mixture() -> None:
    model = classifier()
    batch = model.encode([case()])
    keep = masks(4, 320)
    hard = model.perturbed_scores(batch, [keep], "noise", TARGETS)[0]
    soft = model.masked_scores(batch, 0, torch.from_numpy(keep.reshape(4, 16, 20)).double(), "noise", TARGETS)
    np.testing.assert_allclose(soft.detach().numpy(), hard, atol=1e-10)
    half = torch.full((1, 16, 20), 0.5, dtype=torch.float64)
    mixed = 0.5 * model.pixels(batch) + 0.5 * model.pixels(model.perturb(batch, [np.zeros(320, dtype=bool)], "noise"))
    expected = model.targeted(model.logits(mixed), TARGETS)
    torch.testing.assert_close(model.masked_scores(batch, 0, half, "noise", TARGETS), expected)


def test_masked_scores_have_gradients_with_respect_to_the_mask() -> None:
    model = classifier()
    batch = model.encode([case()])
    mask = torch.full((1, 16, 20), 0.7, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(model.masked_scores(batch, 0, mask, "mask", TARGETS[:1]).sum(), mask)
    step = torch.zeros_like(mask)
    step[0, 5, 6] = 1e-5
    rise = model.masked_scores(batch, 0, mask + step, "mask", TARGETS[:1]) - model.masked_scores(
        batch, 0, mask - step, "mask", TARGETS[:1]
    )
    assert float(rise.detach()) / 2e-5 == pytest.approx(float(gradient[0, 5, 6]), rel=1e-4)


@pytest.mark.parametrize("size", [(16, 20), (6, 8, 10)])
def test_gradients_are_those_of_finite_differences(size: tuple[int, ...]) -> None:
    model = classifier(size)
    batch = model.encode([case(size=size)])
    pieces = list(model.feature_gradients(batch, TARGETS))
    x = model.features(batch)
    for piece in pieces:
        for pixel in (0, 37, 200):
            step = torch.zeros_like(x)
            step[0, pixel, 0] = 1e-6
            both = [model.scores(x + sign * step, batch, TARGETS)[0, piece.targets[0]] for sign in (1, -1)]
            assert float(both[0] - both[1]) / 2e-6 == pytest.approx(float(piece.gradient[0, pixel, 0]), abs=1e-5)


@pytest.mark.parametrize("size", [(16, 20), (6, 8, 10)])
def test_feature_maps_have_the_gradients_of_the_whole_network(size: tuple[int, ...]) -> None:
    model = classifier(size)
    batch = model.encode([case("a", size), case("b", size)])
    readings = model.feature_maps(batch, TARGETS)
    stages = model.module.stages  # type: ignore[union-attr]
    maps = stages(model.module.stem(model.pixels(batch))).detach().requires_grad_()  # type: ignore[operator,union-attr]
    scores = model.targeted(model.module.head(maps.flatten(2).mean(-1)), TARGETS)  # type: ignore[operator,union-attr]
    for k in range(2):
        (expected,) = torch.autograd.grad(scores[:, k].sum(), maps, retain_graph=True)
        for b, reading in enumerate(readings):
            torch.testing.assert_close(reading.activations, maps[b].detach())
            torch.testing.assert_close(reading.gradients[k], expected[b])
    assert model.feature_maps(batch, TARGETS, model.map_layers[0])[0].activations.shape[0] == 16
    with pytest.raises(PellucidError, match="no layer 'nowhere' with feature maps"):
        model.feature_maps(batch, TARGETS, "nowhere")


def test_what_enters_the_last_layer_is_the_embedding() -> None:
    model = classifier()
    pixels = model.pixels(model.encode([case()]))
    embedded = model.embed(pixels)
    torch.testing.assert_close(model.module.head(embedded), model.module(pixels))  # type: ignore[operator]


def test_the_network_is_as_it_was_even_in_training_mode() -> None:
    model = classifier()
    model.module.train()
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    batch = model.encode([case()])
    first = model.probabilities(batch)
    model.feature_maps(batch, TARGETS)
    list(model.feature_gradients(batch, TARGETS))
    model.perturbed_scores(batch, [masks(2, 320)], "blur", TARGETS)
    model.embed(model.pixels(batch))
    assert all(torch.equal(value, before[name]) for name, value in model.module.state_dict().items())
    assert all(part.training for part in model.module.modules())
    assert all(p.grad is None and p.requires_grad for p in model.module.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.module.modules())
    model.module.eval()
    np.testing.assert_array_equal(model.probabilities(model.encode([case()])), first)


def test_layers_that_work_in_place_do_not_change_what_is_read() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    model = ImageClassifier(nn.Sequential(*layers).double(), FINDINGS, exclusive=False, size=(8, 8))
    reading = model.feature_maps(model.encode([case(size=(8, 8))]), TARGETS, "0")[0]
    assert float(reading.activations.min()) < 0


def test_images_are_resampled_and_their_channels_fitted() -> None:
    grey, colour = classifier(), classifier(channels=3)
    large = case("large", (32, 40))
    assert grey.encode([large]).units[0].shape == (16, 20)
    flat = np.full((16, 20, 3), 100, dtype=np.uint8)
    flat[..., 0] = 200
    luminance = (0.299 * 200 + 0.701 * 100) / 255
    batch = grey.encode([Case("c", "p", {"image": Picture(flat)}, frozenset())])
    np.testing.assert_allclose(grey.features(batch).numpy(), (luminance - 0.5) / 0.25, atol=1e-6)
    three = colour.features(colour.encode([case("g")]))
    assert torch.equal(three[..., 0], three[..., 1])


def test_a_volume_is_refused_where_an_image_is_read() -> None:
    with pytest.raises(DataError, match="case v is a volume, and the model reads a flat image"):
        classifier().encode([case("v", (4, 16, 20))])


def test_a_case_without_an_image_is_refused() -> None:
    with pytest.raises(DataError, match="Case t has no input named 'image'"):
        classifier().encode([Case("t", "p", {"text": "No effusion."}, frozenset())])


def test_outputs_that_are_no_numbers_are_told_with_their_case() -> None:
    model = classifier()
    with torch.no_grad():
        model.module.head.bias.fill_(float("nan"))  # type: ignore[operator,union-attr]
    with pytest.raises(DataError, match="output on case a is not a finite number"):
        model.probabilities(model.encode([case("a")]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_saved_model_predicts_the_same(tmp_path: Path, dtype: torch.dtype) -> None:
    model = classifier(exclusive=True)
    model.to(dtype=dtype)
    model.save(tmp_path / "m")
    opened = predictors.load(tmp_path / "m")
    assert isinstance(opened, ImageClassifier)
    assert opened.fingerprint == model.fingerprint
    np.testing.assert_array_equal(opened.probabilities(opened.encode([case()])), model.probabilities(model.encode([case()])))


def test_a_damaged_folder_is_told(tmp_path: Path) -> None:
    model = classifier().to(dtype=torch.float32)
    model.save(tmp_path / "m")
    manifest = json.loads((tmp_path / "m" / "pellucid.json").read_text())
    (tmp_path / "m" / "pellucid.json").write_text(json.dumps(manifest | {"threshold": 0.4}))
    with pytest.raises(CheckpointError, match="changed after it was saved"):
        predictors.load(tmp_path / "m")
    (tmp_path / "m" / "pellucid.json").write_text(json.dumps(manifest | {"architecture": "huge"}))
    with pytest.raises(CheckpointError, match="no image network 'huge'"):
        predictors.load(tmp_path / "m")
    (tmp_path / "m" / "pellucid.json").write_text(json.dumps(manifest))
    (tmp_path / "m" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="damaged"):
        predictors.load(tmp_path / "m")


def test_a_network_of_your_own_is_explained_and_not_saved(tmp_path: Path) -> None:
    model = ImageClassifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), FINDINGS, exclusive=False, size=(8, 8))
    assert missing_capabilities(model, ["feature_maps"]) == [
        "layers whose outputs are maps over the image, as convolutions have"
    ]
    with pytest.raises(PellucidError, match="stores no code"):
        model.save(tmp_path / "m")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": (8,)}, "none of an image"),
        ({"mean": (0.5, 0.5)}, "of 1 or 3 channels"),
        ({"std": (0.0,)}, "above 0"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(changes: dict[str, tuple[float, ...]], message: str) -> None:
    settings: dict[str, object] = {"exclusive": False, "size": (8, 8), **changes}
    with pytest.raises(PellucidError, match=message):
        ImageClassifier(nn.Linear(8, 3), FINDINGS, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["small", "monai:DenseNet121"])
def test_networks_are_made_anew_by_their_name(name: str, tmp_path: Path) -> None:
    if name.startswith("monai"):
        pytest.importorskip("monai")
    generator = torch.Generator().manual_seed(0)
    state = torch.random.get_rng_state()
    model = ImageClassifier.build(name, FINDINGS, exclusive=False, size=(32, 32), channels=1, generator=generator)
    assert torch.equal(torch.random.get_rng_state(), state)
    model.module.eval()
    model.save(tmp_path / "m")
    assert ImageClassifier.load(tmp_path / "m").fingerprint == model.fingerprint


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(PellucidError, match="no image network 'resnet'"):
        ImageClassifier.build("resnet", FINDINGS, exclusive=False, size=(8, 8), channels=1, generator=torch.Generator())


class Overwriting(nn.Module):
    """Works in place on what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool, self.second, self.head = nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.second(self.pool(self.conv(x.mul_(2)))).flatten(2).mean(-1))


class Ending(nn.Module):
    """A network whose output is changed at the end."""

    def __init__(self, network: nn.Module, end) -> None:
        super().__init__()
        self.network, self.end = network, end

    def forward(self, x):
        return self.end(self.network(x))


def own(module: nn.Module) -> ImageClassifier:
    return ImageClassifier(module, FINDINGS, exclusive=False, size=(16, 20))


def test_a_network_that_works_in_place_leaves_the_batch_as_it_was() -> None:
    model = own(Overwriting())
    batch = model.encode([case()])
    before = model.pixels(batch).clone()
    model.feature_maps(batch, TARGETS)
    model.embed(model.pixels(batch))
    taps.read(model.module, ["conv", "second"], model.pixels(batch))
    assert torch.equal(model.pixels(batch), before)


@pytest.mark.parametrize("end", MISSHAPEN.values(), ids=MISSHAPEN)
def test_a_network_that_gives_anything_but_a_logit_a_label_is_refused(end) -> None:
    model = own(Ending(Overwriting(), end))
    with pytest.raises(PellucidError, match=r"labels \(1, 3\); wrap it"):
        model.probabilities(model.encode([case()]))


def test_networks_of_the_same_weights_and_other_activations_have_other_fingerprints() -> None:
    def network(activation: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(0)
        made = nn.Sequential(nn.Conv2d(1, 3, 3), activation, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        return made

    rectified, bent = own(network(nn.ReLU())), own(network(nn.Tanh()))
    batch = rectified.encode([case()])
    assert not np.allclose(rectified.probabilities(batch), bent.probabilities(batch))
    assert rectified.fingerprint != bent.fingerprint
    assert rectified.fingerprint == own(network(nn.ReLU())).fingerprint


def test_a_fingerprint_does_not_name_where_a_function_lies_in_memory() -> None:
    class Called(nn.Conv2d):
        def extra_repr(self) -> str:
            return f"act=<function act at {hex(id(self))}>"

    one, other = Called(1, 3, 3), Called(1, 3, 3)
    other.load_state_dict(one.state_dict())
    assert str(one) != str(other)
    assert own(one).fingerprint == own(other).fingerprint


@pytest.mark.parametrize("size", [(1, 16), (16, 1)])
def test_an_image_of_one_row_or_column_is_blurred_along_the_other_axis(size: tuple[int, int]) -> None:
    pixels = torch.from_numpy(np.random.default_rng(0).normal(size=(1, *size)))
    found = filling(pixels, "blur", "a").flatten()
    assert found.std() < 0.7 * pixels.std()
    assert float(filling(torch.ones_like(pixels), "blur", "a").sub(1).abs().max()) < 1e-12


def test_pixels_that_go_in_part_are_not_inpainted_and_the_remedy_is_one() -> None:
    model = classifier()
    batch, half = model.encode([case()]), torch.full((1, 16, 20), 0.5)
    with pytest.raises(PellucidError, match="cannot be inpainted; choose mask, blur or noise"):
        model.masked_scores(batch, 0, half, "inpaint", TARGETS)


@pytest.mark.parametrize("channels", [1, 3])
def test_measured_values_are_shades_that_enter_the_model_as_its_features(channels: int) -> None:
    model = classifier(channels=channels)
    shown = case("b", channels=channels)
    batch = model.encode([case("a", channels=channels), shown])
    found = model.measured(batch, 1)
    np.testing.assert_allclose(found.values.numpy(), np.moveaxis(shown.picture.unit(), -1, 0), atol=1e-6)
    assert found.unit == "shade"
    assert missing_capabilities(model, ["measured_inputs"]) == []
    torch.testing.assert_close(found.enter(found.values[None]), model.features(batch)[1:])
    perturbed = model.perturb(batch, [np.zeros(320, dtype=bool)] * 2, "mask")
    np.testing.assert_allclose(model.measured(perturbed, 1).values, 0.5)  # what was removed has the mean colour
