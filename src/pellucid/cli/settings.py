"""`--set key=value`: text from the command line as the fields of a dataclass.

The types are read from the dataclass, so that an adapter or a recipe says once what its options are.
"""

from __future__ import annotations

import difflib
import math
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from pellucid.errors import PellucidError

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


_TYPES: dict[Any, tuple[Callable[[str], Any], str]] = {
    int: (int, "a whole number"),
    float: (_number, "a number"),
    bool: (lambda text: _WORDS[text.lower()], "true or false"),
    str: (str, "text"),
    Path: (Path, "a path"),
}


def parsed(pairs: Iterable[str], kind: type, what: str) -> dict[str, Any]:
    """The settings that `pairs` of "key=value" give for the dataclass `kind`.

    "none" stands for None where a field allows it; values of a list are separated by commas; fields of a field that is itself
    a dataclass are written `outer.inner=value`.

    Args:
        what: what is being set, for messages ("the data set codiesp").

    Raises:
        PellucidError: a pair has no "=", its key is no field, or its value is not what the field holds.
    """
    found: dict[str, Any] = {}
    inner: dict[str, list[str]] = {}
    hints = get_type_hints(kind)
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise PellucidError(f"--set {pair} has no '='; write --set key=value.")
        name, dot, rest = key.strip().partition(".")
        _check_known(name, kind, what)
        if dot:
            inner.setdefault(name, []).append(f"{rest}={value}")
        else:
            found[name] = _value(value.strip(), hints[name], f"{name} of {what}")
    for name, below in inner.items():
        found[name] = _nested(below, hints[name], f"{name} of {what}")
    return found


def options(kind: type) -> list[str]:
    """Names of the fields that can be set."""
    return [f.name for f in _fields(kind)]


def required(kind: type) -> list[str]:
    """Names of the fields that have no default."""
    return [f.name for f in _fields(kind) if f.default is MISSING and f.default_factory is MISSING]


def _fields(kind: type) -> tuple[Field[Any], ...]:
    return fields(cast(Any, kind))


def _check_known(name: str, kind: type, what: str) -> None:
    known = options(kind)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}."
        raise PellucidError(f"There is no option {name!r} of {what}; {hint}")


def _nested(pairs: list[str], hint: Any, what: str) -> Any:
    inner = next((a for a in _alternatives(hint) if is_dataclass(a)), None)
    if inner is None:
        raise PellucidError(f"The option {what} has no parts; write --set key=value without a dot.")
    kind = cast(type, inner)
    found = parsed(pairs, kind, what)
    missing = [name for name in required(kind) if name not in found]
    if missing:
        raise PellucidError(f"The option {what} needs {missing[0]}; add --set {what.split()[0]}.{missing[0]}=value.")
    return kind(**found)


def _alternatives(hint: Any) -> Sequence[Any]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _value(text: str, hint: Any, what: str) -> Any:
    kinds = _alternatives(hint)
    if types.NoneType in kinds and text.lower() == "none":
        return None
    kind = next(k for k in kinds if k is not types.NoneType)
    if get_origin(kind) is Literal:
        return _one_of(text, get_args(kind), what)
    if get_origin(kind) is not None:  # tuple[T, ...] or Sequence[T]
        inner = get_args(kind)
        if len(inner) > 1 and inner[1] is not Ellipsis:
            return _fixed(text, inner, what)
        return tuple(_value(part.strip(), inner[0], what) for part in text.split(",") if part.strip())
    if kind not in _TYPES:
        raise PellucidError(f"The option {what} can only be set part by part: --set {what.split()[0]}.part=value.")
    convert, words = _TYPES[kind]
    try:
        return convert(text)
    except (ValueError, KeyError):
        raise PellucidError(f"The option {what} is {text!r}; it must be {words}.") from None


def _fixed(text: str, kinds: Sequence[Any], what: str) -> tuple[Any, ...]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != len(kinds):
        raise PellucidError(f"The option {what} is {text!r}; it must be {len(kinds)} values separated by commas.")
    return tuple(_value(part, kind, what) for part, kind in zip(parts, kinds, strict=True))


def _one_of(text: str, allowed: Sequence[Any], what: str) -> Any:
    chosen = next((a for a in allowed if str(a) == text), None)
    if chosen is None:
        raise PellucidError(f"The option {what} is {text!r}; it must be one of {', '.join(map(str, allowed))}.")
    return chosen
