"""Whether a map stays is asked only of maps that other sentences move, by more than rounding does."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import finding
from pellucid.alignment import AlignmentPlan
from pellucid.alignment.answers import Answers
from pellucid.alignment.maps import jensen_shannon
from pellucid.alignment.passing import Rule, outcome
from pellucid.finding import Finding

EVEN = np.full(400, 1 / 400)
SIGN = np.where(np.arange(400) % 2, 1, -1)


def apart(change: float) -> float:
    """The divergence of an even map that changes by this share of its length."""
    return jensen_shannon(EVEN, EVEN * (1 + change * SIGN))


def answers(stays: float, random: float, count: int = 4) -> Answers:
    """Sentences whose map diverges so much under a paraphrase, and so much for a random sentence."""
    facts = [
        {
            "excluded": "", "case": f"c{i}", "patient": f"p{i}", "diversity": None,
            "sentences": [{"target": "s0", "placed": True, "stratum": "", "abnormal": True, "one lung": False}],
        }
        for i in range(count)
    ]  # fmt: skip
    found = [
        Finding(f"c{i}", f"p{i}", "s0", "", "m", "js", setting, value, 0)
        for i in range(count)
        for setting, value in (("paraphrase", stays), ("random_sentence", random))
    ]
    return Answers(finding.to_table(found), facts)


def rate(stays: float, random: float) -> float:
    found = outcome(answers(stays, random), AlignmentPlan(), Rule("paraphrase", "invariance", "map"), "m")
    return float(found.passed.mean())


@pytest.mark.parametrize("scale", [0.011, 0.1, 0.5])
def test_a_map_that_listens_passes_where_it_drifts_by_less_than_half_of_what_is_usual(scale: float) -> None:
    usual = apart(scale)
    assert (rate(0.4 * usual, usual), rate(0.6 * usual, usual)) == (1.0, 0.0)


@pytest.mark.parametrize("change", [0.0, 1e-7, 1e-4, 0.009])
@pytest.mark.parametrize("share", [0.1, 3.0])
def test_a_map_that_random_sentences_move_by_less_than_1_percent_has_no_rate(change: float, share: float) -> None:
    """Divergences of that size are rounding, or next to it: their ratio would be anything."""
    assert np.isnan(rate(share * apart(change), apart(change)))
