"""Chest ImaGenome: chest radiographs of MIMIC-CXR, with the sentences of their reports tied to anatomical regions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared
from pellucid.datasets.image_files import Folder, about, check_choice, check_size
from pellucid.datasets.imagenome_gold import gold
from pellucid.datasets.imagenome_graphs import PUBLISHED, Graph, parsed
from pellucid.datasets.imagenome_rows import Listed, silver
from pellucid.datasets.images import lazy_image
from pellucid.datasets.marks import PublishedBoxes
from pellucid.datasets.mimic_cxr import Elsewhere, LeftOut, MimicImages
from pellucid.datasets.phrases import labels, phrases
from pellucid.datasets.sources import Source, sources
from pellucid.errors import DataError
from pellucid.registry import datasets

OTHER_SIZE = "the image has another size than the one that its boxes are about"
MISSING = "the image has no scene graph"

_ENDING = "_SceneGraph.json"


@datasets.register("imagenome")
@dataclass(frozen=True)
class ImaGenome:
    """Chest ImaGenome: 242,072 frontal chest radiographs of MIMIC-CXR, each sentence of a report tied to anatomical regions.

    The boxes of a sentence are those of all regions that it speaks of, whether it says that something is there or not
    (`Phrase.absent` tells). The anatomy of a case is the boxes of all regions. A case has as labels what any of its sentences
    says is there.

    Attributes:
        root: the unpacked folder of Chest ImaGenome 1.0.0: silver_dataset, gold_dataset. `scene_graph.zip` may stay packed.
        images: the folder of MIMIC-CXR-JPG or MIMIC-CXR, with images at their original size; a folder of these images alone
            will do.
        part: "silver" was made by a detector and by rules, with the published splits; "gold" are images of 500
            patients that people checked, all of them for testing.
        limit: no more than so many images of each split of the silver part, the first ones; None takes all.
        exclude: a prepared data set, or a list of image ids, whose images and patients are left out.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    images: Path | None = None
    part: Literal["silver", "gold"] = "silver"
    limit: int | None = None
    exclude: Path | None = None
    size: int | None = 224

    licence: ClassVar[str] = "PhysioNet Credentialed Health Data License 1.5.0"
    cites: ClassVar[str] = (
        "Wu, Agu, Lourentzou et al.: Chest ImaGenome Dataset for Clinical Reasoning, NeurIPS Datasets and Benchmarks 2021; "
        "Johnson, Pollard, Berkowitz et al.: MIMIC-CXR, Scientific Data 2019"
    )
    needs: ClassVar[str] = (
        "the folder of Chest ImaGenome 1.0.0 and the images of MIMIC-CXR from PhysioNet (account, training, agreement)"
    )

    def __post_init__(self) -> None:
        check_size("imagenome", self.size)
        check_choice("imagenome", "part", self.part, ("silver", "gold"))
        if self.limit is not None and self.limit < 1:
            raise DataError(f"The option limit of imagenome is {self.limit}; give 1 or more, or none for all images.")

    def prepare(self) -> Prepared:
        """Read tables and scene graphs, and the headers of the images; images are read when they are asked for.

        Raises:
            DataError: a folder or file is missing, or has a row that is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "Chest ImaGenome")
        exclusions: list[Exclusion] = []
        cases = list(self._gold(folder, exclusions) if self.part == "gold" else self._silver(folder, exclusions))
        assigned = {case.id: split for case, split in cases}
        return Prepared("imagenome", [case for case, _ in cases], exclusions, self._about(), assigned, self.size)

    def _gold(self, folder: Folder, exclusions: list[Exclusion]) -> Iterator[Any]:
        listed, graphs = gold(folder, exclusions)
        return self._reader(listed, exclusions, "human").cases(listed, graphs.__getitem__)

    def _silver(self, folder: Folder, exclusions: list[Exclusion]) -> Iterator[Any]:
        listed = silver(folder, self.limit, exclusions)
        reader = self._reader(listed, exclusions, PUBLISHED)
        with sources(folder.root) as found:
            graphs = {source.parts[-1].removesuffix(_ENDING): source for source in found if source.name.endswith(_ENDING)}
            if not graphs:
                raise DataError(f"{folder.root} has no scene graphs; give the folder that holds scene_graph.zip.")
            yield from reader.cases(listed, lambda image: _graph(graphs, image, exclusions))

    def _reader(self, listed: Sequence[Listed], exclusions: list[Exclusion], source: str) -> _Reader:
        images = MimicImages.of(self.images, "imagenome", "annotations")
        images.check(item.path for item in listed)
        elsewhere = Elsewhere.read(self.exclude).among({item.image: item.patient for item in listed})
        return _Reader(images, elsewhere, source, exclusions)

    def _about(self) -> dict[str, Any]:
        made = {
            "silver": "Regions were found by a detector, and what is said of them by rules: nobody checked them.",
            "gold": "Boxes and relations were checked by people; all images are for testing.",
        }
        notes = [
            made[self.part],
            "The place of a sentence is all regions that it speaks of, also where it says that all is well.",
        ]
        options = {"part": self.part, "limit": self.limit, "exclude": self.exclude is not None}
        return about(self, f"Chest ImaGenome 1.0.0 ({self.part})", options, notes)


@dataclass(frozen=True)
class _Reader:
    """What cases are made with."""

    images: MimicImages
    elsewhere: Elsewhere
    source: str
    exclusions: list[Exclusion]

    def cases(self, listed: Sequence[Listed], graph: Callable[[str], Graph]) -> Iterator[tuple[Case, str]]:
        """Each case with its split."""
        for item in listed:
            try:
                yield self._case(item, graph), item.split
            except LeftOut as reason:
                self.exclusions.append(Exclusion(item.image, str(reason)))

    def _case(self, item: Listed, graph: Callable[[str], Graph]) -> Case:
        self.elsewhere.check(item.image, item.patient)
        path, size = self.images.opened(item.path)
        known = graph(item.image)
        if not known.fits(size):
            raise LeftOut(OTHER_SIZE)
        said = phrases(known.drafts, item.image, self.exclusions)
        anatomy = tuple(PublishedBoxes(np.array([box]), name, source=self.source) for name, box in known.regions.items())
        inputs = {"image": lazy_image(path)}
        return Case(item.image, item.patient, inputs, labels(said), meta=item.meta, anatomy=anatomy, sentences=said)


def _graph(graphs: Mapping[str, Source], image: str, exclusions: list[Exclusion]) -> Graph:
    if image not in graphs:
        raise LeftOut(MISSING)
    return parsed(graphs[image], image, exclusions)
