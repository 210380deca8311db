"""The checks that need nothing but the data set and the model: run once beside an audit, and kept with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

from pellucid.alignment.checks import Inapplicable, Verdict, checked_cases, checked_model
from pellucid.alignment.sentences import readable
from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.files import read_json, write_json
from pellucid.predictor import Predictor

FORMAT = "pellucid.alignment.checks/1"
CHECKS = "checks.json"
SHOWN = 8
"""Cases that the model is checked with."""


def checked(model: Predictor, cases: Sequence[Case], out: Path) -> list[Verdict]:
    """What the checks say of the sentences of some cases and of a model; looked for only once in a folder.

    Cases that cannot be read are left out; the audit counts them.
    """
    path = out / CHECKS
    if not path.exists():
        asked = [case for case in map(_with_words, cases) if case.sentences]
        found = checked_cases(_readable(asked, lambda case: case.picture))
        found += _of_model(model, list(islice(_readable(asked, lambda case: model.encode([case])), SHOWN)))
        write_json(path, {"format": FORMAT, "checks": [asdict(one) for one in found]})
    return read(out)


def read(out: Path) -> list[Verdict]:
    """What :func:`checked` kept.

    Raises:
        DataError: there is nothing, or it was written by another version.
    """
    kept = read_json(out / CHECKS)
    if not isinstance(kept, dict) or kept.get("format") != FORMAT:
        raise DataError(f"{out / CHECKS} was written by another version of Pellucid; delete it, and run the audit again.")
    return [Verdict(**one) for one in kept["checks"]]


def _of_model(model: Predictor, cases: Sequence[Case]) -> list[Verdict]:
    """Nothing where no case can be read, or where all pairs have one score and nothing could be ranked."""
    try:
        return checked_model(model, cases) if cases else []
    except Inapplicable:
        return []


def _with_words(case: Case) -> Case:
    return replace(case, sentences=tuple(phrase for phrase in case.sentences if readable(phrase.text)))


def _readable(cases: Iterable[Case], look: Callable[[Case], object]) -> Iterator[Case]:
    for case in cases:
        try:
            look(case)
        except DataError:
            continue
        yield case
