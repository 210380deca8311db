"""Phantom radiographs: drawn chests with everything known about them."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

from pellucid.case import Case, Evidence, Mask
from pellucid.datasets.base import Prepared
from pellucid.datasets.phantom.chest.checking import NAME, check
from pellucid.datasets.phantom.chest.describing import described
from pellucid.datasets.phantom.chest.findings import FINDINGS, FindingName
from pellucid.datasets.phantom.chest.gazing import Readers, gaze
from pellucid.datasets.phantom.chest.radiograph import FIELD, Radiograph, take
from pellucid.datasets.phantom.chest.reporting import report
from pellucid.datasets.phantom.chest.scenes import Chances, Drawn, scenes
from pellucid.datasets.phantom.chest.shortcuts import Shortcut, ShortcutName
from pellucid.datasets.phantom.planting import told_by
from pellucid.picture import Picture
from pellucid.registry import datasets


@datasets.register("phantom_chest")
@dataclass(frozen=True)
class PhantomChest:
    """Drawn chest radiographs with exact masks of findings, meaningless objects and, if wanted, a planted shortcut.

    The findings are "cardiomegaly", "effusion", "nodule", "opacity" and "pneumothorax". A picture has up to three of
    them, drawn independently of each other. A patient has several pictures, which share anatomy and the width of the heart;
    pose, breath, exposure, noise and all other findings are those of one picture. Everything about a picture is drawn from
    seeds made of (seed, patient, image): the same options and seed give the same pictures, and the first pictures of a
    larger set are those of a smaller one. Another `size` shows the same scenes. Each object has draws of its own: pictures with
    and without a shortcut differ inside the masks of the object, and of the findings that it makes faint, alone.

    In each case, ``input("image")`` is a grey 8-bit :class:`~pellucid.picture.Picture` with the patient's right on the left.
    ``evidence`` holds one :class:`~pellucid.case.Mask` a finding (source "phantom"). Outside it not one pixel depends on the
    finding. All of what is inside does, but for cardiomegaly: its mask is the whole heart above the diaphragm, as readers mark
    it, and what the finding changes is the part by which the heart is too wide.
    ``causes`` equals ``evidence`` unless there is a shortcut (see :mod:`pellucid.datasets.phantom.planting`).

    ``meta`` holds JSON values; boxes are half-open pixels (x0, y0, x1, y1):

    * ``findings``: ``{"label", "side", "zone", "size", "contrast", "box"}`` in the order of ``evidence``. ``side`` is the
      patient's; "both" for cardiomegaly. ``zone`` is "upper", "middle" or "lower": the third of the lung that holds the centre;
      always "lower" for effusion and cardiomegaly and "upper" for pneumothorax. ``size`` is the diameter of the disc as large
      as the mask, over the width of the picture; ``contrast`` is the mean change of what is touched, over the grey scale and
      before noise.
    * ``lungs``: for "right" and "left", ``{"box", "share"}`` of the lung with what the heart covers; share of the picture.
    * ``heart_ratio``: width of the heart over that of the chest as drawn; in cardiomegaly above 0.5, unless it was made faint.
    * ``distractors``: objects that mean nothing, ``{"kind", "label", "box"}``; the label is None but for a "leaked_shortcut".
    * ``shortcut``, where there is one: ``{"label", "kind", "planted", "replaced"}``.
    * ``sentences``, where there are reports, one for each of ``case.sentences``: ``{"finding", "present", "side", "zone",
      "severity", "density", "several", "wording", "findings"}``. The first seven are what is said
      (:class:`pellucid.datasets.phantom.chest.wordings.Fact`; None for what is not), ``wording`` is the number of its wording,
      and ``findings`` are the numbers of the findings that it names.
    * ``gaze``, where there are readers: ``{"sigma", "share_on_findings", "readers"}``. ``sigma`` is one degree of visual angle
      in pixels, for a picture in life size at 65 cm; ``readers`` gives for each of them ``{"found", "share_on_findings"}``: the
      numbers of the findings that they saw, and the share of their time that went to findings.

    With `readers`, ``evidence`` goes on with :class:`~pellucid.case.Fixations` (sources "phantom:reader-1" and so on): for each
    reader those of the whole search, and for each label that they found those of them on its findings while it is spoken of.
    ``anatomy`` then holds the masks "right lung", "left lung" and "lungs". How people read is told in
    :mod:`pellucid.datasets.phantom.chest.reading`.

    With `reports`, ``case.sentences`` holds a report of the picture, and ``input("report")`` is the same as one text. Each
    sentence is true of the picture. One that names a finding has its exact mask, a box for each instance, and the finding as
    label; one that says that something is normal or is not there has the region that it speaks of, and no label. All that is
    visible is named, and some of what is not there is denied, by dice. ``anatomy`` holds the masks that readers have, and
    "heart". :func:`pellucid.datasets.phantom.chest.wordings.other_wordings` gives the true paraphrases of a sentence.

    Attributes:
        n: number of pictures.
        seed: not negative.
        size: pixels along each side, 32 to 1024; 64 to 512 look right.
        contrast: factor on the conspicuity of all findings; for cardiomegaly, on how much the heart is widened.
        prevalence: chance of each finding in a picture (of cardiomegaly, in a patient).
        images_per_patient: least and greatest number, at most 20.
        findings: those that occur.
        shortcut: the object that is planted; nothing if None.
        shortcut_label: the finding that it predicts; needed with a shortcut.
        shortcut_rate: share of the pictures with that finding in which the object stands.
        shortcut_rate_absent: share of the pictures without it in which the object stands all the same.
        shortcut_faint: how much of the finding's conspicuity is taken away where the object stands; at 1 the finding is not
            drawn, and nothing but the object tells the label.
        readers: how many people look at each picture, at most 5. The pictures are the same with and without them.
        gaze_on_findings: share of a reader's time that a finding of usual conspicuity takes where it is the only one; at 0 the
            readers look at the anatomy alone, whatever there is to see.
        reports: whether each picture has a report. The pictures are the same with and without, and so are the readers.

    Raises:
        DataError: an option is out of range, or they do not fit each other.
    """

    licence: ClassVar[str] = "Apache-2.0 (made by this library; drawn, no patient data)"
    cites: ClassVar[str] = "none; the drawing is part of this library"
    needs: ClassVar[str] = "nothing"

    n: int = 600
    seed: int = 0
    size: int = 128
    contrast: float = 1.0
    prevalence: float = 0.22
    images_per_patient: tuple[int, int] = (1, 3)
    findings: tuple[FindingName, ...] = FINDINGS
    shortcut: ShortcutName | None = None
    shortcut_label: FindingName | None = None
    shortcut_rate: float = 0.95
    shortcut_rate_absent: float = 0.05
    shortcut_faint: float = 0.0
    readers: int = 0
    gaze_on_findings: float = 0.3
    reports: bool = False

    def __post_init__(self) -> None:
        check(self)

    def prepare(self) -> Prepared:
        """Draw the pictures."""
        drawn = (found for patient in itertools.count() for found in scenes(patient, self._chances()))
        cases = [_case(found, self) for found in itertools.islice(drawn, self.n)]
        about = {"licence": self.licence, "citation": self.cites, "options": asdict(self)}
        return Prepared(NAME, cases, about=about)

    def planted(self) -> Shortcut | None:
        """The shortcut that the options describe."""
        if self.shortcut is None or self.shortcut_label is None:
            return None
        return Shortcut(self.shortcut, self.shortcut_label, self.shortcut_rate, self.shortcut_rate_absent, self.shortcut_faint)

    def _chances(self) -> Chances:
        return Chances(self.seed, self.prevalence, self.images_per_patient, self.findings, self.contrast, self.planted())


def _case(drawn: Drawn, options: PhantomChest) -> Case:
    who = f"p{drawn.patient:06d}"
    radiograph = take(drawn.scene, options.size)
    picture = Picture(radiograph.pixels[..., None], spacing=(FIELD / options.size,) * 2)
    evidence = tuple(
        Mask(mask, finding.label, source="phantom")
        for finding, mask in zip(drawn.scene.findings, radiograph.findings, strict=True)
    )
    causes = _causes(drawn, radiograph, evidence, options.planted())
    meta = described(drawn, radiograph, options.planted())
    case = Case(f"{who}-{drawn.number}", who, {"image": picture}, drawn.labels, evidence, causes, meta)
    if options.readers:
        case = _read(case, drawn, radiograph, options)
    return _reported(case, drawn, radiograph, options) if options.reports else case


def _read(case: Case, drawn: Drawn, radiograph: Radiograph, options: PhantomChest) -> Case:
    """The case after people have looked at it."""
    found = gaze(drawn, radiograph, Readers(options.seed, options.readers, options.gaze_on_findings))
    evidence: tuple[Evidence, ...] = (*case.evidence, *found.evidence)
    return replace(case, evidence=evidence, meta={**case.meta, "gaze": found.meta}, anatomy=_anatomy(radiograph)[:-1])


def _reported(case: Case, drawn: Drawn, radiograph: Radiograph, options: PhantomChest) -> Case:
    """The case with what a report says of it."""
    written = report(drawn, radiograph, case.meta, options.seed)
    return replace(
        case,
        inputs={**case.inputs, "report": " ".join(sentence.text for sentence in written.sentences)},
        meta={**case.meta, "sentences": written.meta},
        anatomy=_anatomy(radiograph),
        sentences=written.sentences,
    )


def _anatomy(radiograph: Radiograph) -> tuple[Mask, ...]:
    """The lungs, and the heart last."""
    return tuple(Mask(inside, name, source="phantom") for name, inside in radiograph.structures.items())


def _causes(drawn: Drawn, radiograph: Radiograph, evidence: tuple[Mask, ...], shortcut: Shortcut | None) -> tuple[Mask, ...]:
    """What generated the labels: the findings, but for the label of the shortcut where that is planted."""
    if shortcut is None or not drawn.planted or shortcut.label not in drawn.labels:
        return evidence
    things = zip(drawn.scene.things, radiograph.things, strict=True)
    return told_by((mask for thing, mask in things if thing.kind == shortcut.kind), shortcut.label, evidence)
