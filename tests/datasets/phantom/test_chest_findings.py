"""Facts about the findings of phantom radiographs: what they change, and where."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pytest

from pellucid.datasets.phantom.chest.anatomy import SIDES, SIGN, Side
from pellucid.datasets.phantom.chest.body import build
from pellucid.datasets.phantom.chest.canvas import Frame
from pellucid.datasets.phantom.chest.findings import FINDINGS, ZONES, Finding
from pellucid.datasets.phantom.chest.lesions import ORDER, paint
from pellucid.datasets.phantom.chest.radiograph import Radiograph, Scene, take
from pellucid.datasets.phantom.chest.scenes import Chances, Drawn, scenes
from pellucid.datasets.phantom.chest.thorax import depth_in

SIZE = 96
_OTHER: dict[Side, Side] = {"right": "left", "left": "right"}


@dataclass(frozen=True, eq=False)
class Shown:
    """One finding: the scene, its picture, the finding's mask, and the picture without the finding."""

    scene: Scene
    finding: Finding
    picture: Radiograph
    mask: np.ndarray
    bare: Radiograph

    @property
    def changed(self) -> np.ndarray:
        return self.picture.pixels != self.bare.pixels


@pytest.fixture(scope="module")
def drawn() -> list[Drawn]:
    """Scenes with many findings."""
    chances = Chances(7, 0.45, (1, 2), FINDINGS, 1.0, None)
    return [scene for patient in range(70) for scene in scenes(patient, chances)]


@pytest.fixture(scope="module")
def shown(drawn: list[Drawn]) -> list[Shown]:
    """Every finding of the first scenes."""
    found: list[Shown] = []
    for one in drawn[:50]:
        picture = take(one.scene, SIZE)
        for finding, mask in zip(one.scene.findings, picture.findings, strict=True):
            found.append(Shown(one.scene, finding, picture, mask, without(one.scene, finding)))
    return found


def of(shown: list[Shown], label: str) -> list[Shown]:
    chosen = [one for one in shown if one.finding.label == label]
    assert len(chosen) >= 8
    return chosen


def sided(shown: list[Shown], label: str) -> list[tuple[Shown, Side, Frame]]:
    """Findings that have a side, with it and with where their pixels are."""
    return [(one, one.finding.side, Frame.of(SIZE, one.scene.pose)) for one in of(shown, label) if one.finding.side != "both"]


def without(scene: Scene, finding: Finding) -> Radiograph:
    return take(replace(scene, findings=tuple(f for f in scene.findings if f is not finding)), SIZE)


def test_a_finding_changes_no_pixel_outside_its_mask_whatever_else_there_is(shown: list[Shown]) -> None:
    for one in shown:
        assert not (one.changed & ~one.mask).any(), one.finding
        assert one.changed.any(), one.finding


def test_a_finding_changes_most_pixels_inside_its_mask(shown: list[Shown]) -> None:
    for label in set(FINDINGS) - {"cardiomegaly"}:
        assert np.mean([one.changed[one.mask].mean() for one in of(shown, label)]) > 0.85, label


@pytest.mark.parametrize("label", sorted(set(FINDINGS) - {"cardiomegaly"}))
def test_alone_it_changes_the_density_everywhere_inside_and_nowhere_else(shown: list[Shown], label: str) -> None:
    for one in of(shown, label)[:8]:
        body = build(one.scene.anatomy, Frame.of(SIZE, one.scene.pose))
        painted = paint(one.finding, body, 1.0)
        assert ((painted.body.density != body.density) == painted.mask).all()


def test_cardiomegaly_is_marked_as_the_whole_heart_and_changes_its_rim(shown: list[Shown]) -> None:
    for one in of(shown, "cardiomegaly"):
        assert 0 < one.changed[one.mask].mean() < 0.7
        x = Frame.of(SIZE, one.scene.pose).x[one.mask]
        assert (x.max() - x.min()) / (2 * one.scene.anatomy.width) == pytest.approx(one.finding.reach, abs=0.04)
        assert one.finding.reach > 0.5 > one.scene.anatomy.heart_ratio
        assert all(one.picture.lungs[side][one.mask].any() for side in SIDES)


def test_findings_lie_in_the_lung_of_their_side(shown: list[Shown]) -> None:
    for label in set(FINDINGS) - {"cardiomegaly"}:
        for one, side, frame in sided(shown, label):
            assert frame.x[one.mask].mean() * SIGN[side] > 0.1
            assert one.picture.lungs[side][one.mask].mean() > 0.7
            assert not one.picture.lungs[_OTHER[side]][one.mask].any()


def test_the_patients_left_is_on_the_right_of_the_picture(shown: list[Shown]) -> None:
    for label in set(FINDINGS) - {"cardiomegaly"}:
        for one, side, _ in sided(shown, label):
            assert (np.flatnonzero(one.mask.any(axis=0)).mean() > SIZE / 2) == (side == "left")


