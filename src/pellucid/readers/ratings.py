"""One rating of a reader study: who, of what, which model, which question, which level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from pellucid.errors import DataError


@dataclass(frozen=True)
class Rating:
    """What one reader answered to one question about the map of one model for one item.

    Attributes:
        reader: who rated.
        item: what was rated, as a rule a sentence of a report for an image; an id, never its text.
        model: whose map it was.
        question: what was asked ("recall", "precision", "intuitiveness").
        level: the answer, 1 to `levels`; the more, the better.
        levels: how many levels the question has.
        cluster: items that belong together (a patient, an image): what intervals resample.
        alias: the name under which the reader saw the model; None where nobody recorded one.
        repeat: how often this reader had rated the same before, 0 for the first time.
        custom: whether the sentence was the reader's own and not from the report.

    Raises:
        DataError: the level is none of the scale.
    """

    reader: str
    item: str
    model: str
    question: str
    level: int
    levels: int = 5
    cluster: str = ""
    alias: str | None = None
    repeat: int = 0
    custom: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.level <= self.levels:
            raise DataError(
                f"The rating of item {self.item} for {self.question!r} is {self.level}; levels lie between 1 and {self.levels}."
            )

    @property
    def group(self) -> str:
        """What it is resampled with: its cluster, or its item where nobody said."""
        return self.cluster or self.item


def asked(ratings: Iterable[Rating], question: str) -> list[Rating]:
    """The ratings of one question, all on one scale.

    Raises:
        DataError: there is none, or their scales differ: levels of three and of five have no common mean.
    """
    found = [rating for rating in ratings if rating.question == question]
    if not found:
        raise DataError(f"No rating answers the question {question!r}; check how the study spells it.")
    scales = sorted({rating.levels for rating in found})
    if len(scales) > 1:
        raise DataError(f"{question!r} was rated on {scales[0]} levels and on {scales[-1]}; look at each study by itself.")
    return found


def models(ratings: Iterable[Rating]) -> list[str]:
    """The models rated, in the order in which they come."""
    return list(dict.fromkeys(rating.model for rating in ratings))


def means(ratings: Sequence[Rating], names: Sequence[str]) -> tuple[Float[np.ndarray, "I M"], list[str]]:
    """Mean level of each item for each model, over readers and repeats; NaN where nobody rated it.

    Returns:
        The table, and the group of each of its rows. Rows are ordered by item.

    Raises:
        DataError: an item belongs to two clusters.
    """
    items = sorted({rating.item for rating in ratings})
    row, column = {item: i for i, item in enumerate(items)}, {name: j for j, name in enumerate(names)}
    sums, counts = np.zeros((2, len(items), len(names)))
    for rating in ratings:
        if rating.model in column:
            sums[row[rating.item], column[rating.model]] += rating.level
            counts[row[rating.item], column[rating.model]] += 1
    table = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=table, where=counts > 0)
    return table, groups(ratings, items)


def groups(ratings: Iterable[Rating], items: Iterable[str]) -> list[str]:
    """The group of each item.

    Raises:
        DataError: an item belongs to two clusters.
    """
    pairs = sorted({(rating.item, rating.group) for rating in ratings})
    for (item, _), (other, _) in pairwise(pairs):
        if item == other:
            raise DataError(f"Item {item} belongs to two clusters; give one image or patient for each item.")
    known = dict(pairs)
    return [known[item] for item in items]
