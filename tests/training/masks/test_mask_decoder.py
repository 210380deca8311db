"""The decoder of mask networks, its taps, and how coarse logits become smooth masks."""

from __future__ import annotations

import pytest
import torch
from images import case, classifier
from torch import nn
from torch.nn import functional

from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictors.image_classifier.masking import Masker, MaskSettings, smoothing, taps
from pellucid.predictors.image_classifier.masking.decoder import Decoder
from pellucid.target import Target
from pellucid.training.masks import MaskRecipe, making

RESNET50 = ((3, 224), (64, 112), (256, 56), (512, 28), (1024, 14), (2048, 7))
WIDTHS = (256, 128, 64, 32, 16)


def test_the_published_decoder_has_nine_million_weights_and_full_resolution():
    decoder = Decoder([channels for channels, _ in RESNET50], WIDTHS, norm="batch").eval()
    assert sum(p.numel() for p in decoder.parameters()) == 9_013_377  # 9.01 M
    with torch.no_grad():
        logits = decoder([torch.zeros(1, channels, side, side) for channels, side in RESNET50])
    assert logits.shape == (1, 1, 224, 224)


def test_our_decoder_for_a_resnet50_reads_no_image_and_is_told_target_and_area():
    decoder = Decoder([c for c, _ in RESNET50[1:]], WIDTHS[:4], labels=14, areas=True).eval()
    maps = [torch.randn(2, channels, side // 7, side // 7) for channels, side in RESNET50[1:]]
    images, labels = torch.tensor([0, 0, 1]), torch.tensor([3, 7, 7])
    with torch.no_grad():
        logits = decoder(maps, images, labels, torch.tensor([[0.1, 0.4]] * 3))
    assert logits.shape == (3, 2, 16, 16)
    assert not torch.allclose(logits[0], logits[1])  # another target
    assert not torch.allclose(logits[0, 0], logits[0, 1])  # another area


def test_questions_asked_together_are_answered_as_if_asked_alone():
    decoder = Decoder((4, 6, 8), (8, 8), labels=3, areas=True).double().eval()
    maps = [torch.randn(2, c, s, s, dtype=torch.float64) for c, s in ((4, 12), (6, 6), (8, 3))]
    areas = torch.tensor([[0.05, 0.3]] * 4, dtype=torch.float64)
    images, labels = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 2, 1, 2])
    together = decoder(maps, images, labels, areas)
    for row in range(4):
        one = [m[images[row : row + 1]] for m in maps]
        for column in range(2):
            alone = decoder(one, torch.tensor([0]), labels[row : row + 1], areas[row : row + 1, column : column + 1])
            torch.testing.assert_close(alone[0, 0], together[row, column])


def test_the_last_part_at_each_resolution_is_read():
    model = classifier((32, 32))
    found = taps.find(taps.output_shapes(model.module, torch.zeros(1, 1, 32, 32, dtype=torch.float64)), 2)
    assert found == {"stages.0": (1, 16, 16, 16), "stages.1": (1, 32, 8, 8), "stages": (1, 64, 4, 4)}


def test_sizes_that_padding_makes_are_no_resolutions():
    def block(channels: int) -> list[nn.Module]:
        return [nn.ZeroPad2d(2), nn.Conv2d(channels, 4, 5), nn.ReLU(), nn.ZeroPad2d(1), nn.Conv2d(4, 4, 3), nn.ReLU()]

    layers = [*block(1), nn.AvgPool2d(2), *block(4), nn.AvgPool2d(2), *block(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    shapes = taps.output_shapes(nn.Sequential(*layers, nn.Linear(4, 2)), torch.zeros(1, 1, 32, 32))
    assert {s[2] for s in shapes.values() if len(s) == 4} >= {36, 34, 32, 20, 18, 16, 12, 10, 8}
    assert [s[2] for s in taps.find(shapes, 2).values()] == [32, 16, 8]


def test_taps_can_be_named_and_must_fall():
    model = classifier((32, 32))
    shapes = taps.output_shapes(model.module, torch.zeros(1, 1, 32, 32, dtype=torch.float64))
    assert list(taps.find(shapes, 2, ("stem", "stages.2"))) == ["stem", "stages.2"]
    with pytest.raises(PellucidError, match="whose resolutions fall"):
        taps.find(shapes, 2, ("stages.2", "stem"))
    with pytest.raises(PellucidError, match="no part 'trunk'"):
        taps.find(shapes, 2, ("trunk", "stem"))


def test_a_network_that_reuses_its_relu_is_read_at_its_blocks():
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.relu = nn.Conv2d(4, 4, 3, 1, 1), nn.Conv2d(4, 4, 3, 1, 1), nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.relu(self.second(self.relu(self.first(x))) + x)

    network = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), Block(), nn.MaxPool2d(2), Block())
    found = taps.find(taps.output_shapes(network, torch.zeros(1, 1, 16, 16)), 2)
    assert list(found) == ["1", "3"]
    pixels = torch.randn(2, 1, 16, 16)
    logits, maps = taps.read(network, list(found), pixels)
    torch.testing.assert_close(maps[1], logits)
    assert not logits.requires_grad


