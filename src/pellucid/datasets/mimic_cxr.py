"""Images of MIMIC-CXR, on which other data sets build: where they lie, whom they show, and which another data set holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pellucid.datasets.image_files import lines, number
from pellucid.datasets.stored import open_dataset
from pellucid.errors import DataError
from pellucid.imaging.measuring import size_of

_REMEDY = "give the folder of MIMIC-CXR-JPG or MIMIC-CXR from PhysioNet, which holds files/p10 and so on"
_SUFFIXES = (".jpg", ".dcm", ".png", ".jpeg")  # of MIMIC-CXR-JPG, of MIMIC-CXR, and of what people make of them


class LeftOut(Exception):
    """An image or a reading cannot be used. The message is the reason, in the same words for the same cause."""


@dataclass(frozen=True)
class MimicImages:
    """The folder of MIMIC-CXR-JPG or MIMIC-CXR, or one that holds some of its images loose.

    Attributes:
        root: the folder.
        adapter: who asks, for messages.
    """

    root: Path
    adapter: str

    @classmethod
    def of(cls, root: Path | None, adapter: str, beside: str = "gaze") -> MimicImages:
        """Those below `root`.

        Args:
            beside: what the adapter has of its own, for messages.

        Raises:
            DataError: there is no such folder, or none was given.
        """
        if root is None:
            raise DataError(f"The option images of {adapter} is missing: the images come apart from the {beside}; {_REMEDY}.")
        if not Path(root).is_dir():
            raise DataError(f"The option images of {adapter} is {root}, which is no folder; {_REMEDY}.")
        return cls(Path(root), adapter)

    def find(self, published: str) -> Path | None:
        """The image that was published at this path, looked for at its end parts, from the whole path to the mere name."""
        parts = [part for part in PurePosixPath(published).parts if part not in ("/", "..")]
        places = (self.root.joinpath(*parts[start:]) for start in range(len(parts)))
        return next((path for place in places for path in _spelt(place) if path.is_file()), None)

    def check(self, published: Iterable[str]) -> None:
        """Refuse a folder that holds none of the images.

        Raises:
            DataError: it is so; names one of them.
        """
        some = list(published)
        if some and not any(self.find(path) for path in some):
            raise DataError(f"{self.root} has none of the {len(some)} images of {self.adapter}, such as {some[0]}; {_REMEDY}.")

    def opened(self, published: str) -> tuple[Path, tuple[int, int]]:
        """The file, and its height and width.

        Raises:
            LeftOut: it is missing, or no image.
        """
        path = self.find(published)
        if path is None:
            raise LeftOut("the image file is missing")
        try:
            return path, size_of(path)
        except DataError as error:
            raise LeftOut("the image cannot be read") from error


def _spelt(place: Path) -> Iterable[Path]:
    return (place.with_suffix(suffix) for suffix in _SUFFIXES)


def patient(cell: str, where: str) -> str:
    """The patient of a number of MIMIC-IV, which MIMIC-CXR shares; the same words for the same person in every data set.

    Raises:
        DataError: the cell holds no number.
    """
    return f"mimic4-{int(number(cell.removeprefix('p'), where))}"


@dataclass(frozen=True)
class Elsewhere:
    """Images that another data set holds, and their patients: who is there must not be here too."""

    images: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path | None) -> Elsewhere:
        """Those of a prepared data set, or the images that a text file lists, one id a line; none for None.

        Raises:
            DataError: there is neither at `path`.
        """
        if path is None:
            return cls()
        if Path(path).is_dir():
            cases = list(open_dataset(path))
            return cls(frozenset(case.id for case in cases), frozenset(case.patient for case in cases))
        if not Path(path).is_file():
            raise DataError(f"The option exclude is {path}, which does not exist; give a prepared data set or a list of ids.")
        return cls(frozenset(lines(path)))

    def among(self, people: Mapping[str, str]) -> Elsewhere:
        """With the patients of the images that are among `people` (image to patient): a list of ids does not name them."""
        return replace(self, patients=self.patients | {people[name] for name in self.images & people.keys()})

    def check(self, name: str, person: str) -> None:
        """Raise LeftOut where the image, or another one of its patient, is in the other data set."""
        if name in self.images:
            raise LeftOut("the image is in the excluded data set")
        if person in self.patients:
            raise LeftOut("another image of the patient is in the excluded data set")
