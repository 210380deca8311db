"""Ratings from CSV files with the columns of McInerney et al. 2022, so that whoever holds their files can load them.

Columns: `dicom_sent_id`, `dicom_id`, `sent_id`, `checkpoint_name`, `prompt`, `has_good_recall`, `has_good_precision` (in the
pilot `has_bad_precision`), `is_intuitive`, `is_custom_prompt`, `no_attn_score`. Levels are 1 to 5, ranges of 20 %, or the
words no, partially and yes of the pilot. A study of several readers adds `reader`, `patient` and `alias`. Prompts are sentences
of patients: they tell custom items apart by a digest, and are kept nowhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pellucid.datasets.image_files import Row, table
from pellucid.errors import DataError
from pellucid.files import digest
from pellucid.readers.ratings import Rating

QUESTIONS = {
    "has_good_recall": "recall",
    "has_good_precision": "precision",
    "has_bad_precision": "precision",
    "is_intuitive": "intuitiveness",
}
"""What each column of answers asks."""
_REVERSED = "has_bad_precision"
_WORDS = {"no": 1, "partially": 2, "yes": 3}
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}
_LEVEL = re.compile(r"([1-5])(?:\.0+)?(?!\d)(?!\s*(?:-|–|to)\s*\d)")  # "4", "4.0", "5 (what you would draw)"
_RANGE = re.compile(r"(0|20|40|60|80)\s*%?\s*(?:-|–|to)\s*(20|40|60|80|100)\s*%?")


def read_ratings(path: Path, reader: str | None = None) -> list[Rating]:
    """The ratings of a file, row by row. An empty answer is no rating.

    Args:
        reader: who rated, where the file has no column `reader`; None takes the file's name without its suffix.

    Raises:
        DataError: the file cannot be read, has no answers, or a row holds something else; the message names file and row.
    """
    path, found = Path(path), list[Rating]()
    seen: Counter[tuple[str, ...]] = Counter()
    for where, row in table(path, ("dicom_sent_id", "checkpoint_name")):
        for rating in _of_row(row, where, reader or path.stem):
            key = rating.reader, rating.item, rating.model, rating.question
            found.append(replace(rating, repeat=seen[key]))
            seen[key] += 1
    if not found:
        raise DataError(f"{path.name} holds no rating; its columns of answers are {', '.join(QUESTIONS)}.")
    return found


def _of_row(row: Row, where: str, reader: str) -> Iterator[Rating]:
    custom = _truth(row, where)
    item, model = _item(row, where, custom), _filled(row, "checkpoint_name", where)
    cluster, alias = row.get("patient") or row.get("dicom_id") or "", row.get("alias") or None
    for column, question in QUESTIONS.items():
        if row.get(column):
            level, levels = _level(row[column], f"{where}, column {column},")
            level = levels + 1 - level if column == _REVERSED else level
            who = row.get("reader") or reader
            yield Rating(who, item, model, question, level, levels, cluster, alias, custom=custom)


def _item(row: Row, where: str, custom: bool) -> str:
    """The id of the sentence; of a reader's own one the image, and a digest of what was typed."""
    name = _filled(row, "dicom_sent_id", where)
    return f"{name}#{digest(row.get('prompt', ''))[:12]}" if custom else name


def _filled(row: Row, column: str, where: str) -> str:
    if not row[column]:
        raise DataError(f"{where} has no {column}; correct the row.")
    return row[column]


def _truth(row: Mapping[str, str], where: str) -> bool:
    said = _TRUTH.get(row.get("is_custom_prompt", "").lower())
    if said is None:
        raise DataError(f"{where}, column is_custom_prompt, is neither True nor False; correct the row.")
    return said


def _level(cell: str, where: str) -> tuple[int, int]:
    """The level, and how many there are. What the cell holds is not shown: in a shifted row it may be a sentence."""
    if word := _WORDS.get(cell.lower()):
        return word, len(_WORDS)
    if span := _RANGE.match(cell):
        low, high = int(span[1]), int(span[2])
        if high - low == 20:
            return low // 20 + 1, 5
    if found := _LEVEL.match(cell):
        return int(found[1]), 5
    raise DataError(f"{where} holds no level; use 1 to 5, a range such as 20-40, or no, partially, yes.")