def test_a_network_with_one_resolution_is_refused():
    network = nn.Sequential(nn.Conv2d(1, 8, 16, 16), nn.Flatten(), nn.Linear(32, 2))  # the patches of a vision transformer
    with pytest.raises(CapabilityError, match="no maps at two resolutions"):
        taps.find(taps.output_shapes(network, torch.zeros(1, 1, 32, 32)), 2)


@pytest.mark.parametrize(("coarse", "full", "sigma"), [(7, 56, 2.0), (12, 20, 4.5), (16, 16, 1.0)])
def test_one_matrix_an_axis_equals_resampling_then_blurring(coarse: int, full: int, sigma: float):
    kernel = smoothing.gaussian(sigma)
    matrix = smoothing.widening(coarse, full, kernel)
    maps = torch.randn(3, 2, coarse, coarse, dtype=torch.float64)
    wide = functional.interpolate(maps, size=(full, full), mode="bilinear", align_corners=False)
    radius = len(kernel) // 2
    padded = functional.pad(wide, (radius,) * 4, mode="reflect")
    plane = (kernel[:, None] * kernel[None])[None, None].expand(2, 1, -1, -1)
    expected = functional.conv2d(padded, plane, groups=2)
    torch.testing.assert_close(smoothing.along_axes(maps, [matrix, matrix]), expected)


def test_a_blur_leaves_a_constant_as_it_is_and_is_cut_where_the_image_ends():
    matrix = smoothing.widening(3, 5, smoothing.gaussian(10.0))
    torch.testing.assert_close(matrix.sum(1), torch.ones(5, dtype=torch.float64))


def test_equal_random_weights_are_the_window_average():
    masks = torch.rand(2, 1, 16, 20, dtype=torch.float64)
    weights = torch.full((2, 5, 5), 1 / 25, dtype=torch.float64)
    box = smoothing.box(5)
    averages = [smoothing.widening(n, n, box) for n in (16, 20)]
    torch.testing.assert_close(smoothing.averaged(masks, weights), smoothing.along_axes(masks, averages))


def test_random_weights_are_those_of_the_image_alone():
    masks = torch.rand(2, 1, 9, 9, dtype=torch.float64)
    weights = torch.rand(2, 3, 3, dtype=torch.float64)
    alone = smoothing.averaged(masks[1:], weights[1:])
    torch.testing.assert_close(smoothing.averaged(masks, weights)[1:], alone)


def test_the_published_window_is_21_pixels_of_224():
    common = {"kind": "deletion", "taps": ("a", "b"), "channels": (4, 8), "widths": (8,), "labels": 2, "smooth": 21 / 224}
    assert [MaskSettings(size=(n, n), **common).window for n in (224, 96, 16)] == [21, 9, 1]


def test_settings_survive_json():
    settings = MaskSettings("values", ("a", "b"), (4, 8), (8,), (16, 16), 3, grid=4)
    assert MaskSettings.from_json(settings.to_json()) == settings


def test_the_digest_follows_the_weights():
    masker = Masker(MaskSettings("evidence", ("a", "b"), (4, 8), (8,), (16, 16), 3))
    before = masker.digest
    with torch.no_grad():
        next(masker.parameters()).mul_(2)
    assert masker.digest != before


def test_a_mask_network_that_is_replaced_reads_the_same_batch_anew():
    model = classifier((32, 32))
    batch = model.encode([case(size=(32, 32))])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = [
            making.new_masker(model, MaskRecipe("x", taps=parts)).eval()
            for parts in (("stages.0", "stages.1"), ("stages.1", "stages.2"))
        ]
    for network in networks:
        model.maskers["nemt"] = network
        found = model.evidence_masks(batch, [Target.label("nodule")], (0.1,))
        again = model.evidence_masks(model.encode(batch.cases), [Target.label("nodule")], (0.1,))
        assert torch.equal(found, again)
