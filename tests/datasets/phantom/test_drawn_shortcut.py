"""What a planted shortcut does to drawn phantoms of every kind, and what cases say about it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from drawn import kinds, marks, stands
from scipy.stats import binomtest

from pellucid.case import Case
from pellucid.datasets.phantom.chest import PhantomChest
from pellucid.datasets.phantom.ecg import PhantomEcg

RATE, LEAK = 0.7, 0.2
CHEST = PhantomChest(
    n=250, seed=8, size=64, prevalence=0.4, shortcut="tube", shortcut_label="effusion", shortcut_rate=RATE,
    shortcut_rate_absent=LEAK,
)  # fmt: skip
ECG = PhantomEcg(
    n=300, seed=8, rate=200.0, prevalence=0.35, shortcut="calibration", shortcut_label="anterior ST elevation",
    shortcut_rate=RATE, shortcut_rate_absent=LEAK, shortcut_splits=("train", "validation", "test"),
)  # fmt: skip


@dataclass(frozen=True)
class Mixed:
    """Cases with and without the label, with and without the mark."""

    cases: list[Case]
    label: str
    mark: str


@pytest.fixture(scope="module", params=[CHEST, ECG], ids=["chest", "ecg"])
def mixed(request: pytest.FixtureRequest) -> Mixed:
    options = request.param
    return Mixed(list(options.prepare().cases), options.shortcut_label, options.shortcut)


def test_the_mark_stands_at_the_rates_asked_for(mixed: Mixed) -> None:
    for present, rate in ((True, RATE), (False, LEAK)):
        among = [c for c in mixed.cases if (mixed.label in c.labels) is present]
        assert len(among) > 40
        assert binomtest(sum(map(stands, among)), len(among), rate).pvalue > 1e-3


def test_causes_hold_the_mark_alone_where_it_is_planted(mixed: Mixed) -> None:
    for case in mixed.cases:
        evidence, causes = marks(case.evidence, mixed.label), marks(case.causes, mixed.label)
        if mixed.label in case.labels and stands(case):
            assert len(causes) == 1
            assert causes[0].any()
            assert not any(causes[0] is mask for mask in evidence)
            assert evidence
        else:
            assert [id(mask) for mask in causes] == [id(mask) for mask in evidence]


def test_other_labels_have_equal_evidence_and_causes(mixed: Mixed) -> None:
    for case in mixed.cases:
        for label in case.labels - {mixed.label}:
            assert [id(m) for m in marks(case.evidence, label)] == [id(m) for m in marks(case.causes, label)] != []


def test_a_leaked_mark_is_a_distractor_and_no_cause(mixed: Mixed) -> None:
    leaked = [c for c in mixed.cases if mixed.label not in c.labels and stands(c)]
    assert leaked
    for case in leaked:
        said = [thing for thing in case.meta["distractors"] if thing["kind"] == "leaked_shortcut"]
        assert [thing["label"] for thing in said] == [mixed.label]
        assert not marks(case.causes, mixed.label)
    for case in mixed.cases:
        assert mixed.mark not in kinds(case)
        assert ("leaked_shortcut" in kinds(case)) == (stands(case) and mixed.label not in case.labels)
