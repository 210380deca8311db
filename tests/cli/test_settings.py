"""`--set key=value` becomes the fields of a dataclass, by their types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from pellucid.cli.settings import options, parsed, required
from pellucid.errors import PellucidError


@dataclass(frozen=True)
class Inner:
    phrase: str
    rate: float = 1.0


@dataclass(frozen=True)
class Options:
    root: Path
    n: int = 1
    rate: float | None = None
    loud: bool = False
    level: Literal["full", "category"] = "full"
    codes: tuple[str, ...] | None = None
    kinds: Sequence[Literal["A", "B"]] = ("A",)
    tokens: tuple[int, int] = (1, 2)
    inner: Inner | None = None
    names: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("root=a b/c", Path("a b/c")),
        ("n=12", 12),
        ("rate=0.5", 0.5),
        ("rate=none", None),
        ("loud=Yes", True),
        ("loud=false", False),
        ("level=category", "category"),
        ("codes=I10, E11.9", ("I10", "E11.9")),
        ("codes=none", None),
        ("kinds=A,B", ("A", "B")),
        ("tokens=300,1200", (300, 1200)),
    ],
)
def test_a_value_gets_the_type_of_its_field(pair: str, value: object) -> None:
    assert parsed([pair], Options, "the test") == {pair.partition("=")[0]: value}


def test_fields_of_a_field_are_set_with_a_dot() -> None:
    found = parsed(["inner.phrase=Dictated = not read", "inner.rate=0.9"], Options, "the test")
    assert found == {"inner": Inner("Dictated = not read", 0.9)}


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("n", "has no '='"),
        ("nn=1", "did you mean 'n'"),
        ("zzz=1", "it has root, n, rate"),
        ("n=many", "it must be a whole number"),
        ("n=none", "it must be a whole number"),
        ("rate=x", "it must be a number"),
        ("rate=nan", "it must be a number"),
        ("rate=inf", "it must be a number"),
        ("loud=perhaps", "it must be true or false"),
        ("level=half", "one of full, category"),
        ("kinds=A,C", "one of A, B"),
        ("tokens=1", "2 values separated by commas"),
        ("inner=x", "only be set part by part"),
        ("n.x=1", "has no parts"),
        ("inner.rat=1", "did you mean 'rate'"),
        ("inner.rate=1", "needs phrase"),
    ],
)
def test_a_mistake_is_answered_with_what_would_be_right(pair: str, message: str) -> None:
    with pytest.raises(PellucidError, match=message):
        parsed([pair], Options, "the test")


def test_options_without_a_default_are_known() -> None:
    assert required(Options) == ["root"]
    assert options(Inner) == ["phrase", "rate"]
