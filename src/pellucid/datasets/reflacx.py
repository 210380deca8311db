"""REFLACX: chest radiographs of MIMIC-CXR, with where radiologists looked while dictating, and what they outlined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pellucid.case import Case, Evidence, Phrase
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.gaze_rows import NOWHERE, OTHER_SIZE, SPOKEN, check_gaze, looks, said
from pellucid.datasets.image_files import Folder, about, check_size
from pellucid.datasets.images import lazy_image
from pellucid.datasets.mimic_cxr import Elsewhere, LeftOut, MimicImages
from pellucid.datasets.reflacx_rows import Reading, chest, ellipses, readings, scanpath, speech
from pellucid.datasets.splits import assign
from pellucid.errors import DataError
from pellucid.registry import datasets

_SHARED = (1, 2)  # phases in which five radiologists read every image


@datasets.register("reflacx")
@dataclass(frozen=True)
class Reflacx:
    """REFLACX: 3,032 readings of 2,616 chest radiographs of MIMIC-CXR by five radiologists, with fixations and ellipses.

    An image is one case, and each of its readings has its own gaze and its own marks (`human:P102R558314`; readers are not
    named): the whole search, and for each label what was looked at while its finding was dictated. In phases 1 and 2 five
    radiologists read every image, so that people can be compared with people.

    Attributes:
        root: the unpacked folder of REFLACX 1.0.0: main_data with the metadata and a folder for each reading.
        images: the folder of MIMIC-CXR-JPG or MIMIC-CXR, with images at their original size; a folder of these images alone
            will do.
        phases: 1, 2 and 3, or some of them. The finer labels of phase 1 get the names of phases 2 and 3.
        certainty: an image has a label if more than half of its readings are at least so certain of it (0 to 5; 3 is
            "possibly"); ellipses that are less certain are left out.
        sigma: acuity of the eye, in degrees of visual angle.
        lead: fixations count for a finding from so many seconds before its sentence begins.
        sentences: keep every sentence of the dictations, with what was looked at from `lead` seconds before it to its end.
            Else what was said is used to find times, and not stored.
        published_splits: test on the patients of phases 1 and 2 and on the test part of MIMIC-CXR, and validate on one tenth of
            the others, where phase 3 is there to train on; else the library's own splits.
        exclude: a prepared data set, or a list of image ids, whose images and patients are left out.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    images: Path | None = None
    phases: tuple[int, ...] = (1, 2, 3)
    certainty: int = 3
    sigma: float = 1.0
    lead: float = 5.0
    sentences: bool = False
    published_splits: bool = True
    exclude: Path | None = None
    size: int | None = 224

    licence: ClassVar[str] = (
        "PhysioNet Restricted Health Data License 1.5.0; the images PhysioNet Credentialed Health Data License"
    )
    cites: ClassVar[str] = (
        "Bigolin Lanfredi, Zhang, Auffermann et al.: REFLACX, a dataset of reports and eye-tracking data for localization of "
        "abnormalities in chest x-rays, Scientific Data 2022; Johnson, Pollard, Berkowitz et al.: MIMIC-CXR, Scientific Data "
        "2019"
    )
    needs: ClassVar[str] = (
        "the folder of REFLACX 1.0.0 and the images of MIMIC-CXR from PhysioNet (account, training, agreement)"
    )

    def __post_init__(self) -> None:
        check_size("reflacx", self.size)
        check_gaze("reflacx", self.sigma, self.lead)
        if not self.phases or not set(self.phases) <= {1, 2, 3}:
            raise DataError(f"The option phases of reflacx is {self.phases}; give some of 1, 2 and 3.")
        if self.certainty not in range(1, 6):
            raise DataError(f"The option certainty of reflacx is {self.certainty}; give a number from 1 to 5.")

    def prepare(self) -> Prepared:
        """Read the tables, and the headers of the images; images are read, and ellipses drawn, when they are asked for.

        Raises:
            DataError: a folder or file is missing, or has a row that is not what it should be; names file, row and remedy.
        """
        exclusions: list[Exclusion] = []
        listed = list(readings(Folder(self.root, "REFLACX"), set(self.phases), exclusions))
        images = MimicImages.of(self.images, "reflacx")
        images.check(item.path for item in listed)
        elsewhere = Elsewhere.read(self.exclude).among({item.image: item.patient for item in listed})
        cases = list(_Reader(self, images, elsewhere, exclusions).cases(_by_image(listed)))
        assigned = _assigned(cases) if self.published_splits else {}
        return Prepared("reflacx", cases, exclusions, self._about(bool(assigned)), assigned, self.size)

    def _about(self, published: bool) -> dict[str, Any]:
        notes = [
            f"An image has a label if more than half of its readings are at least {self.certainty} of 5 certain of it.",
            f"Acuity is {self.sigma:g} degrees of visual angle, at the zoom of each fixation.",
            f"Gaze of a finding: fixations that began from {self.lead:g} s before to the end of a sentence that affirms it.",
            *([SPOKEN] * self.sentences),
            *(
                ["The patients of phases 1 and 2 and of MIMIC-CXR's test part test; a tenth of the others validates."]
                * published
            ),
        ]
        names = ("phases", "certainty", "sigma", "lead", "sentences", "published_splits")
        options = {name: getattr(self, name) for name in names} | {
            "phases": list(self.phases),
            "exclude": self.exclude is not None,
        }
        return about(self, "REFLACX 1.0.0", options, notes)


