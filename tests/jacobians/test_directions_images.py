"""Directions of images: every tangent is the derivative of its path, and every path does what its name says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from clinical import chest, image_directions, image_model, named, off_its_derivative, reasons, region, shades

from pellucid.case import Case, Mask
from pellucid.jacobians.directions.drawing import border, line
from pellucid.jacobians.directions.warping import sampled
from pellucid.picture import Picture

SIZE = (24, 30)
EVERY = image_directions(chest())
START = image_model().measured(image_model().encode([chest()]), 0).values


def plain(values: np.ndarray, spacing=None) -> Case:
    """A case with nothing but an image."""
    return Case("x", "x", {"image": Picture(values.astype(np.float32)[..., None], spacing)}, frozenset())


def blob(centre: tuple[float, float], size=(41, 41), width=2.5) -> np.ndarray:
    down, across = np.ogrid[: size[0], : size[1]]
    return np.exp(-0.5 * ((down - centre[0]) ** 2 + (across - centre[1]) ** 2) / width**2)


def centre_of(image: torch.Tensor) -> tuple[float, float]:
    mass = image[0] / image.sum()
    down, across = (torch.arange(n, dtype=torch.float64) for n in mass.shape)
    return float((mass.sum(1) * down).sum()), float((mass.sum(0) * across).sum())


@pytest.mark.parametrize("direction", EVERY.directions, ids=lambda d: d.name)
def test_the_tangent_is_the_derivative_of_the_path(direction):
    assert off_its_derivative(direction) < 1e-4
    assert float((direction.at(0) - START).abs().max()) < 1e-12
    assert direction.tangent.abs().max() > 0


def test_a_chest_with_anatomy_and_evidence_lacks_nothing():
    assert EVERY.skipped == ()
    assert len(EVERY.directions) >= 25
    assert len({d.name for d in EVERY.directions}) == len(EVERY.directions)


def test_tangents_of_warps_are_the_same_from_both_sides():
    for direction in EVERY.directions:
        if direction.group == "geometry":
            ahead, behind = ((direction.at(h) - direction.at(0)) / h for h in (1e-6, -1e-6))
            torch.testing.assert_close(ahead, behind, atol=1e-4, rtol=0)


def test_volumes_have_directions_within_their_slices_and_no_overlays():
    size = (3, 12, 14)
    case = Case(
        "v",
        "v",
        {"image": Picture(shades(size))},
        frozenset(),
        (region(size, (2, 5), (2, 5), "nodule"),),
        anatomy=(region(size, (2, 8), (2, 8), "left lung"),),
    )
    found = image_directions(case)
    assert max(off_its_derivative(d) for d in found.directions) < 1e-4
    assert set(reasons(found)) == {"tube", "electrode", "marker", "collimation border", "grid lines", "occlusion"}


def test_shades_change_as_their_units_say():
    def after(name):
        return named(EVERY, name).at(1)

    mean = START.mean()
    expected = {
        "exposure": 1.05 * START,
        "brightness": START + 0.05,
        "contrast": mean + 1.1 * (START - mean),
        "gamma": START.clamp_min(0) ** 1.1,
        "window level": START - 0.05,
        "window width": (START - 0.5) / 1.1 + 0.5,
    }
    for name, values in expected.items():
        torch.testing.assert_close(after(name), values, atol=1e-9, rtol=0)


def test_gamma_leaves_black_and_white():
    gamma = named(image_directions(plain(np.array([[0.0, 1.0], [0.5, 1.0]]))), "gamma")
    torch.testing.assert_close(gamma.tangent[0, 0], torch.zeros(2, dtype=torch.float64), atol=1e-12, rtol=0)
    assert gamma.tangent[0, 1, 0] < 0


def test_a_window_is_told_in_hounsfield_units_only_where_they_are_known():
    told = image_directions(chest(), names=["window"], window=(40.0, 400.0))
    assert named(told, "window level").unit == "+5 % of the range, 20 HU"
    assert named(told, "window width").unit == "+10 %, 40 HU"
    assert "HU" not in named(EVERY, "window level").unit


def test_a_bias_field_turns_its_sign_across_the_image():
    step = named(EVERY, "bias field, left to right").tangent / START
    torch.testing.assert_close(step[0, 1, [0, -1]], torch.tensor([-0.1, 0.1], dtype=torch.float64))
    corners = named(EVERY, "bias field, centre to corners").tangent
    assert corners[0, 12, 15] < 0 < corners[0, 0, -1]


def test_blur_adds_the_variance_that_it_says_and_no_light():
    image = np.zeros((31, 31))
    image[15, 15] = 1
    blur = named(image_directions(plain(image)), "blur")
    once, twice = blur.at(1), blur.at(2)
    away = (torch.arange(31, dtype=torch.float64) - 15).square()
    assert float((once[0].sum(0) * away).sum()) == pytest.approx(0.25)
    assert float((twice[0].sum(1) * away).sum()) == pytest.approx(0.5)
    assert float(once.sum()) == pytest.approx(1.0)
    again = named(image_directions(plain(once[0].numpy())), "blur").at(1)
    torch.testing.assert_close(again, twice, atol=1e-6, rtol=0)  # a case keeps 32-bit floats


def test_a_rotation_turns_what_is_right_upwards_in_millimetres():
    """The image is twice as wide as high in pixels, and square in millimetres."""
    case = plain(blob((20, 62), (41, 83), 2.0), spacing=(2.0, 1.0))  # 21 mm to the right of the centre (20, 41)
    turned = named(image_directions(case), "rotation").at(18)
    assert centre_of(turned) == pytest.approx((20 - 10.5, 41), abs=0.05)


@pytest.mark.parametrize(
    ("name", "steps", "expected"),
    [
        ("translation to the right", 10, (14, 31 + 4.1)),
        ("translation downwards", 10, (14 + 4.1, 31)),
        ("scale", 4, (20 - 6 * 1.2, 20 + 11 * 1.2)),
        ("shear", 4, (14, 31 - 6 * 0.2)),
        ("rotation", 18, (20 - 11, 20 - 6)),
    ],
)
def test_geometry_moves_what_is_in_the_image(name, steps, expected):
    moved = named(image_directions(plain(blob((14, 31), width=1.5))), name).at(steps)
    assert centre_of(moved) == pytest.approx(expected, abs=0.03)


def test_moving_by_whole_pixels_only_moves():
    case = plain(np.random.default_rng(0).random((6, 100)))
    direction = named(image_directions(case), "translation to the right")
    torch.testing.assert_close(direction.at(3)[:, :, 3:], direction.at(0)[:, :, :-3], atol=1e-12, rtol=0)
    torch.testing.assert_close(direction.at(3)[:, :, 0], direction.at(0)[:, :, 0], atol=1e-12, rtol=0)


def test_interpolation_is_exact_for_quadratic_images():
    down, across = torch.meshgrid(*(torch.arange(12, dtype=torch.float64),) * 2, indexing="ij")

    def image(y, x):
        return 0.3 + 0.1 * y - 0.2 * x + 0.02 * y * y + 0.01 * x * y - 0.03 * x * x

    rows, columns = (
        torch.rand(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 8 + 2 for _ in range(2)
    )
    torch.testing.assert_close(sampled(image(down, across)[None], rows, columns)[0], image(rows, columns))


def test_lengths_are_told_in_millimetres_where_the_image_knows_them():
    found = image_directions(chest(spacing=(0.5, 0.4)))
    assert named(found, "translation to the right").unit == "+1 % of the width, 0.12 mm"
    assert named(found, "blur").unit == "+0.25 px² of variance, 0.05 mm²"
    assert "mm" not in named(EVERY, "translation to the right").unit


def test_intensities_change_inside_their_structure_alone():
    lung, heart = chest().anatomy[0].mask, chest().anatomy[2].mask
    for name, place in (("right lung", lung), ("heart", heart)):
        step = named(EVERY, f"intensity of {name}").at(2) - START
        torch.testing.assert_close(step[0], torch.from_numpy(0.1 * place), atol=1e-12, rtol=0)
    every = np.any([mark.mask for mark in chest().anatomy], axis=0)
    outside = named(EVERY, "background intensity").tangent[0] != 0
    assert np.array_equal(outside.numpy(), ~every)


def test_structures_follow_the_image_to_the_size_that_the_model_reads():
    large = Case(
        "l", "l", {"image": Picture(shades((48, 60)))}, frozenset(), anatomy=(region((48, 60), (8, 32), (8, 24), "left lung"),)
    )
    found = image_directions(large, image_model(SIZE))
    lit = named(found, "intensity of left lung").tangent[0] != 0
    assert np.array_equal(lit.numpy(), region(SIZE, (4, 16), (4, 12), "").mask)


def test_channels_change_alike():
    case = chest(channels=3)
    for direction in image_directions(case).directions:
        torch.testing.assert_close(direction.tangent, direction.tangent[:1].expand(3, *SIZE))


def test_what_a_case_does_not_offer_is_skipped_with_the_reason():
    found = image_directions(plain(np.full(SIZE, 0.5)))
    assert reasons(found) == {
        "anatomy": "the case does not say where structures lie",
        "background": "the case does not say where structures lie",
        "occlusion": "nobody marked a region of the image",
    }
    empty = replace(chest(), anatomy=(Mask(np.zeros(SIZE, bool), "heart"),))
    assert reasons(image_directions(empty))["intensity of heart"] == "it covers no pixel of what the model reads"


def test_ten_steps_of_occlusion_leave_what_goes_on_from_around():
    """On a ramp, whose pixels are the means of their neighbours, nothing is hidden; a bright square on it is."""
    ramp = np.add.outer(np.linspace(0, 0.4, 24), np.linspace(0, 0.4, 30))
    lit = ramp.copy()
    lit[8:12, 10:16] += 0.2
    mark = region(SIZE, (8, 12), (10, 16), "nodule")
    hidden = named(image_directions(replace(plain(lit), evidence=(mark,))), "occlusion of nodule").at(10)
    torch.testing.assert_close(hidden[0], torch.from_numpy(ramp), atol=1e-4, rtol=0)


def test_boxes_are_hidden_one_by_one_and_gaze_never():
    hidden = {d.name: d.tangent[0] != 0 for d in EVERY.directions if d.group == "evidence"}
    assert set(hidden) == {"occlusion of effusion 1", "occlusion of effusion 2", "occlusion of nodule"}
    assert not hidden["occlusion of effusion 1"][:2].any()
    assert hidden["occlusion of effusion 1"][2:6, 2:7].float().mean() > 0.9
    assert int(hidden["occlusion of effusion 2"].sum()) <= 25


def test_a_region_that_is_the_whole_image_cannot_be_hidden():
    whole = replace(plain(np.full(SIZE, 0.5)), evidence=(Mask(np.ones(SIZE, bool), "nodule"),))
    assert "or all of them" in reasons(image_directions(whole))["occlusion of nodule"]


def test_ten_steps_of_opacity_hide_what_lies_under_an_overlay():
    for direction in EVERY.directions:
        if direction.group == "overlay":
            shade = 0.0 if direction.name == "collimation border" else 1.0
            drawn = direction.at(10)
            assert float((drawn - shade).abs().min()) < 0.05
            assert bool(((drawn - START) * (shade - START) >= -1e-12).all())


def test_a_tube_lies_between_the_lungs_and_ends_in_them():
    drawn = named(EVERY, "tube").tangent[0] != 0
    rows, columns = (found.numpy() for found in torch.nonzero(drawn, as_tuple=True))
    assert columns.min() >= 12
    assert columns.max() <= 18
    assert rows.min() == 0
    assert rows.max() <= 4 + 12 / 3 + 1


def test_markers_stand_in_the_upper_corners_with_the_patients_left_on_the_right():
    for letter, half in (("L", slice(15, 30)), ("R", slice(0, 15))):
        drawn = named(EVERY, f"marker {letter}").tangent[0] != 0
        assert drawn[:6, half].sum() == drawn.sum() > 0


def test_an_electrode_is_a_disc():
    drawn = line([(20.3, 31.7)], 6.0, (50, 60))
    assert float(drawn.sum()) == pytest.approx(np.pi * 36, rel=0.01)
    assert centre_of(drawn[None]) == pytest.approx((19.8, 31.2), abs=0.01)


def test_a_border_lies_along_all_edges():
    drawn = border(2, (10, 12))
    assert bool((drawn[2:-2, 2:-2] == 0).all())
    assert float(drawn.sum()) == pytest.approx(10 * 12 - 6 * 8)
