"""What one recording is of: a heart, what is wrong with it, how it beats, what disturbs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.datasets.base import SPLITS, SplitName
from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.ecg.abnormal import Course, draw_course
from pellucid.datasets.phantom.ecg.findings import FINDINGS, LASTING, FindingName, together
from pellucid.datasets.phantom.ecg.heart import Heart, draw_heart
from pellucid.datasets.phantom.ecg.noise import Noise, draw_noise
from pellucid.datasets.phantom.ecg.shortcuts import Shortcut, ShortcutName, draw_marks

# Entropy is (seed, patient, recording, purpose ...). Recordings and purposes are counted from 1, for a 0 at the end would add
# nothing.
_FINDINGS, _SPLIT = 101, 102  # stand where the number of a recording would
RHYTHM, NOISE, MARKS, ATRIA = 1, 2, 3, 4
_SHARES = (0.7, 0.1, 0.2)


@dataclass(frozen=True)
class Chances:
    """What decides the scenes; as the options of the same name of the data set."""

    seed: int
    prevalence: Mapping[FindingName, float]
    recordings_per_patient: tuple[int, int]
    rate: float
    shortcut: Shortcut | None


@dataclass(frozen=True)
class Scene:
    """One recording, before it is drawn.

    Attributes:
        number: of the recording, from 1.
        labels: what is true of it, in the order of :data:`~pellucid.datasets.phantom.ecg.findings.FINDINGS`.
        strengths: how much of each label there is: 1, or less where a shortcut made it faint.
        rr: mean time between sinus beats, in seconds.
        planted: whether the mark of the shortcut stands in it.
        told: whether that mark is what tells the label.
    """

    patient: int
    number: int
    heart: Heart
    noise: Noise
    labels: tuple[FindingName, ...]
    strengths: Mapping[FindingName, float]
    rr: float
    course: Course
    marks: tuple[ShortcutName, ...]
    planted: bool
    told: bool
    entropy: tuple[int, ...]

    def of(self, purpose: int) -> tuple[int, ...]:
        """The entropy of one purpose."""
        return (*self.entropy, purpose)

    def strength(self, finding: FindingName) -> float:
        """How much of a finding there is; 0 where it is not."""
        return self.strengths.get(finding, 0.0)


def recordings(patient: int, chances: Chances) -> int:
    """How many recordings a patient has."""
    return Dice(chances.seed, patient).between(*chances.recordings_per_patient)


def split_of(patient: int, seed: int) -> SplitName:
    """The split of a patient, where the shortcut does not hold in all of them: 70, 10 and 20 of a hundred, by dice."""
    return Dice(seed, patient, _SPLIT).weighted(SPLITS, _SHARES)


def draw_scene(patient: int, number: int, chances: Chances) -> Scene:
    """One recording of a patient."""
    entropy = (chances.seed, patient, number)
    of_patient, dice = Dice(chances.seed, patient), Dice(*entropy)
    of_patient.uniform()  # how many recordings there are
    heart, noise = draw_heart(of_patient), draw_noise(of_patient)
    labels = _labels(patient, chances, dice)
    rr, course = 60 / (heart.rate + dice.near(0, 4)), draw_course(dice)
    shortcut = chances.shortcut
    telling = shortcut is not None and shortcut.label in labels and split_of(patient, chances.seed) in shortcut.splits
    marks = draw_marks(shortcut, telling, chances.rate, (*entropy, MARKS))
    planted = shortcut is not None and shortcut.kind in marks
    told = planted and telling
    faint = {shortcut.label: shortcut.faint} if shortcut and told else {}
    strengths = {label: 1.0 - faint.get(label, 0.0) for label in labels}
    return Scene(patient, number, heart, noise, labels, strengths, rr, course, marks, planted, told, entropy)


def _labels(patient: int, chances: Chances, dice: Dice) -> tuple[FindingName, ...]:
    """What the recording shows: what the patient has, and what comes and goes beside it."""
    lasting = together(_drawn(LASTING, chances, Dice(chances.seed, patient, _FINDINGS)))
    passing = _drawn([name for name in FINDINGS if name not in LASTING], chances, dice)
    present = together((*lasting, *passing))
    return tuple(name for name in FINDINGS if name in present)


def _drawn(names: Sequence[FindingName], chances: Chances, dice: Dice) -> list[FindingName]:
    """Those of the names that the dice give, in random order."""
    return dice.shuffled([name for name in names if dice.chance(chances.prevalence.get(name, 0.0))])
