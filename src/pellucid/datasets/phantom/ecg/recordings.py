"""Phantom electrocardiograms: drawn recordings of twelve leads with everything known about them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, overload

import numpy as np

from pellucid.case import Case, Mask
from pellucid.datasets.base import SPLITS, Prepared, SplitName
from pellucid.datasets.phantom.ecg.checking import NAME, check
from pellucid.datasets.phantom.ecg.describing import described
from pellucid.datasets.phantom.ecg.findings import FINDINGS, FindingName
from pellucid.datasets.phantom.ecg.planning import Clock
from pellucid.datasets.phantom.ecg.scenes import Chances, Scene, draw_scene, recordings, split_of
from pellucid.datasets.phantom.ecg.shortcuts import Shortcut, ShortcutName
from pellucid.datasets.phantom.ecg.tracing import Recording, trace
from pellucid.datasets.phantom.planting import told_by
from pellucid.registry import datasets
from pellucid.signals import Signal


@datasets.register("phantom_ecg")
@dataclass(frozen=True)
class PhantomEcg:
    """Drawn electrocardiograms of twelve leads with exact masks of findings and waves and, if wanted, a planted shortcut.

    The findings are "anterior ST elevation" (V1 to V4), "inferior ST elevation" (II, III, aVF; reciprocal depression in I and
    aVL), "left bundle branch block" (wide QRS, discordant ST and T), "first-degree AV block" (PR above 200 ms), "atrial
    fibrillation" (no P, fibrillatory waves, irregular beats), "left ventricular hypertrophy" (Sokolow-Lyon: S in V1 plus R in
    V5 or V6 of 3.5 mV or more, and less than that in all others), "premature ventricular beats" and "T-wave inversion" (I,
    aVL, V5, V6).

    All may occur together but for the pairs of :data:`~pellucid.datasets.phantom.ecg.findings.APART`: the two ST elevations and
    bundle branch block exclude each other, bundle branch block excludes hypertrophy and T-wave inversion, and fibrillation
    excludes AV block. Each finding is drawn by itself, and of two that exclude each other one goes, by dice. Bundle branch
    block, AV block, fibrillation and hypertrophy belong to the patient: they are in all recordings, and what comes and goes
    gives way to them.

    The source is a dipole that moves: each wave is a bell in time along one direction, and the leads see it through one fixed
    field (:mod:`pellucid.datasets.phantom.ecg.leads`). III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2 and aVF = II - I / 2
    hold with noise as without. QT follows the mean time between beats (Bazett). Baseline and muscles disturb a recording as
    much as the patient's calm allows, and so does the mains where the rate is above 100.

    A patient has several recordings, which share all of the heart but a few beats a minute. Everything about a recording is
    drawn from seeds made of (seed, patient, recording): the same options and seed give the same recordings in any order, and
    the first recordings of a larger set are those of a smaller one. Each is made when it is asked for. Another `rate` shows
    the same hearts. Each mark of the recorder has draws of its own: recordings with and without a shortcut differ inside the
    mask of the mark alone, as long as it makes no finding faint.

    In each case, ``input("signal")`` is a :class:`~pellucid.signals.Signal` in mV. ``evidence`` holds one
    :class:`~pellucid.case.Mask` of the shape (samples, leads) a finding (source "phantom"):

    * of ST elevation, bundle branch block, hypertrophy and T-wave inversion, the samples that the finding moves by 0.05 mV
      (half a millimetre of paper) or more: the same heart is known with and without it;
    * of AV block, all leads from the onset of P to that of QRS;
    * of fibrillation, all leads but for ST segments, T waves and premature beats: what stands in the place of P, and the QRS
      complexes whose times are irregular;
    * of premature beats, all leads from the onset of their QRS complex to the end of their T wave.

    ``causes`` equals ``evidence`` unless there is a shortcut (see :mod:`pellucid.datasets.phantom.ecg.shortcuts`). ``anatomy``
    holds the masks "P wave", "QRS complex", "ST segment", "T wave" and "baseline" in all leads, as far as there are any; each
    sample is in one. A wave begins and ends 2.5 standard deviations from its peaks.

    ``meta`` holds JSON values:

    * ``beats``: ``{"time", "premature"}`` of each QRS complex, in seconds at its middle (of a premature one, at its peak).
    * ``heart_rate`` in beats a minute; ``pr`` (None in fibrillation), ``qrs`` and ``qt`` in ms, and ``axis`` (frontal, of QRS)
      in degrees, of beats that come from the atria.
    * ``findings``: ``{"label", "leads", "change"}`` in the order of ``evidence``: leads with a marked sample, and the largest
      change in mV; None where a finding is a matter of time.
    * ``distractors``: marks that mean nothing, ``{"kind", "label", "span"}``; half-open samples; the label is None but for a
      "leaked_shortcut".
    * ``shortcut``, where there is one: ``{"label", "kind", "planted", "replaced"}``; the last is true where the finding was
      taken out.

    Attributes:
        n: number of recordings.
        seed: not negative.
        rate: samples a second, 100 to 1000.
        seconds: length of a recording, 5 to 60.
        noise: factor on all noise, 0 to 10.
        prevalence: chance of each finding, before one of two that exclude each other goes.
        prevalences: the same for each of `findings`, in their order; `prevalence` for all if empty.
        recordings_per_patient: least and greatest number, at most 20.
        findings: those that occur.
        shortcut: the mark that is planted: "calibration" (a pulse of 1 mV at the start), "spikes" (like those of a pacemaker,
            before each QRS) or "hum" (of the mains, in V6; needs a rate above 100); nothing if None.
        shortcut_label: the finding that it predicts; needed with a shortcut.
        shortcut_rate: share of the recordings with that finding in which the mark stands.
        shortcut_rate_absent: share of the recordings without it in which the mark stands all the same.
        shortcut_faint: how much of the finding is taken away where the mark stands; at 1 it is not drawn, and nothing but the
            mark tells the label.
        shortcut_splits: where the shortcut holds. In the others the mark stands in the share `shortcut_rate_absent` of all
            recordings, with the finding or without. If it does not hold in all, the data set comes with splits of its own (70,
            10 and 20 of a hundred patients, by dice).

    Raises:
        DataError: an option is out of range, or they do not fit each other.
    """

    licence: ClassVar[str] = "Apache-2.0 (made by this library; drawn, no patient data)"
    cites: ClassVar[str] = "McSharry et al. 2003 (waves as bells); Dower et al. 1980 (the field of the leads)"
    needs: ClassVar[str] = "nothing"

    n: int = 600
    seed: int = 0
    rate: float = 100.0
    seconds: float = 10.0
    noise: float = 1.0
    prevalence: float = 0.15
    prevalences: tuple[float, ...] = ()
    recordings_per_patient: tuple[int, int] = (1, 3)
    findings: tuple[FindingName, ...] = FINDINGS
    shortcut: ShortcutName | None = None
    shortcut_label: FindingName | None = None
    shortcut_rate: float = 0.95
    shortcut_rate_absent: float = 0.05
    shortcut_faint: float = 0.0
    shortcut_splits: tuple[SplitName, ...] = ("train", "validation")

    def __post_init__(self) -> None:
        check(self)

    def prepare(self) -> Prepared:
        """Number the recordings; each is drawn when it is asked for."""
        numbered = ((who, number) for who in itertools.count() for number in range(1, recordings(who, self._chances) + 1))
        cases = Recordings(self, tuple(itertools.islice(numbered, self.n)))
        about = {"licence": self.licence, "citation": self.cites, "options": asdict(self)}
        return Prepared(NAME, cases, about=about, assigned=self._assigned(cases))

    def planted(self) -> Shortcut | None:
        """The shortcut that the options describe."""
        if self.shortcut is None or self.shortcut_label is None:
            return None
        shares = (self.shortcut_rate, self.shortcut_rate_absent, self.shortcut_faint)
        return Shortcut(self.shortcut, self.shortcut_label, *shares, self.shortcut_splits)

    def drawn(self, patient: int, number: int) -> Case:
        """One recording of a patient, counted from 1."""
        scene, clock = draw_scene(patient, number, self._chances), Clock(self.rate, self.seconds)
        return _case(scene, trace(scene, clock, self.noise), clock, self.planted())

    @property
    def _chances(self) -> Chances:
        prevalences = self.prevalences or (self.prevalence,) * len(self.findings)
        by_name = dict(zip(self.findings, prevalences, strict=True))
        return Chances(self.seed, by_name, self.recordings_per_patient, self.rate, self.planted())

    def _assigned(self, cases: Recordings) -> Mapping[str, SplitName]:
        if self.shortcut is None or set(self.shortcut_splits) == set(SPLITS):
            return {}
        return {_named(who, number): split_of(who, self.seed) for who, number in cases.addresses}


@dataclass(frozen=True)
class Recordings(Sequence[Case]):
    """Cases that are drawn each time they are asked for.

    Attributes:
        addresses: patient and number of each.
    """

    options: PhantomEcg
    addresses: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.addresses)

    @overload
    def __getitem__(self, index: int) -> Case: ...
    @overload
    def __getitem__(self, index: slice) -> Recordings: ...
    def __getitem__(self, index: int | slice) -> Case | Recordings:
        if isinstance(index, slice):
            return Recordings(self.options, self.addresses[index])
        return self.options.drawn(*self.addresses[index])


def _named(patient: int, number: int) -> str:
    return f"p{patient:06d}-{number}"


def _case(scene: Scene, recording: Recording, clock: Clock, shortcut: Shortcut | None) -> Case:
    evidence = tuple(Mask(mask, label, source="phantom") for label, mask in recording.findings.items())
    return Case(
        id=_named(scene.patient, scene.number),
        patient=f"p{scene.patient:06d}",
        inputs={"signal": Signal(recording.samples, clock.rate)},
        labels=frozenset(scene.labels),
        evidence=evidence,
        causes=_causes(scene, recording, evidence, shortcut),
        meta=described(scene, recording, clock, shortcut),
        anatomy=_anatomy(recording),
    )


def _causes(scene: Scene, recording: Recording, evidence: tuple[Mask, ...], shortcut: Shortcut | None) -> tuple[Mask, ...]:
    """What generated the labels: the findings, but for the label of the shortcut where that is planted."""
    if shortcut is None or not scene.told:
        return evidence
    return told_by((mark.mask for mark in recording.marks if mark.kind == shortcut.kind), shortcut.label, evidence)


def _anatomy(recording: Recording) -> tuple[Mask, ...]:
    """The segments that there are, in all leads."""
    shape = recording.samples.shape
    parts = recording.segments.items()
    return tuple(Mask(np.broadcast_to(m[:, None], shape), name, source="phantom") for name, m in parts if m.any())
