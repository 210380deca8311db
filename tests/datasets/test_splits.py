from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from pellucid.datasets.splits import assign, check_published
from pellucid.errors import DataError

PATIENTS = {f"case{i}": f"patient{i // 3}" for i in range(300)}


@st.composite
def owned_cases(draw: st.DrawFn) -> dict[str, str]:
    owners = draw(st.lists(st.integers(0, 40), min_size=20, max_size=120))
    return {f"c{index}": f"p{owner}" for index, owner in enumerate(owners)}


@given(owned_cases(), st.integers(0, 5))
def test_no_patient_is_in_two_splits(patients: dict[str, str], seed: int) -> None:
    try:
        place = assign(patients, seed=seed, fractions=(0.5, 0.2, 0.3))
    except DataError:  # a patient so large that a split stays empty
        reject()
    assert place.keys() == patients.keys()
    homes = {(patients[case], split) for case, split in place.items()}
    assert len(homes) == len(set(patients.values()))


def test_splits_do_not_depend_on_the_order_of_cases() -> None:
    shuffled = list(PATIENTS.items())
    random.Random(1).shuffle(shuffled)
    assert assign(dict(shuffled), seed=3) == assign(PATIENTS, seed=3)


def test_splits_have_the_shares_asked_for() -> None:
    assert Counter(assign(PATIENTS, fractions=(0.7, 0.1, 0.2)).values()) == {"train": 210, "validation": 30, "test": 60}


def test_a_large_patient_moves_a_share_by_at_most_half_of_its_cases() -> None:
    patients = {f"c{i}": "big" if i < 40 else f"p{i}" for i in range(200)}
    for seed in range(20):
        sizes = Counter(assign(patients, seed=seed, fractions=(0.5, 0.25, 0.25)).values())
        assert abs(sizes["train"] - 100) <= 20
        assert abs(sizes["test"] - 50) <= 20


def test_another_seed_gives_another_split() -> None:
    assert assign(PATIENTS, seed=0) != assign(PATIENTS, seed=1)


def test_a_split_of_a_seed_never_changes_between_versions() -> None:
    place = assign({f"c{i}": f"p{i}" for i in range(10)}, seed=7, fractions=(0.5, 0.2, 0.3))
    assert " ".join(place[f"c{i}"] for i in range(10)) == ("test test validation validation train test train train train train")


def test_a_fraction_of_zero_gets_no_case() -> None:
    assert set(assign(PATIENTS, fractions=(0, 0.5, 0.5)).values()) == {"validation", "test"}


def test_no_cases_give_no_splits() -> None:
    assert assign({}) == {}


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (1.2, -0.1, -0.1), (0.5, 0.5), (float("nan"), 0.5, 0.5)])
def test_fractions_that_are_no_shares_are_refused(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(DataError, match="sum 1"):
        assign(PATIENTS, fractions=fractions)


def test_a_split_that_would_be_empty_is_refused() -> None:
    with pytest.raises(DataError, match="test split gets no case: 2 patients"):
        assign({"a": "x", "b": "y"}, fractions=(0.7, 0.1, 0.2))


def test_published_splits_that_share_a_patient_are_refused() -> None:
    with pytest.raises(DataError, match=r"Patient x is in the published splits train and test \(case b\)"):
        check_published({"a": "x", "b": "x"}, {"a": "train", "b": "test"})


@pytest.mark.parametrize(
    ("assigned", "message"),
    [
        ({"a": "train"}, "Case b is in no published split"),
        ({"a": "train", "b": "train", "c": "train"}, "name the case c, which does not exist"),
        ({"a": "train", "b": "dev"}, "Case b is in the published split 'dev'"),
    ],
)
def test_published_splits_that_do_not_fit_the_cases_are_refused(assigned: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_published({"a": "x", "b": "y"}, assigned)  # type: ignore[arg-type]