@pytest.mark.parametrize("label", ["nodule", "opacity"])
def test_focal_findings_lie_in_their_third_of_the_lung(shown: list[Shown], label: str) -> None:
    slack = 0.05 if label == "nodule" else 0.5  # an opacity is cut where the lung ends, so that its middle shifts
    for one, side, frame in sided(shown, label):
        thirds = 3 * float(depth_in(one.scene.anatomy, side, frame.y)[one.mask].mean())
        assert ZONES.index(one.finding.zone) - slack < thirds < ZONES.index(one.finding.zone) + 1 + slack


def test_focal_findings_occur_in_every_zone_of_both_lungs() -> None:
    chances = Chances(3, 0.22, (1, 1), FINDINGS, 1.0, None)
    found = [f for patient in range(1000) for one in scenes(patient, chances) for f in one.scene.findings]
    for label in ("nodule", "opacity"):
        places = Counter((f.side, f.zone) for f in found if f.label == label)
        assert len(places) == 6
        assert min(places.values()) > 0.25 * max(places.values())


def test_nodules_are_small_and_round_and_seen_in_the_lung(shown: list[Shown]) -> None:
    for one, side, _ in sided(shown, "nodule"):
        height, width = (int(one.mask.any(axis=axis).sum()) for axis in (1, 0))
        assert 3 <= min(height, width) <= max(height, width) <= 0.13 * SIZE
        assert max(height, width) <= 1.5 * min(height, width)
        assert one.picture.lungs[side][one.mask].mean() > 0.85


def test_opacity_nodule_effusion_and_heart_brighten_and_pneumothorax_darkens(shown: list[Shown]) -> None:
    for one in shown:
        change = float((one.picture.pixels.astype(float) - one.bare.pixels)[one.mask].mean())
        assert change < 0 if one.finding.label == "pneumothorax" else change > 0, one.finding


def test_effusion_fills_the_angle_between_ribs_and_diaphragm(shown: list[Shown]) -> None:
    for one, side, frame in sided(shown, "effusion"):
        lung = one.picture.lungs[side]
        assert not (lung & ~one.mask & (frame.y > frame.y[lung].max() - 0.05)).any()


def test_a_large_effusion_climbs_along_the_chest_wall(shown: list[Shown]) -> None:
    for one, _, frame in sided(shown, "effusion"):
        if one.finding.reach > 0.2:
            away = np.abs(frame.x)
            outer, inner = away > np.quantile(away[one.mask], 0.85), away < np.median(away[one.mask])
            assert frame.y[one.mask & outer].min() < frame.y[one.mask & inner].min()


def test_pneumothorax_lies_along_the_wall_from_the_tip(shown: list[Shown]) -> None:
    for one, side, frame in sided(shown, "pneumothorax"):
        lung = one.picture.lungs[side]
        assert frame.y[one.mask].min() < frame.y[lung].min() + 0.03
        assert lung.sum() > 2.5 * one.mask.sum()
        assert np.abs(frame.x[one.mask]).mean() > np.abs(frame.x[lung]).mean()


def test_focal_findings_hardly_ever_overlap(drawn: list[Drawn]) -> None:
    focal = [[f for f in one.scene.findings if f.label in ("nodule", "opacity")] for one in drawn]
    pairs = [pair for found in focal for pair in combinations(found, 2)]
    assert len(pairs) > 20
    assert np.mean([np.hypot(a.x - b.x, a.y - b.y) < a.reach + b.reach for a, b in pairs]) < 0.05


@pytest.mark.parametrize("label", FINDINGS)
def test_more_contrast_makes_a_finding_more_conspicuous(shown: list[Shown], label: str) -> None:
    for one in of(shown, label)[:4]:
        pictures = [take(replace(one.scene, findings=(one.finding,), contrast=c), SIZE) for c in (0.3, 0.6, 1.0)]
        if label == "cardiomegaly":  # a wider rim of the same density
            assert pictures[0].findings[0].sum() < pictures[1].findings[0].sum() < pictures[2].findings[0].sum()
        else:
            assert pictures[0].seen[0] < pictures[1].seen[0] < pictures[2].seen[0]


def test_findings_come_in_any_order_and_keep_it(shown: list[Shown]) -> None:
    scene = next(one.scene for one in shown if len({f.label for f in one.scene.findings}) == 3)
    one, other = take(scene, SIZE), take(replace(scene, findings=scene.findings[::-1]), SIZE)
    assert (one.pixels == other.pixels).all()
    assert all((a == b).all() for a, b in zip(one.findings, other.findings[::-1], strict=True))
    assert sorted(ORDER) == sorted(FINDINGS)
