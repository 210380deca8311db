"""The captions of ROCO, one a line behind a tab, and of ROCOv2, as CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pellucid.datasets.base import SplitName
from pellucid.datasets.image_files import Folder, table
from pellucid.datasets.sources import decode
from pellucid.datasets.splits import SPELLINGS
from pellucid.errors import DataError

_ARTICLE = re.compile(r"(PMC\d+)\.tar\.gz")
_OTHER = "non-radiology"


@dataclass(frozen=True)
class Figure:
    """A figure and its caption.

    Attributes:
        file: name of its image, without the suffix.
        split: as published; None where the folder does not tell it.
        article: number at PubMed Central; None where nothing tells it.
    """

    id: str
    file: str
    caption: str
    split: SplitName | None
    article: str | None = None


def figures(folder: Folder) -> Iterator[Figure]:
    """The figures that show radiology, of ROCOv2 where its tables are there, else of ROCO.

    Raises:
        DataError: there are captions of neither.
    """
    tables = [path for part in ("train", "valid", "test") if (path := folder.maybe(f"{part}_captions.csv"))]
    plain = [path for path in sorted(folder.root.rglob("captions.txt")) if _OTHER not in path.parts]
    if not tables and not plain:
        raise DataError(f"{folder.root} has neither train_captions.csv nor captions.txt; give the folder of ROCO or ROCOv2.")
    for path in tables or plain:
        yield from _of_table(path) if tables else _of_lines(path, folder.root)


def _of_table(path: Path) -> Iterator[Figure]:
    for _, row in table(path, ("ID", "Caption")):
        yield Figure(row["ID"], row["ID"], row["Caption"], SPELLINGS[path.name.partition("_")[0]])


def _of_lines(path: Path, root: Path) -> Iterator[Figure]:
    split = next((SPELLINGS[part] for part in path.relative_to(root).parts if part in SPELLINGS), None)
    links = dict(_links(path.with_name("dlinks.txt")))
    for where, cells in _cells(path, 2):
        name, caption = cells
        article, file = links.get(name, (None, name))
        if not name:
            raise DataError(f"{where} has no id before the tab; correct the line.")
        yield Figure(name, file, caption.strip(), split, article)


def _links(path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Id to article and file name: the script that fetches the images puts the article before the name of the file."""
    for where, (name, link, file) in _cells(path, 3) if path.is_file() else ():
        article = _ARTICLE.search(link)
        if article is None:
            raise DataError(f"{where} has no archive of an article (PMC...tar.gz); correct the line.")
        yield name, (article[1], f"{article[1]}_{Path(file).stem}")


def _cells(path: Path, count: int) -> Iterator[tuple[str, list[str]]]:
    """The lines of a file without a head, cut at their tabs."""
    for index, line in enumerate(decode(path.read_bytes(), path.name).split("\n"), start=1):
        where, cells = f"{path.name} line {index}", [cell.strip() for cell in line.split("\t", count - 1)]
        if line.strip() and len(cells) != count:
            raise DataError(f"{where} has {len(cells)} columns instead of {count}, with tabs between; correct the line.")
        if line.strip():
            yield where, cells
