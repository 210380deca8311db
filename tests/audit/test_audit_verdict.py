"""What the summary says of the best method follows from the comparisons, in whichever direction they point."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from pellucid import finding
from pellucid.audit.aggregate import Frame
from pellucid.audit.comparing import Contest, against_baseline, against_best
from pellucid.audit.finished import Finished
from pellucid.audit.verdict import verdict
from pellucid.finding import Finding

METRIC = "average_precision"
SPREAD = np.random.default_rng(0).normal(0, 0.05, 40)


def made(values: Mapping[str, np.ndarray], higher: bool = True) -> tuple[Frame, Contest]:
    """One value a patient of each method; NaN where it has none."""
    rows = [
        Finding(f"c{i}", f"p{i}", "A", "true positive", method, METRIC, "", float(value), 0)
        for method, found in values.items()
        for i, value in enumerate(found)
    ]
    return Frame(finding.to_table(rows)), Contest("plausibility", METRIC, "", higher)


def said(finished: Path, values: Mapping[str, np.ndarray]) -> str:
    """The sentences on the first primary metric, of an audit with these values."""
    audit = Finished.open(finished)
    audit.__dict__["frame"] = made(values)[0]
    return " ".join(verdict(audit).results[0].sentences)


@pytest.mark.parametrize(
    ("level", "words"), [(0.8, "That is better than"), (0.3, "That cannot be told from"), (0.1, "That is worse than")]
)
def test_the_best_method_is_said_to_be_better_worse_or_not_told_from_the_baseline(
    level: float, words: str, finished: Path
) -> None:
    sentences = said(finished, {"oracle": level + SPREAD, "random": 0.3 + SPREAD[::-1]})
    assert f"{words} random, the best baseline" in sentences
    assert sentences.count("random") == 1


@pytest.mark.parametrize("higher", [True, False])
def test_a_difference_the_wrong_way_is_worse_and_nothing_else(higher: bool) -> None:
    sign = 1 if higher else -1
    frame, contest = made({"m": 0.1 * sign + SPREAD, "same": 0.3 * sign + SPREAD[::-1], "random": 0.3 * sign + SPREAD}, higher)
    found = {c.explainer: (c.better, c.worse) for c in against_baseline(frame, contest, ["m", "same", "random"], 0)}
    assert found == {"m": (False, True), "same": (False, False)}


def test_a_rival_that_does_better_where_both_were_measured_is_named(finished: Path) -> None:
    easy = np.arange(40) < 20
    picky, rival = np.where(easy, 0.6, np.nan) + SPREAD, np.where(easy, 0.8, 0.2) + SPREAD[::-1]
    frame, contest = made({"oracle": picky, "nothing": rival})
    (comparison,) = against_best(frame, contest, ["oracle", "nothing"], 0)
    assert (comparison.explainer, comparison.worse) == ("oracle", True)
    sentences = said(finished, {"oracle": picky, "nothing": rival})
    assert "oracle comes first" in sentences
    assert "Where both were measured, nothing did better." in sentences
    assert "better than every other" not in sentences
    assert "told apart" not in sentences
