"""Average precision and AUROC of the evidence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plausibility_readings import marked_scores, reading
from sklearn.metrics import average_precision_score, roc_auc_score

from pellucid.metrics.base import Undefined
from pellucid.metrics.ranking import Auroc, AveragePrecision


@given(marked_scores())
def test_average_precision_is_that_of_scikit_learn_with_ties_as_one_block(case):
    scores, truth = case
    assert AveragePrecision()(reading(scores, truth)) == pytest.approx(average_precision_score(truth, scores), abs=1e-12)


@given(marked_scores(least=2))
def test_auroc_is_that_of_scikit_learn(case):
    scores, truth = case
    if truth.all():
        truth[0] = False
    assert Auroc()(reading(scores, truth)) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


@given(marked_scores(), st.sampled_from([np.exp, np.cbrt, lambda s: 3 * s - 7, lambda s: s * 1e-12]))
def test_a_rescaling_that_preserves_the_ranking_leaves_both_alone(case, rescale):
    scores, truth = case
    before, after = reading(scores, truth), reading(rescale(scores), truth)
    assert AveragePrecision()(before) == AveragePrecision()(after)
    if not truth.all():
        assert Auroc()(before) == Auroc()(after)


@given(marked_scores(), st.randoms(use_true_random=False))
def test_the_order_in_which_tied_units_stand_does_not_matter(case, random):
    scores, truth = case
    order = np.array(random.sample(range(len(scores)), len(scores)))
    assert AveragePrecision()(reading(scores, truth)) == AveragePrecision()(reading(scores[order], truth[order]))


def test_a_constant_map_gets_chance_level():
    constant = reading([0.0] * 10, [1, 1] + [0] * 8)
    assert AveragePrecision()(constant) == pytest.approx(0.2)
    assert Auroc()(constant) == 0.5


def test_negative_scores_rank_by_their_value():
    against = reading([-1.0, -2.0, -3.0], [1, 0, 0])
    assert AveragePrecision()(against) == 1.0
    assert Auroc()(against) == 1.0


def test_a_single_marked_unit_has_perfect_precision_but_no_auroc():
    single = reading([0.3], [1])
    assert AveragePrecision()(single) == 1.0
    with pytest.raises(Undefined, match="every unit is evidence"):
        Auroc()(single)


@pytest.mark.parametrize("metric", [AveragePrecision(), Auroc()])
def test_what_cannot_be_ranked_is_refused_with_the_reason(metric):
    with pytest.raises(Undefined, match="the target has no evidence"):
        metric(reading([1.0, 0.0]))
    with pytest.raises(Undefined, match="covers no unit"):
        metric(reading([1.0, 0.0], [0, 0]))
    with pytest.raises(Undefined, match="not finite"):
        metric(reading([np.nan, 0.0], [1, 0]))
    with pytest.raises(Undefined, match="no units"):
        metric(reading([], [], text=""))
