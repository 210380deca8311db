"""All that the Jacobian of a model says of one case, gathered part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid import registry
from pellucid._version import __version__
from pellucid.attribution import Attribution
from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.files import digest
from pellucid.jacobians import Function, Jacobian, of_model
from pellucid.jacobians.certificates.gathering import Certified
from pellucid.jacobians.directions import DirectionTable, ExplainedShare, RegionShares
from pellucid.jacobians.noise import ErrorBars
from pellucid.jacobians.reliability import Reliability
from pellucid.jacobians.spectrum import Spectrum
from pellucid.pbx import parts
from pellucid.pbx.settings import PbxSettings
from pellucid.predictor import Batch, Predictor, predicted
from pellucid.target import Target

MANY = 32
"""Labels from which on only those that are explained are outputs, unless labels exclude each other."""

Tell = Callable[[str, int, int], None]
"""Told which part is begun, and how many of how many are done."""


@dataclass(frozen=True, eq=False)
class PbxReading:
    """What the Jacobian of a model says of one case. A part that is None says why in `absent`, under its own name.

    Attributes:
        function: what was differentiated, and where.
        probabilities: of all labels, most probable first.
        assigned: labels that the model predicts.
        labels: those that are explained, most probable first.
        logits: of the outputs of the function; float64.
        maps: the row of the Jacobian of each explained label, over the units of the case (channels summed; of a text lengths).
        rivals: the same of the label less the best other one.
        sensitivity: to each number of the input, of all outputs together.
        table: what one step of each named direction does.
        shares: how much of the sensitivity those directions hold.
        regions: how much of it lies in each structure, and outside all.
        reliability: how far it may be believed.
        error_bars: what noise of the input does.
        spectrum, visible: the most sensitive patterns of all, and of the smooth ones.
        certificates: how far decisions about the explained labels stand.
        absent: why a part is missing.
        about: what makes the reading reproducible; JSON values.
        notes: what a reader must know first.
    """

    function: Function
    probabilities: Mapping[str, float]
    assigned: tuple[str, ...]
    labels: tuple[str, ...]
    logits: Float[np.ndarray, " m"]
    maps: Attribution
    rivals: Attribution | None = None
    sensitivity: Float[Tensor, "*S"] | None = None
    table: DirectionTable | None = None
    shares: ExplainedShare | None = None
    regions: RegionShares | None = None
    reliability: Reliability | None = None
    error_bars: ErrorBars | None = None
    spectrum: Spectrum | None = None
    visible: Spectrum | None = None
    certificates: Certified | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def case(self) -> str:
        """Its id."""
        return self.maps.case

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label is true."""
        return self.function.exclusive

    @property
    def columns(self) -> list[int]:
        """The output of each explained label."""
        return [self.function.outputs.index(label) for label in self.labels]


def read(
    predictor: Predictor,
    case: Case,
    labels: Sequence[str] | None = None,
    settings: PbxSettings | None = None,
    tell: Tell = lambda part, done, total: None,
) -> PbxReading:
    """Ask the Jacobian of a model at one case all that people want to know of it.

    Cost: with the usual settings some 400 passes of the network for its reliability, one a named direction, and up to 100 a
    decision for the attack.

    Args:
        labels: what to explain; None for every predicted label, or the most probable one where none is.
        tell: is told of the progress.

    Raises:
        DataError: the model cannot read the case.
        PellucidError: the model does not know a label, or has no Jacobian at this input.
    """
    settings = settings or PbxSettings()
    batch = predictor.encode([case])
    given = predictor.probabilities(batch)[0]
    ranked = dict(sorted(zip(predictor.labels, given.tolist(), strict=True), key=lambda item: -item[1]))
    assigned = tuple(np.array(predictor.labels)[predicted(predictor, given)].tolist())
    chosen, notes = _chosen(ranked, assigned, labels)
    function = of_model(predictor, case, output="logits" if _whole(predictor) else chosen)
    jacobian = Jacobian(function)
    found, absent = _gathered(_finders(jacobian, batch, chosen, settings), tell)
    return PbxReading(
        function, ranked, assigned, tuple(chosen), jacobian.value.double().cpu().numpy(), _maps("pbx", function, batch, chosen),
        absent=absent, about=_about(jacobian, settings, found), notes=(*notes, *jacobian.notes), **found,
    )  # fmt: skip