@dataclass(frozen=True)
class _Read:
    """What one reading adds to the case of its image: gaze and ellipses, its box of the chest, and what was said."""

    id: str
    evidence: tuple[Evidence, ...]
    anatomy: tuple[Evidence, ...]
    sentences: tuple[Phrase, ...]


@dataclass(frozen=True)
class _Reader:
    """What cases are made with."""

    options: Reflacx
    images: MimicImages
    elsewhere: Elsewhere
    exclusions: list[Exclusion]

    def cases(self, listed: dict[str, list[Reading]]) -> Iterator[Case]:
        for image, some in listed.items():
            try:
                yield self._case(image, some)
            except LeftOut as reason:
                self.exclusions.append(Exclusion(image, str(reason)))

    def _case(self, image: str, some: Sequence[Reading]) -> Case:
        self.elsewhere.check(image, some[0].patient)
        path, size = self.images.opened(some[0].path)
        if any(reading.size != size for reading in some):
            raise LeftOut(OTHER_SIZE)
        labels = self._labels(some)
        found = [read for reading in some if (read := self._read(reading, labels))]
        if not found:
            raise LeftOut(NOWHERE)
        meta = {"readings": [read.id for read in found], "phase": some[0].phase, "split": some[0].split}
        evidence = tuple(mark for read in found for mark in read.evidence)
        anatomy = tuple(box for read in found for box in read.anatomy)
        phrases = tuple(phrase for read in found for phrase in read.sentences)
        inputs = {"image": lazy_image(path)}
        return Case(image, some[0].patient, inputs, labels, evidence, meta=meta, anatomy=anatomy, sentences=phrases)

    def _labels(self, some: Sequence[Reading]) -> frozenset[str]:
        least = self.options.certainty
        votes = Counter(label for reading in some for label, sure in reading.certain.items() if sure >= least)
        return frozenset(label for label, n in votes.items() if 2 * n > len(some))

    def _read(self, reading: Reading, labels: frozenset[str]) -> _Read | None:
        """What a reading adds to the case; None, counted, where it has no gaze on the image."""
        exclusions, lead, source = self.exclusions, self.options.lead, reading.source
        try:
            eyes = scanpath(reading, self.options.sigma, exclusions)
            if not len(eyes):
                raise LeftOut(NOWHERE)
            spoken = speech(reading)
            outlined = ellipses(reading, labels, self.options.certainty, exclusions)
            marks: tuple[Evidence, ...] = (*looks(eyes, spoken, labels, lead, source), *outlined)
            kept = spoken if self.options.sentences else ()
            phrases = tuple(said(eyes, kept, lead, source, reading.id, exclusions))
            return _Read(reading.id, marks, tuple(chest(reading, exclusions)), phrases)
        except LeftOut as reason:
            exclusions.append(Exclusion(reading.id, str(reason)))
            return None


def _by_image(listed: Sequence[Reading]) -> dict[str, list[Reading]]:
    found: dict[str, list[Reading]] = {}
    for reading in listed:
        found.setdefault(reading.image, []).append(reading)
    return found


def _assigned(cases: Sequence[Case]) -> dict[str, SplitName]:
    """Test on patients of whom an image was read by several or is in the test part of MIMIC-CXR; empty if nobody is left."""
    judging = {case.patient for case in cases if case.meta["phase"] in _SHARED or case.meta["split"] == "test"}
    learning = {case.id: case.patient for case in cases if case.patient not in judging}
    if not learning:
        return {}
    rest = assign(learning, fractions=(0.9, 0.1, 0.0))
    return {case.id: rest.get(case.id, "test") for case in cases}
