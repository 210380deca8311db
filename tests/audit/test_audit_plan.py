from __future__ import annotations

import json

import pytest

from pellucid.audit import Plan
from pellucid.errors import PellucidError


def test_plan_survives_json() -> None:
    plan = Plan(explainers=("random",), metrics=("auroc",), fillers=("delete",), cases=7, max_targets=2, seed=3)
    back = Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert back == plan
    assert back.digest == plan.digest


def test_plans_that_do_other_things_have_other_digests() -> None:
    plan = Plan(explainers=("random", "uniform"), metrics=("auroc",))
    others = [
        Plan(explainers=("uniform", "random"), metrics=("auroc",)),
        Plan(explainers=("random", "uniform"), metrics=("auroc",), seed=1),
        Plan(explainers=("random", "uniform"), metrics=("auroc",), fillers=("mask",)),
    ]
    assert len({plan.digest, *(p.digest for p in others)}) == 4


def test_plan_holds_every_registered_name_by_default() -> None:
    assert {"average_precision", "comprehensiveness"} <= set(Plan().metrics)
    assert {"random", "uniform", "prior"} <= set(Plan().explainers)


def test_names_given_twice_count_once() -> None:
    assert Plan(explainers=("random", "random"), metrics=("auroc",)).explainers == ("random",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("split", "tset"),
        ("unit", "page"),
        ("scale", "odds"),
        ("grid", "dense"),
        ("random_texts", 0),
        ("fillers", ("blur",)),
        ("metrics", ()),
        ("cases", 0),
        ("draws", -1),
        ("seed", -1),
        ("candidates", -1),
    ],
)
def test_impossible_plans_are_refused_by_field(field: str, value: object) -> None:
    with pytest.raises(PellucidError, match=field.rstrip("s")):
        Plan(**{field: value})


def test_unknown_field_is_named() -> None:
    with pytest.raises(PellucidError, match="'metric'"):
        Plan.from_json({"metric": ["auroc"]})


def test_costly_and_merely_released_methods_must_be_asked_for():
    usual = Plan().explainers
    assert {"attingrad", "attention", "gim", "integrated_gradients", "random"} <= set(usual)
    assert not {"kernel_shap_word", "lime_word", "released_rollout"} & set(usual)