def _chosen(
    ranked: Mapping[str, float], assigned: Sequence[str], labels: Sequence[str] | None
) -> tuple[list[str], tuple[str, ...]]:
    if labels:
        unknown = [label for label in labels if label not in ranked]
        if unknown:
            raise PellucidError(f"The model does not know the label {unknown[0]!r}; it knows {', '.join(list(ranked)[:5])} ...")
        return [label for label in ranked if label in labels], ()
    if assigned:
        return [label for label in ranked if label in assigned], ()
    return list(ranked)[:1], ("The model predicts no label here; the most probable one is explained.",)


def _whole(predictor: Predictor) -> bool:
    """Whether all logits are outputs: probabilities of labels that exclude each other need all of them."""
    return bool(getattr(predictor, "exclusive", False)) or len(predictor.labels) <= MANY


def _finders(
    jacobian: Jacobian, batch: Batch, labels: Sequence[str], settings: PbxSettings
) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """How each part is found, given those before it."""
    function = jacobian.function
    return {
        "table": lambda _: parts.table(jacobian, settings),
        "shares": lambda before: parts.shares(jacobian, before.get("table")),
        "regions": lambda _: parts.regions(jacobian),
        "sensitivity": lambda _: jacobian.sensitivity(),
        "rivals": lambda _: _rivals(function, batch, labels),
        "reliability": lambda _: jacobian.reliability(settings.seed),
        "error_bars": lambda _: parts.error_bars(jacobian, settings),
        "spectrum": lambda _: parts.spectrum(jacobian, settings),
        "visible": lambda _: parts.visible(jacobian, settings),
        "certificates": lambda _: parts.certified(function, labels, settings),
    }


def _gathered(finders: Mapping[str, Callable[[Mapping[str, Any]], Any]], tell: Tell) -> tuple[dict[str, Any], dict[str, str]]:
    found: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for done, (name, find) in enumerate(finders.items()):
        tell(name, done, len(finders))
        try:
            found[name] = find(found)
        except PellucidError as error:
            absent[name] = str(error)
    tell("", len(finders), len(finders))
    return found, absent


def _maps(method: str, function: Function, batch: Batch, labels: Sequence[str]) -> Attribution:
    explain = registry.explainers.create(method)
    made: Attribution = explain(function.predictor, batch, [Target.label(label) for label in labels])[0]
    return made


def _rivals(function: Function, batch: Batch, labels: Sequence[str]) -> Attribution:
    if function.predictor is None or len(function.predictor.labels) < 2:
        raise PellucidError("The model has one label, which has no rival.")
    return _maps("logit_difference", function, batch, labels)


def _about(jacobian: Jacobian, settings: PbxSettings, found: Mapping[str, Any]) -> dict[str, Any]:
    function, reliability = jacobian.function, found.get("reliability")
    at = function.at.detach().cpu().contiguous()
    return {
        "model": "" if function.predictor is None else function.predictor.fingerprint,
        "input": digest(str(tuple(at.shape)), str(at.dtype), at.numpy().tobytes()),
        "shape": list(jacobian.shape),
        "dtype": str(at.dtype).removeprefix("torch."),
        "mode": jacobian.mode,
        "output": function.output,
        "settings": asdict(settings),
        "versions": {"pellucid": __version__, "torch": str(torch.__version__)},
        "self-tests": {
            "adjoint gap": None if reliability is None else reliability.adjoint_gap,
            "float32 against float64": None if reliability is None else reliability.precision_gap,
        },
    }
