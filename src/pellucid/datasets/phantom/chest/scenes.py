"""The scenes of a patient, one a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pellucid.datasets.phantom.chest.anatomy import Anatomy, draw_anatomy, draw_pose
from pellucid.datasets.phantom.chest.exposure import draw_exposure
from pellucid.datasets.phantom.chest.findings import FINDINGS, MOST, FindingName, draw_findings
from pellucid.datasets.phantom.chest.radiograph import Scene
from pellucid.datasets.phantom.chest.shortcuts import Shortcut, draw_things
from pellucid.datasets.phantom.dice import Dice

# Entropy is (seed, patient, image, purpose ...). Images and purposes are counted from 1, for a 0 at the end would add nothing.
_ANATOMY = 101  # stands where the number of an image would
_FINDINGS, _NOISE, _THINGS = 1, 2, 3


@dataclass(frozen=True)
class Chances:
    """What decides the scenes; as the options of the same name of the data set."""

    seed: int
    prevalence: float
    images_per_patient: tuple[int, int]
    findings: tuple[FindingName, ...]
    contrast: float
    shortcut: Shortcut | None


@dataclass(frozen=True)
class Drawn:
    """A scene with its address.

    Attributes:
        number: of the image, from 1.
        planted: whether the shortcut's object stands in it.
        replaced: whether the finding was taken out for it.
    """

    patient: int
    number: int
    labels: frozenset[FindingName]
    scene: Scene
    planted: bool
    replaced: bool


def scenes(patient: int, chances: Chances) -> Iterator[Drawn]:
    """The scenes of one patient."""
    dice = Dice(chances.seed, patient)
    anatomy = draw_anatomy(dice, (chances.seed, patient, _ANATOMY))
    enlarged = dice.chance(chances.prevalence)
    for number in range(1, dice.between(*chances.images_per_patient) + 1):
        yield _drawn(patient, number, anatomy, enlarged, chances)


def _drawn(patient: int, number: int, anatomy: Anatomy, enlarged: bool, chances: Chances) -> Drawn:
    entropy = (chances.seed, patient, number)
    dice, shortcut = Dice(*entropy), chances.shortcut
    labels = _labels(enlarged, chances, dice)
    pose, breathing = draw_pose(dice), anatomy.inhaled(dice.near(0, 0.07))
    findings = draw_findings(labels, breathing, dice, (*entropy, _FINDINGS))
    things = draw_things(shortcut, frozenset(labels), (*entropy, _THINGS))
    planted = shortcut is not None and any(thing.kind == shortcut.kind for thing in things)
    faint = shortcut.faint if shortcut and planted else 0.0
    shown = [replace(f, strength=f.strength * (1 - faint)) if shortcut and f.label == shortcut.label else f for f in findings]
    kept = tuple(f for f in shown if f.strength > 0)
    exposure = draw_exposure(dice, (*entropy, _NOISE))
    scene = Scene(breathing, pose, kept, tuple(things), exposure, chances.contrast)
    return Drawn(patient, number, frozenset(labels), scene, planted, len(kept) < len(findings))


def _labels(enlarged: bool, chances: Chances, dice: Dice) -> list[FindingName]:
    """What the picture shows; the heart is as wide in all pictures of a patient."""
    wanted = [f for f in FINDINGS if f in chances.findings]
    present = [f for f in wanted if (enlarged if f == "cardiomegaly" else dice.chance(chances.prevalence))]
    return dice.shuffled(present)[:MOST]
