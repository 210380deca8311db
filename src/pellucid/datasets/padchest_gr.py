"""PadChest-GR: chest radiographs with reports in Spanish and English, each sentence with the boxes of its finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.image_files import Folder, about, check_choice, check_size, number, table
from pellucid.datasets.images import lazy_image
from pellucid.datasets.mimic_cxr import LeftOut
from pellucid.datasets.phrases import ABNORMAL, Box, Condition, Draft, labels, phrases
from pellucid.datasets.splits import spelt
from pellucid.errors import DataError
from pellucid.files import read_json
from pellucid.imaging.measuring import size_of
from pellucid.registry import datasets

UNLISTED = "the study is not in master_table.csv"

_NORMAL = "normal"


@datasets.register("padchest_gr")
@dataclass(frozen=True)
class PadChestGr:
    """PadChest-GR: 4,555 frontal chest radiographs, each sentence about a finding with the boxes that a radiologist drew.

    A sentence that says that something is not there has no box. The labels of an image are those of the findings that are
    there. Boxes of the second reader (`extra_boxes`) are not used.

    Attributes:
        root: the unpacked folder: grounded_reports_*.json, master_table.csv, and the images below it as PNG.
        language: "en" for the sentences in English (translated), "es" for those in Spanish.
        published_splits: use the published splits; else the library's own.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    language: Literal["en", "es"] = "en"
    published_splits: bool = True
    size: int | None = 224

    licence: ClassVar[str] = "research use agreement of BIMCV for PadChest-GR"
    cites: ClassVar[str] = (
        "Castro, Bustos, Bannur et al.: PadChest-GR: A Bilingual Chest X-ray Dataset for Grounded Radiology Report Generation, "
        "NEJM AI 2025; Bustos, Pertusa, Salinas, de la Iglesia-Vaya: PadChest, Medical Image Analysis 2020"
    )
    needs: ClassVar[str] = "the unpacked folder of PadChest-GR from BIMCV (agreement)"

    def __post_init__(self) -> None:
        check_size("padchest_gr", self.size)
        check_choice("padchest_gr", "language", self.language, ("en", "es"))

    def prepare(self) -> Prepared:
        """Read the reports and the headers of the images; images are read when they are asked for.

        Raises:
            DataError: a file is missing, or has an entry that is not what it should be; names file, entry and remedy.
        """
        folder = Folder(self.root, "PadChest-GR")
        studies = _studies(folder.file("master_table.csv"))
        exclusions: list[Exclusion] = []
        cases = list(self._cases(_reports(folder), studies, folder.images(".png"), exclusions))
        assigned = {case.id: studies[case.meta["study"]].split for case in cases} if self.published_splits else {}
        options = {"language": self.language, "published_splits": self.published_splits}
        notes = ["Sentences in English are translated."] if self.language == "en" else []
        made = {**about(self, "PadChest-GR", options, notes), "language": self.language}
        return Prepared("padchest_gr", cases, exclusions, made, assigned, self.size)

    def _cases(
        self,
        reports: Iterator[tuple[str, Mapping[str, Any]]],
        studies: Mapping[str, _Study],
        images: Mapping[str, Path],
        exclusions: list[Exclusion],
    ) -> Iterator[Case]:
        for where, report in reports:
            try:
                yield self._case(where, report, studies, images, exclusions)
            except LeftOut as reason:
                exclusions.append(Exclusion(_image(report), str(reason)))
            except (TypeError, KeyError, ValueError, AttributeError):
                # The cause is not shown: it may quote the report.
                raise DataError(f"{where} is no study (StudyID, ImageID, findings); get the file again.") from None

    def _case(
        self,
        where: str,
        report: Mapping[str, Any],
        studies: Mapping[str, _Study],
        images: Mapping[str, Path],
        exclusions: list[Exclusion],
    ) -> Case:
        name, study = _image(report), str(report["StudyID"])
        if study not in studies:
            raise LeftOut(UNLISTED)
        path, size = _opened(name, images)
        drafts = {
            str(n): self._draft(finding, size, f"{where} finding {n}") for n, finding in enumerate(report["findings"], start=1)
        }
        said = phrases(drafts, name, exclusions)
        inputs = {"image": lazy_image(path)}
        return Case(name, studies[study].patient, inputs, labels(said), meta={"study": study}, sentences=said)

    def _draft(self, finding: Mapping[str, Any], size: tuple[int, int], where: str) -> Draft:
        draft = Draft(finding.get(f"sentence_{self.language}") or "")
        boxes = [_box(place, size, where) for place in finding.get("boxes") or ()]
        draft.add(boxes, finding.get("locations") or (), _conditions(finding))
        return draft


@dataclass(frozen=True)
class _Study:
    """Whom a study shows, and its split."""

    patient: str
    split: SplitName


def _studies(path: Path) -> dict[str, _Study]:
    """From the rows of the table, of which a study has one for each of its labels.

    Raises:
        DataError: two rows of a study disagree.
    """
    found: dict[str, _Study] = {}
    for where, row in table(path, ("StudyID", "PatientID", "split")):
        study = _Study(row["PatientID"], spelt(row["split"], where))
        if found.setdefault(row["StudyID"], study) != study:
            raise DataError(f"{where} has another patient or split than an earlier row of its study; correct one of them.")
    return found


def _reports(folder: Folder) -> Iterator[tuple[str, Mapping[str, Any]]]:
    path = next(iter(sorted(folder.root.rglob("grounded_reports*.json"))), None)
    if path is None:
        raise DataError(f"{folder.root} has no grounded_reports*.json; give the unpacked folder of PadChest-GR.")
    content = read_json(path)
    if not isinstance(content, list):
        raise DataError(f"{path.name} is no list of studies; get the file again.")
    for index, report in enumerate(content):
        yield f"{path.name} entry {index}", report


def _image(report: Mapping[str, Any]) -> str:
    return str(report["ImageID"]).removesuffix(".png")


def _opened(name: str, images: Mapping[str, Path]) -> tuple[Path, tuple[int, int]]:
    if name not in images:
        raise LeftOut("the image file is missing")
    try:
        return images[name], size_of(images[name])
    except DataError as error:
        raise LeftOut("the image cannot be read") from error


def _box(place: Any, size: tuple[int, int], where: str) -> Box:
    """The box, published as shares of width and height, in pixels."""
    (height, width), (x0, y0, x1, y1) = size, (number(str(edge), f"{where}, boxes,") for edge in place)
    return x0 * width, y0 * height, x1 * width, y1 * height


def _conditions(finding: Mapping[str, Any]) -> list[Condition]:
    """Its findings and whether they are there; the label "normal" says no more than that nothing is."""
    there = finding["abnormal"]
    if not isinstance(there, bool):
        raise TypeError("abnormal is neither true nor false")
    named = [str(label) for label in finding.get("labels") or ()]
    return [(ABNORMAL, there), *((label, there) for label in named if label.lower() != _NORMAL)]
