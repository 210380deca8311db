"""Proofs that every explainer and every metric must pass; run them on your own.

    from pellucid.testing import check_explainer, check_metric

    def test_my_method():
        check_explainer(MyMethod(), predictor, cases)

Each check reads the facts that the method states about itself (signed, stochastic, complete, range) and holds it to them. A
failed check raises `AssertionError` with one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from pellucid.attribution import Attribution
from pellucid.case import Case
from pellucid.explainers.base import Explainer
from pellucid.metrics.base import Metric, Reading, Undefined
from pellucid.predictor import Predictor
from pellucid.target import Target


def check_explainer(
    explainer: Explainer,
    predictor: Predictor,
    cases: Sequence[Case],
    targets: Sequence[Target] | None = None,
    *,
    atol: float = 1e-9,
) -> None:
    """Hold an explainer to its contract on a predictor and at least two cases of different length.

    Args:
        targets: what to explain; the predictor's first three labels if None.
        atol: allowed difference of scores, in units of the largest score of the case.

    Raises:
        AssertionError: a promise is broken.
    """
    chosen = [Target.label(label) for label in predictor.labels[:3]] if targets is None else list(targets)
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    together = explainer(predictor, predictor.encode(cases), chosen)
    _check_shape(explainer, predictor, cases, together)
    _check_signs(explainer, together)
    _check_completeness(explainer, predictor, cases, together, atol)
    again = explainer(predictor, predictor.encode(cases), chosen)
    _same(together, again, 0.0, f"{explainer.name} gives other scores when called again")
    alone = [explainer(predictor, predictor.encode([case]), chosen)[0] for case in cases]
    _same(together, alone, atol, f"{explainer.name} gives other scores when batch mates change")
    single = [a for t in chosen for a in explainer(predictor, predictor.encode(cases[:1]), [t])]
    joined = replace(together[0], scores=np.concatenate([a.scores for a in single]), facts={})
    _same(
        [replace(together[0], facts={})],
        [joined],
        atol,
        f"{explainer.name} gives other scores when fewer targets are explained",
    )
    assert torch.equal(torch_state, torch.random.get_rng_state()), f"{explainer.name} draws from torch's global generator"
    assert np.array_equal(numpy_state, np.random.get_state()[1]), f"{explainer.name} draws from numpy's global generator"  # type: ignore[index]  # noqa: NPY002


def check_metric(metric: Metric, readings: Sequence[Reading]) -> None:
    """Hold a metric to its contract on readings that meet its needs.

    Raises:
        AssertionError: a promise is broken.
    """
    low, high = metric.range
    for reading in readings:
        before = reading.scores.copy()
        value = _value(metric, reading)
        assert np.array_equal(before, reading.scores), f"{metric.name} changes the scores that it is given"
        assert value is None or low - 1e-12 <= value <= high + 1e-12, f"{metric.name} gives {value}, outside [{low}, {high}]"
        assert value == _value(metric, reading), f"{metric.name} gives another value when called again"
        for factor in (1e-9, 1e9):
            scaled = _value(metric, replace(reading, scores=reading.scores * factor))
            agree = scaled is None if value is None else scaled is not None and np.isclose(value, scaled, rtol=1e-6, atol=1e-9)
            assert agree, f"{metric.name} changes from {value} to {scaled} when all scores are multiplied by {factor}"


def _value(metric: Metric, reading: Reading) -> float | None:
    value: float | None
    try:
        value = metric(reading)
    except Undefined as refusal:
        reason = str(refusal)
        value = None
    else:
        reason = "none needed"
    assert reason, f"{metric.name} refuses without a reason"
    assert value is None or isinstance(value, float), f"{metric.name} returns {type(value).__name__}, not float"
    return value


def _check_shape(explainer: Explainer, predictor: Predictor, cases: Sequence[Case], found: Sequence[Attribution]) -> None:
    assert len(found) == len(cases), f"{explainer.name} gives {len(found)} attributions for {len(cases)} cases"
    for case, units, attribution in zip(cases, predictor.encode(cases).units, found, strict=True):
        assert attribution.case == case.id, f"{explainer.name} names the wrong case"
        assert attribution.method == explainer.name, f"{explainer.name} names itself {attribution.method}"
        assert len(attribution.units) == len(units), f"{explainer.name} gives scores over other units than the finest"
        assert attribution.predictor == predictor.fingerprint, f"{explainer.name} names another predictor"
        assert np.isfinite(attribution.scores).all(), f"{explainer.name} gives scores that are not numbers"


def _check_signs(explainer: Explainer, found: Sequence[Attribution]) -> None:
    if not explainer.signed:
        assert all((a.scores >= 0).all() for a in found), f"{explainer.name} is not signed but gives negative scores"


def _check_completeness(
    explainer: Explainer, predictor: Predictor, cases: Sequence[Case], found: Sequence[Attribution], atol: float
) -> None:
    if not explainer.complete:
        return
    for case, attribution in zip(cases, found, strict=True):
        batch = predictor.encode([case])
        with torch.no_grad():
            change = predictor.scores(predictor.features(batch), batch, attribution.targets)
            change = change - predictor.scores(predictor.reference(batch), batch, attribution.targets)
        missing = change[0].double().cpu().numpy() - attribution.scores.sum(1) - attribution.facts["completeness_gap"]
        scale = 1 + np.abs(attribution.scores).sum(1)
        assert (np.abs(missing) <= atol * scale).all(), f"{explainer.name} does not add up to f(x) - f(x')"


def _same(a: Sequence[Attribution], b: Sequence[Attribution], atol: float, message: str) -> None:
    for one, other in zip(a, b, strict=True):
        scale = np.abs(one.scores).max(initial=0.0)
        assert np.allclose(one.scores, other.scores, rtol=0, atol=atol * scale), message
