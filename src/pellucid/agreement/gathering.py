"""The explanations that are compared: of the same cases, by several models and methods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from pellucid.agreement.densities import normalised
from pellucid.agreement.explaining import check_alike, explained, explainers_for
from pellucid.agreement.setup import Setup
from pellucid.audit.aims import aims
from pellucid.audit.explaining import Judged
from pellucid.audit.lineup import Chosen
from pellucid.case import Case
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.predictor import Predictor
from pellucid.target import Target
from pellucid.units import TextUnits

Told = Callable[[str, int, int], None]
"""Told of progress: what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, eq=False)
class Item:
    """One label of one case.

    Attributes:
        columns: for each unit the cell, shared by all items, that it belongs to (a patch of the image, a word of the
            vocabulary); -1 for none.
    """

    case: str
    patient: str
    target: str
    columns: Int[np.ndarray, " U"]


@dataclass(frozen=True, eq=False)
class Gathered:
    """Explanations of N items by M models and some methods.

    Attributes:
        models: their names.
        signed: by method, whether it gives evidence for and against.
        items: what was explained, in the order of the data set.
        maps: by method, for each item the scores of all models over its units.
        cells: how many there are that items share.
        unit: "word", "patch", "segment" or "feature".
        unlabelled: chosen cases without a label that the models know; they are not explained.
    """

    models: tuple[str, ...]
    signed: Mapping[str, bool]
    items: tuple[Item, ...]
    maps: Mapping[str, tuple[Float[np.ndarray, "M _"], ...]]
    cells: int
    unit: str
    unlabelled: int

    @property
    def patients(self) -> list[str]:
        """Whose each item is."""
        return [item.patient for item in self.items]

    def table(self, method: str, signed: bool = False) -> Float[np.ndarray, "M N C"]:
        """The maps of one method over shared cells: what a cell has of all |score| of its map, with its sign if `signed`.

        Of a text, words outside the vocabulary are left out after that division.
        """
        result = np.zeros((len(self.models), len(self.items), self.cells))
        for i, (item, maps) in enumerate(zip(self.items, self.maps[method], strict=True)):
            kept = item.columns >= 0
            for row, share in zip(result[:, i], normalised(maps, signed), strict=True):
                np.add.at(row, item.columns[kept], share[kept])
        return result


@dataclass(frozen=True, eq=False)
class _Said:
    """One item with its units as words (empty for an image), and by method the scores of all models."""

    item: Item
    unit: str
    words: tuple[str, ...]
    scores: Mapping[str, Float[np.ndarray, "M U"]]


def gather(
    models: Mapping[str, Predictor],
    dataset: Dataset,
    methods: Sequence[str],
    setup: Setup | None = None,
    progress: Told | None = None,
) -> Gathered:
    """Explain the labels that cases have by all models and methods, one case after the other.

    Labels that only a model assigns are left out, since they differ between models. Of a text, only words that all models
    have read count.

    Args:
        models: by name; all of the same labels and the same kind of input.
        methods: registered names of explainers.

    Raises:
        PellucidError: models differ in labels or input; a method cannot explain a model, or learns and cannot; no chosen case
            has a label.
        UnknownNameError: a method is not registered.
    """
    setup = setup or Setup()
    check_alike(models)
    explainers = explainers_for(models, dataset, methods, setup.seed)
    chosen = Chosen(dataset.split(setup.split), setup.cases, setup.seed)
    said: list[_Said] = []
    unlabelled = 0
    for done, case in enumerate(chosen, start=1):
        targets = _targets(case, next(iter(models.values())), setup)
        unlabelled += not targets
        if targets:
            said += _items(case, targets, *explained(explainers, models, case, targets, setup.across))
        if progress:
            progress("explaining", done, len(chosen))
    if not said:
        raise DataError(f"No chosen case of the {setup.split} split has a label that the models know; choose others.")
    items, cells = _over_cells(said, setup.vocabulary)
    maps = {method: tuple(one.scores[method] for one in said) for method in explainers}
    signed = {method: explainer.signed for method, explainer in explainers.items()}
    return Gathered(tuple(models), signed, items, maps, cells, said[0].unit, unlabelled)


def _targets(case: Case, predictor: Predictor, setup: Setup) -> list[Target]:
    """The labels that the case has, drawn as audits draw them."""
    nothing = np.zeros(len(predictor.labels))
    found = aims(case, nothing, nothing.astype(bool), predictor.labels, setup.max_targets, setup.seed)
    return [Target.label(aim.label) for aim in found]


def _items(
    case: Case, targets: Sequence[Target], units: Judged, said: Mapping[str, Float[np.ndarray, "M K U"]]
) -> Iterator[_Said]:
    words = tuple(word.lower() for word in units.strings) if isinstance(units, TextUnits) else ()
    for k, target in enumerate(targets):
        scores = {method: values[:, k] for method, values in said.items()}
        columns = np.arange(next(iter(scores.values())).shape[1])
        yield _Said(Item(case.id, case.patient, target.name, columns), units.kind, words, scores)


def _over_cells(said: Sequence[_Said], vocabulary: int) -> tuple[tuple[Item, ...], int]:
    """The items, and how many cells they share: all units, or the words that most patients' texts have."""
    if said[0].unit != "word":
        widths = {len(one.item.columns) for one in said}
        if len(widths) > 1:
            raise DataError("Some images have fewer pixels a side than there are patches; choose fewer (--set across=N).")
        return tuple(one.item for one in said), widths.pop()
    having = Counter(word for word, _ in {(word, one.item.patient) for one in said for word in one.words})
    cells = {word: i for i, word in enumerate(sorted(having, key=lambda word: (-having[word], word))[:vocabulary])}
    placed = (np.array([cells.get(word, -1) for word in one.words], dtype=np.int64) for one in said)
    return tuple(replace(one.item, columns=columns) for one, columns in zip(said, placed, strict=True)), len(cells)
