"""May it be said that a method shows where people look? Not if what knows nothing of the model does as well.

The figure that decides is the information gain over the usual gaze, each map under the blur that suits it best, so that neither
knowing where chests are looked at nor being smooth is enough. A claim needs a method to be better than every control, and the
usual ones to be there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from pellucid.audit.comparing import Comparison, Contest, compare
from pellucid.audit.finished import Finished
from pellucid.audit.gazing import BLURRED
from pellucid.audit.looking import USUAL
from pellucid.audit.wording import listed

DECIDES = "gaze_information_gain"
CENTRE = "centre_prior"
NEEDED = ("random", "uniform", CENTRE, "lungs")
"""The controls that a plan must ask for before anything is claimed; where nobody drew lungs, that one is left out by itself."""


@dataclass(frozen=True)
class Claim:
    """What may be said of a method.

    Attributes:
        holds: it is better than every control.
        as_good: controls that it is not shown to be better than.
        comparisons: the method against every control.
    """

    method: str
    holds: bool
    as_good: tuple[str, ...]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class Claims:
    """What may be said of every method, or why nothing may.

    Attributes:
        refused: why no claim is made at all; empty otherwise.
    """

    claims: tuple[Claim, ...]
    refused: str = ""

    @property
    def held(self) -> list[str]:
        """The methods of which it may be said."""
        return [claim.method for claim in self.claims if claim.holds]


def claims(audit: Finished) -> Claims | None:
    """Judge every method; None where no gaze was measured."""
    gaze = {name for name, metric in audit.metrics.items() if "gaze" in metric.needs}
    if not any(metric in gaze for _, metric, _ in audit.frame.addresses()):
        return None
    controls = list(_controls(audit))
    if refused := _refused(audit, controls):
        return Claims((), refused)
    pairs = [(method, control) for method in audit.methods for control in controls]
    found = compare(audit.frame, Contest("plausibility", DECIDES, BLURRED, higher=True), pairs, audit.plan.seed)
    return Claims(tuple(_claim(method, [c for c in found if c.explainer == method]) for method in audit.methods))


def _refused(audit: Finished, controls: Sequence[str]) -> str:
    """Why nothing can be claimed of any method; empty where something can."""
    if DECIDES not in audit.metrics:
        return f"{DECIDES} is not among the metrics of the plan"
    if not audit.thresholds.get("blurs"):
        return "gaze is not known at training images, for the usual gaze, and at validation images, for the blurs"
    return lacking(audit.plan.explainers, controls)


def lacking(planned: Sequence[str], measured: Collection[str]) -> str:
    """Which controls a plan lacks, or that the one always needed has no figure, as a clause; empty where all is there."""
    missing = [name for name in NEEDED if name not in planned]
    if missing:
        return f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} not in the plan; audit them too"
    return "" if CENTRE in measured else f"{CENTRE} has no figure, and nothing may be claimed without it"


def _controls(audit: Finished) -> Iterator[str]:
    """What knows nothing of the model and has a figure: the baselines that were audited, and the usual gaze."""
    for name in (USUAL, *audit.baselines):
        if audit.frame.interval(name, DECIDES, BLURRED, 1, 0).n:
            yield name


def _claim(method: str, comparisons: list[Comparison]) -> Claim:
    as_good = tuple(c.against for c in comparisons if not c.better)
    return Claim(method, bool(comparisons) and not as_good, as_good, tuple(comparisons))
