"""Rows of the tables: a variant, what the paper says of it, and what knows nothing of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from pellucid.alignment.answers import ABNORMAL, DIVERSE, ONE_LUNG
from pellucid.alignment.findings import AUROC, SWAP
from pellucid.alignment.passing import Rule
from pellucid.crossed import NAN, Estimate
from pellucid.studies.alignment.gathering import Found, Rows, headline
from pellucid.studies.alignment.published import PUBLISHED, RELEASED, SAID, Published
from pellucid.studies.alignment.study import BASELINES

SYNTHETIC, SYNTHETIC_SWAPPED, DERANGED = "synthetic", "synthetic_swapped", "derangement"
TURNS = Rule(SWAP, "mirror", "map")
"""Directed laterality: the map leans to the named side, and turns with it."""

Row = tuple[tuple[str, ...], tuple[Estimate, ...]]
Figures = Callable[[str, str], tuple[Estimate, ...]]
"""Of a variant and a map."""


def beside(found: Found, figures: Figures, said: Callable[[Published], Sequence[float]]) -> Iterator[Row]:
    """The row of each variant, and below it that of the paper, as shares."""
    for name in found.study.variants:
        yield (name, headline(name)), figures(name, headline(name))
        if name in PUBLISHED:
            yield _as_published(name, said)
    yield _as_published(RELEASED, said)


def baselines(found: Found, figures: Figures) -> Iterator[Row]:
    """What knows nothing of the model, from the audits of any variant."""
    for method in BASELINES:
        row = figures(found.study.variants[0], method)
        if any(figure.n for figure in row):
            yield ("–", method), row


def change(found: Found, variant: str, method: str, setting: str, subset: str) -> Rows:
    """By how much AUROC rises under a perturbation. What a synthetic sentence is turned into is held against that sentence."""
    base = found.values(variant, method, AUROC, SYNTHETIC if setting == SYNTHETIC_SWAPPED else "")
    return found.within(found.values(variant, method, AUROC, setting) - base, subset)


def subset_of(setting: str) -> str:
    """The sentences on which the paper shows a perturbation."""
    return {SWAP: ONE_LUNG, DERANGED: DIVERSE}.get(setting, ABNORMAL)


def _as_published(name: str, said: Callable[[Published], Sequence[float]]) -> Row:
    nothing = Estimate(NAN, NAN, NAN, NAN, NAN, NAN, 0, 0, 0)
    return (name + SAID, "–"), tuple(replace(nothing, value=value / 100) for value in said(PUBLISHED[name]))
