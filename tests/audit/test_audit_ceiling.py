"""The human ceiling: people judged as explanations are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, cohen_kappa_score, f1_score, jaccard_score

from pellucid.audit.aggregate import Row
from pellucid.audit.ceiling import ANNOTATOR, CHANCE, EACH, findings, human_ceiling, peers, stand_in
from pellucid.case import Boxes, Case, Lazy, Spans
from pellucid.metrics.tokens import TokenF1
from pellucid.statistics import Interval

SIZE = 20
TEXT = " ".join(f"w{i:02}" for i in range(SIZE))


def spans(*numbers: int, who: str = "human", label: str | None = "up") -> Spans:
    """Marks of words by their numbers."""
    return Spans.of(*((4 * i, 4 * i + 3) for i in numbers), label=label, source=who)


def case(*evidence: Spans, name: str = "c", patient: str = "p", labels: tuple[str, ...] = ("up",)) -> Case:
    return Case(name, patient, {"text": TEXT}, frozenset(labels), evidence)


def ceiling(*cases: Case, **options: int) -> dict[tuple[str, str], Interval]:
    rows: list[Row] = human_ceiling(cases, **{"draws": 50, **options})  # type: ignore[arg-type]
    return {(row.explainer, row.metric): row.interval for row in rows}


ANN, BOB, CAT = "human:ann", "human:bob", "human:cat"


def test_one_annotator_is_judged_by_the_other_as_an_explanation_is():
    a, b = (2, 3, 4), (3, 4, 5, 6)
    figures = ceiling(case(spans(*a, who=ANN), spans(*b, who=BOB)))
    ours, theirs = (np.isin(np.arange(SIZE), side).astype(int) for side in (a, b))
    expected = {
        "token_precision": (2 / 3 + 2 / 4) / 2,
        "token_recall": (2 / 4 + 2 / 3) / 2,
        "token_f1": f1_score(ours, theirs),
        "pooled_f1": f1_score(ours, theirs),
        "average_precision": (average_precision_score(ours, theirs) + average_precision_score(theirs, ours)) / 2,
        "kappa": cohen_kappa_score(ours, theirs),
        "match_exact": 0.0,
    }
    for metric, value in expected.items():
        assert figures[ANNOTATOR, metric].value == pytest.approx(value), metric
        assert figures[EACH, metric].value == pytest.approx(value), "with two people there is no other union"


def test_overlap_of_equally_many_words_is_that_of_the_two_sets():
    figures = ceiling(case(spans(2, 3, 4, who=ANN), spans(3, 4, 5, who=BOB)))
    ours, theirs = (np.isin(np.arange(SIZE), side) for side in ((2, 3, 4), (3, 4, 5)))
    assert figures[ANNOTATOR, "iou_at_size"].value == pytest.approx(jaccard_score(ours, theirs))


def test_with_three_people_each_is_judged_by_the_union_of_the_other_two():
    figures = ceiling(case(spans(1, who=ANN), spans(1, 2, who=BOB), spans(3, who=CAT)))
    # ann {1} by {1, 2, 3}; bob {1, 2} by {1, 3}; cat {3} by {1, 2}
    assert figures[ANNOTATOR, "token_recall"].value == pytest.approx((1 / 3 + 1 / 2 + 0) / 3)
    # ann by bob and by cat; bob by ann and by cat; cat by nobody's agreement
    assert figures[EACH, "token_recall"].value == pytest.approx((1 / 2 + 0 + 1 + 0 + 0 + 0) / 6)


def test_several_marks_of_one_person_are_one_explanation():
    split = case(spans(2, who=ANN), spans(3, who=ANN), spans(2, 3, who=BOB))
    assert ceiling(split)[ANNOTATOR, "match_exact"].value == 1.0


@pytest.mark.parametrize(
    "evidence",
    [
        (),
        (spans(1), spans(2)),  # people who are not told apart
        (spans(1, who=ANN), spans(2), spans(3, who="phantom")),
        (spans(1, who=ANN), spans(2, who=BOB, label="down")),  # different labels
        (spans(1, who=ANN), Spans.of((3, 4), label="up", source=BOB)),  # a mark of white space covers no word
    ],
)
def test_a_case_without_two_named_people_who_marked_the_same_label_says_nothing(evidence):
    assert human_ceiling([case(*evidence, labels=("up", "down"))]) == []


def test_a_text_is_not_read_where_nobody_can_be_compared():
    unread = Case("c", "p", {"text": Lazy(lambda: pytest.fail("read"))}, frozenset({"up"}), (spans(1, who=ANN),))
    assert human_ceiling([unread]) == []


def test_marks_of_the_whole_case_count_for_every_label():
    whole = case(spans(1, who=ANN, label=None), spans(1, who=BOB), labels=("up",))
    assert ceiling(whole)[ANNOTATOR, "token_f1"].value == 1.0


def test_patients_not_cases_are_drawn():
    cases = [case(spans(1, who=ANN), spans(1 + i % 2, who=BOB), name=str(i), patient=str(i // 5)) for i in range(20)]
    found = ceiling(*cases)[ANNOTATOR, "token_f1"]
    assert (found.n, found.patients, found.value) == (20, 4, 0.5)
    assert np.isnan(ceiling(*cases[:5])[ANNOTATOR, "token_f1"].low), "one patient has no interval"


def test_chance_of_a_ranking_is_the_share_of_words_that_the_others_marked():
    figures = ceiling(case(spans(1, who=ANN), spans(4, 5, 6, who=BOB)))
    assert figures[CHANCE, "average_precision"].value == pytest.approx((3 + 1) / 2 / SIZE)


def test_chance_of_shown_words_is_what_moved_marks_reach():
    cases = [case(spans(1, 2, who=ANN), spans(1, 2, 3, 4, 5, who=BOB), name=str(i)) for i in range(150)]
    figures = ceiling(*cases)
    assert figures[CHANCE, "token_recall"].value == pytest.approx((2 + 5) / 2 / SIZE, abs=0.03), "as many words as were marked"
    assert figures[CHANCE, "kappa"].value == pytest.approx(0.0, abs=0.03)


def test_chance_depends_on_seed_and_case_but_not_on_the_company():
    alone, other = (
        case(spans(*range(5), who=ANN), spans(*range(9), who=BOB)),
        case(spans(1, who=ANN), spans(1, who=BOB), name="d"),
    )

    def chance(*cases: Case, seed: int = 0) -> list[float]:
        return [f.value for f in findings(cases, seed=seed) if f.case == "c" and f.explainer == CHANCE]

    assert chance(alone) == chance(other, alone)
    assert chance(alone) != chance(alone, seed=1)


def test_an_explanation_can_stand_in_for_an_annotator():
    found = peers(case(spans(2, 3, who=ANN), spans(3, 4, who=BOB)), "up")
    assert [peer.annotator for peer in found] == ["ann", "bob"]
    shown = np.isin(np.arange(SIZE), (4, 5)).astype(float)
    scores = [TokenF1()(stand_in(shown, False, 0.0, peer)) for peer in found]
    assert scores == [0.5, 0.0]  # by bob in the place of ann, by ann in the place of bob


def test_sentences_can_be_compared_too():
    text = "Zinc helped. Nausea was rare."
    marks = (Spans.of((0, 4), label="up", source=ANN), Spans.of((5, 11), label="up", source=BOB))
    both = Case("c", "p", {"text": text}, frozenset({"up"}), marks)
    rows = {(r.explainer, r.metric): r.interval.value for r in human_ceiling([both], unit="sentence")}
    assert rows[ANNOTATOR, "match_exact"] == 1.0
    assert ceiling(both)[ANNOTATOR, "token_f1"].value == 0.0


MARKS = st.sets(st.integers(0, SIZE - 1), min_size=1)


@settings(max_examples=40, deadline=None)
@given(MARKS, MARKS)
def test_precision_and_recall_of_two_people_mirror_each_other(a: set[int], b: set[int]):
    figures = ceiling(case(spans(*sorted(a), who=ANN), spans(*sorted(b), who=BOB)))
    assert figures[ANNOTATOR, "token_precision"].value == pytest.approx(figures[ANNOTATOR, "token_recall"].value)
    assert figures[ANNOTATOR, "token_f1"].value == pytest.approx(2 * len(a & b) / (len(a) + len(b)))


def test_a_metric_that_refuses_is_missing_and_counted():
    everything = spans(*range(SIZE), who=ANN), spans(*range(SIZE), who=BOB)
    figures = ceiling(case(*everything), case(spans(1, who=ANN), spans(1, who=BOB), name="d"))
    assert figures[ANNOTATOR, "kappa"].excluded == 1
    assert figures[ANNOTATOR, "kappa"].value == 1.0


def test_marks_of_an_image_beside_the_text_count_for_nobody():
    boxes = tuple(Boxes(np.array([[0.0, 0.0, 2.0, 2.0]]), "up", source=who) for who in (ANN, BOB))
    assert peers(case(*boxes), "up") == []  # type: ignore[arg-type]
    both = case(spans(2, who=ANN), spans(2, 3, who=BOB), *boxes)  # type: ignore[arg-type]
    assert [peer.marks.sum() for peer in peers(both, "up")] == [1, 2]
