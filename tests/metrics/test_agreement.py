"""Cohen's kappa of shown and marked units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plausibility_readings import reading, shown_as
from sklearn.metrics import cohen_kappa_score

from pellucid.metrics.agreement import Kappa
from pellucid.metrics.base import Undefined


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30).filter(lambda rows: any(t for _, t in rows)))
def test_kappa_is_that_of_scikit_learn(rows):
    shown, truth = (np.array(side, dtype=int) for side in zip(*rows, strict=True))
    if shown.all() and truth.all():
        with pytest.raises(Undefined, match="all units are shown"):
            Kappa()(shown_as(shown, truth))
    else:
        assert Kappa()(shown_as(shown, truth)) == pytest.approx(cohen_kappa_score(shown, truth), abs=1e-12)


def test_marks_that_are_each_others_complement_agree_less_than_chance():
    assert Kappa()(shown_as([1, 1, 0, 0], [0, 0, 1, 1])) == -1.0


def test_kappa_needs_a_threshold():
    with pytest.raises(Undefined, match="no threshold"):
        Kappa()(reading([1, 0], [1, 0]))
