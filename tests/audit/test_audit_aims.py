from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pellucid.audit.aims import Aim
from pellucid.audit.aims import aims as aims_of
from pellucid.case import Case
from pellucid.predictor import predicted


@dataclass(frozen=True)
class Model:
    """As much of a predictor as a decision needs."""

    threshold: float = 0.5
    exclusive: bool = False


def aims(
    item: Case, given: np.ndarray, labels: Sequence[str], most: int | None, seed: int, model: Model | None = None
) -> list[Aim]:
    return aims_of(item, given, predicted(model or Model(), given), labels, most, seed)


def case(*labels: str) -> Case:
    return Case("c", "p", {"text": ""}, frozenset(labels))


def test_targets_are_gold_or_predicted_with_their_stratum() -> None:
    found = aims(case("A", "B"), np.array([0.9, 0.1, 0.8, 0.2]), ("A", "B", "C", "D"), None, 0)
    assert [(a.label, a.stratum) for a in found] == [("A", "true positive"), ("B", "false negative"), ("C", "false positive")]


def test_probability_at_the_threshold_is_not_predicted() -> None:
    assert aims(case(), np.array([0.5]), ("A",), None, 0) == []


def test_gold_labels_that_the_model_does_not_know_cannot_be_explained() -> None:
    assert aims(case("Z"), np.array([0.1]), ("A",), None, 0) == []


def test_a_model_of_exclusive_labels_assigns_the_most_probable_one_however_unsure() -> None:
    given = np.array([0.3, 0.4, 0.3])
    found = aims(case("A"), given, ("A", "B", "C"), None, 0, Model(exclusive=True))
    assert [(a.label, a.stratum) for a in found] == [("A", "false negative"), ("B", "false positive")]
    sure = np.array([[0.9, 0.05, 0.05], [0.2, 0.2, 0.6]])  # above the threshold only one would be assigned in all
    assert predicted(Model(0.95, exclusive=True), sure).tolist() == [[True, False, False], [False, False, True]]


@given(st.permutations(list("ABCDEFGH")), st.integers(1, 7), st.integers(0, 3))
def test_the_cap_draws_the_same_labels_whatever_their_order(labels: list[str], most: int, seed: int) -> None:
    def drawn(order: list[str]) -> set[str]:
        return {a.label for a in aims(case(), np.full(8, 0.9), order, most, seed)}

    assert drawn(labels) == drawn(sorted(labels))
    assert len(drawn(labels)) == most


def test_the_cap_does_not_prefer_probable_labels() -> None:
    labels = [f"L{i}" for i in range(20)]
    first = [aims(case(), np.linspace(0.99, 0.6, 20), labels, 1, seed)[0].label for seed in range(30)]
    assert len(set(first)) > 10
