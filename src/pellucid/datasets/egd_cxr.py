"""EGD-CXR: chest radiographs of MIMIC-CXR, with where a radiologist looked while dictating the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared
from pellucid.datasets.egd_anatomy import Anatomy
from pellucid.datasets.egd_rows import Recorded, of_published_size, recorded, scanpath
from pellucid.datasets.egd_sheet import Shown, sheet
from pellucid.datasets.gaze_rows import NOWHERE, OTHER_SIZE, SPOKEN, Scanpath, check_gaze, looks, said
from pellucid.datasets.image_files import Folder, about, check_choice, check_size
from pellucid.datasets.images import lazy_image
from pellucid.datasets.mimic_cxr import Elsewhere, LeftOut, MimicImages
from pellucid.datasets.spoken import Sentence, sentences
from pellucid.errors import DataError
from pellucid.files import read_json
from pellucid.registry import datasets

AGAIN = "the image was shown in an earlier session too"
UNSEEN = "no fixation of the session lies on the image (a later session is kept)"
UNCALIBRATED = "the session has no image for calibration (its gaze is left as it is)"
UNSPOKEN = "the image has no transcript (its gaze is not told apart by finding)"
MANY = "not exactly one of Normal, CHF and pneumonia is true"


@datasets.register("egd_cxr")
@dataclass(frozen=True)
class EgdCxr:
    """EGD-CXR: 1,083 frontal chest radiographs of MIMIC-CXR, with the fixations of the radiologist who read them.

    Every image has the whole search, and for each of its labels what was looked at while its finding was dictated. There is
    one radiologist; of an image that was shown in two sessions, the second look is no second opinion: the first session with
    gaze on the image is kept, and the other one left out. Rows of images for calibration, fixations beside the image and rows
    that the tracker calls not valid are left out too, and all are counted.

    Attributes:
        root: the unpacked folder of EGD-CXR 1.0.0: master_sheet.csv, fixations.csv, bounding_boxes.csv,
            audio_segmentation_transcripts.
        images: the folder of MIMIC-CXR-JPG or MIMIC-CXR, with images at their original size; a folder of these images alone
            will do.
        labels: "three" for Normal, CHF and pneumonia, of which an image has exactly one; "findings" for what the report says.
        sigma: acuity of the eye, in degrees of visual angle.
        lead: fixations count for a finding from so many seconds before its sentence begins.
        sentences: keep every sentence of the dictation, with what was looked at from `lead` seconds before it to its end.
            Else what was said is used to find times, and not stored.
        calibrated: shift the gaze of each session so that it rests in the middle of its images for calibration.
        exclude: a prepared data set, or a list of image ids, whose images and patients are left out.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    images: Path | None = None
    labels: Literal["three", "findings"] = "three"
    sigma: float = 1.0
    lead: float = 5.0
    sentences: bool = False
    calibrated: bool = False
    exclude: Path | None = None
    size: int | None = 224

    licence: ClassVar[str] = "PhysioNet Credentialed Health Data License 1.5.0"
    cites: ClassVar[str] = (
        "Karargyris, Kashyap, Lourentzou et al.: Creation and validation of a chest X-ray dataset with eye-tracking and report "
        "dictation for AI development, Scientific Data 2021; Johnson, Pollard, Berkowitz et al.: MIMIC-CXR, Scientific Data "
        "2019"
    )
    needs: ClassVar[str] = (
        "the folder of EGD-CXR 1.0.0 and the images of MIMIC-CXR from PhysioNet (account, training, agreement)"
    )

    def __post_init__(self) -> None:
        check_size("egd_cxr", self.size)
        check_choice("egd_cxr", "labels", self.labels, ("three", "findings"))
        check_gaze("egd_cxr", self.sigma, self.lead)

    def prepare(self) -> Prepared:
        """Read the tables and transcripts, and the headers of the images; images are read when they are asked for.

        Raises:
            DataError: a folder or file is missing, or has a row that is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "EGD-CXR")
        path = folder.file("master_sheet.csv")
        shown = sheet(path, self.labels)
        images = MimicImages.of(self.images, "egd_cxr")
        images.check(item.path for item in shown)
        exclusions: list[Exclusion] = []
        names = {item.image for item in shown}
        gaze = recorded(folder.file("fixations.csv"), names, exclusions)
        if self.calibrated:
            exclusions.extend(Exclusion(f"session {name}", UNCALIBRATED) for name in gaze.sessions if gaze.offset(name) is None)
        speech = path.parent / "audio_segmentation_transcripts"
        anatomy = Anatomy.read(folder.maybe("bounding_boxes.csv"), speech, names, exclusions)
        elsewhere = Elsewhere.read(self.exclude).among({item.image: item.patient for item in shown})
        reader = _Reader(self, images, gaze, anatomy, elsewhere, exclusions)
        return Prepared("egd_cxr", list(reader.cases(shown)), exclusions, self._about(), size=self.size)

    def _about(self) -> dict[str, Any]:
        notes = [
            "One radiologist read all images: there is no human ceiling.",
            f"Acuity is {self.sigma:g} degrees of visual angle on a monitor of 27 inches seen from 70 cm, at the scale at "
            "which each image was shown.",
            f"Gaze of a finding: fixations that began from {self.lead:g} s before to the end of a sentence that affirms it.",
            *([SPOKEN] * self.sentences),
        ]
        names = ("labels", "sigma", "lead", "sentences", "calibrated")
        options = {name: getattr(self, name) for name in names}
        made = about(self, "EGD-CXR 1.0.0", {**options, "exclude": self.exclude is not None}, notes)
        return {**made, "exclusive": self.labels == "three"}


@dataclass(frozen=True)
class _Reader:
    """Everything that was read, from which cases are made."""

    options: EgdCxr
    images: MimicImages
    gaze: Recorded
    anatomy: Anatomy
    elsewhere: Elsewhere
    exclusions: list[Exclusion]

    def cases(self, shown: Sequence[Shown]) -> Iterator[Case]:
        for item in shown:
            try:
                yield self._case(item)
            except LeftOut as reason:
                self.exclusions.append(Exclusion(item.image, str(reason)))

    def _case(self, item: Shown) -> Case:
        self.elsewhere.check(item.image, item.patient)
        if self.options.labels == "three" and len(item.labels) != 1:
            raise LeftOut(MANY)
        path, size = self.images.opened(item.path)
        session, eyes = self._seen(item, size)
        spoken, lead = self._speech(item.image), self.options.lead
        evidence = tuple(looks(eyes, spoken, item.labels, lead, "human"))
        kept = spoken if self.options.sentences else ()
        phrases = tuple(said(eyes, kept, lead, "human", item.image, self.exclusions))
        anatomy = tuple(self.anatomy.of(item.image, size, self.exclusions))
        inputs, meta = {"image": lazy_image(path)}, {**item.meta, "session": session}
        return Case(item.image, item.patient, inputs, item.labels, evidence, meta=meta, anatomy=anatomy, sentences=phrases)

    def _seen(self, item: Shown, size: tuple[int, int]) -> tuple[str, Scanpath]:
        """The first session with gaze on the image, and the path of the eyes in it; the other sessions are counted."""
        sessions = self.gaze.images.get(item.image, {})
        names = list(sessions)
        for number, (name, seen) in enumerate(sessions.items()):
            if not item.box.fits(size) or not of_published_size(seen, item.box, size):
                raise LeftOut(OTHER_SIZE)
            eyes = scanpath(seen, item.box, size, self.options.sigma, self._offset(name), self.exclusions)
            if len(eyes):
                left = [*((one, UNSEEN) for one in names[:number]), *((one, AGAIN) for one in names[number + 1 :])]
                self.exclusions.extend(Exclusion(f"{item.image} session {one}", reason) for one, reason in left)
                return name, eyes
        raise LeftOut(NOWHERE)

    def _offset(self, session: str) -> Float[np.ndarray, "2"]:
        offset = self.gaze.offset(session) if self.options.calibrated else None
        return np.zeros(2) if offset is None else offset

    def _speech(self, image: str) -> Sequence[Sentence]:
        path = self.anatomy.folder / image / "transcript.json"
        if path.is_file():
            return list(sentences(_phrases(path)))
        self.exclusions.append(Exclusion(image, UNSPOKEN))
        return ()


def _phrases(path: Path) -> list[Sentence]:
    """The phrases of a transcript."""
    try:
        entries = read_json(path)["time_stamped_text"]
        return [Sentence(str(e["phrase"]), float(e["begin_time"]), float(e["end_time"])) for e in entries]
    except (TypeError, KeyError, ValueError):
        # The cause is not shown: it may quote the report.
        raise DataError(
            f"{path} has no list time_stamped_text of phrase, begin_time and end_time; get the transcript again."
        ) from None
