"""What is no finite number is null in JSON."""

from __future__ import annotations

import json
import math

from pellucid.jacobians.finite import finite


def test_what_is_no_finite_number_becomes_null_however_deep() -> None:
    given = {"a": (1.0, math.nan, [math.inf, {"b": -math.inf}]), "n": 3, "flag": True, "text": "nan"}
    made = finite(given)
    assert made == {"a": [1.0, None, [None, {"b": None}]], "n": 3, "flag": True, "text": "nan"}
    assert json.loads(json.dumps(made, allow_nan=False)) == made
