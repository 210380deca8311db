"""ROCO: figures of open articles that show radiology, with their captions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared
from pellucid.datasets.image_files import Folder, about, check_size, image
from pellucid.datasets.mimic_cxr import LeftOut
from pellucid.datasets.phrases import Draft, phrases
from pellucid.datasets.roco_rows import Figure, figures
from pellucid.registry import datasets


@datasets.register("roco")
@dataclass(frozen=True)
class Roco:
    """ROCO and ROCOv2: 81,000 and 80,000 figures of open articles, all kinds of radiology, with their captions.

    A caption is one sentence without a place. There are no labels.

    Attributes:
        root: of ROCO the folder with train/radiology, validation/radiology and test/radiology, each with captions.txt,
            dlinks.txt and images; of ROCOv2 the folder with train_captions.csv, valid_captions.csv, test_captions.csv and the
            images.
        published_splits: use the published splits. They were drawn by figure, so that an article may be in two of them, and
            each figure counts as a patient; else the figures of an article stay together, where dlinks.txt tells the article.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    published_splits: bool = True
    size: int | None = 224

    licence: ClassVar[str] = "Creative Commons, of each article its own (ROCOv2: CC BY and CC BY-NC)"
    cites: ClassVar[str] = (
        "Pelka, Koitka, Rückert, Nensa, Friedrich: Radiology Objects in COntext (ROCO), LABELS 2018; Rückert, Bloch, Brüngel "
        "et al.: ROCOv2, Scientific Data 2024"
    )
    needs: ClassVar[str] = "the captions and images of ROCO or ROCOv2"

    def __post_init__(self) -> None:
        check_size("roco", self.size)

    def prepare(self) -> Prepared:
        """Read the captions; images are read when they are asked for.

        Raises:
            DataError: there are no captions or no images, or a row is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "ROCO or ROCOv2")
        listed = list(figures(folder))
        exclusions: list[Exclusion] = []
        cases = list(self._cases(folder, listed, exclusions))
        kept = {case.id for case in cases}
        published = self.published_splits and all(figure.split for figure in listed)
        assigned = {figure.id: figure.split for figure in listed if figure.split and figure.id in kept} if published else {}
        return Prepared("roco", cases, exclusions, self._about(published), assigned, self.size)

    def _cases(self, folder: Folder, listed: list[Figure], exclusions: list[Exclusion]) -> Iterator[Case]:
        images = folder.images(".jpg", ".jpeg", ".png")
        for figure in listed:
            lazy = image(figure.file, images, figure.id, exclusions)
            if lazy is None:
                continue
            patient = figure.id if self.published_splits else figure.article or figure.id
            try:
                said = phrases({"1": Draft(figure.caption, "published")}, figure.id, exclusions)
            except LeftOut as reason:
                exclusions.append(Exclusion(figure.id, str(reason)))
            else:
                yield Case(figure.id, patient, {"image": lazy}, frozenset(), sentences=said)

    def _about(self, published: bool) -> dict[str, Any]:
        drawn = "The published splits were drawn by figure: figures of one article may be in two of them."
        return about(self, "ROCO", {"published_splits": self.published_splits}, [drawn] * published)
