"""Attribution: what an explainer says, one score a unit and target, with everything needed to read it later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Float
from safetensors import safe_open
from safetensors.numpy import save_file

from pellucid.errors import DataError
from pellucid.files import replacing
from pellucid.target import Target
from pellucid.units import FeatureUnits, PixelUnits, RegionUnits, SampleUnits, TextUnits, Units

AnyUnits = TextUnits | PixelUnits | RegionUnits | SampleUnits | FeatureUnits
"""All kinds of units that scores may be about."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """Scores of K targets over the U units of one case.

    Attributes:
        scores: one row a target. Where `signed`, positive speaks for the target and negative against it; else non-negative.
        units: what the columns are about.
        targets: what the rows explain.
        method: the explainer's registered name.
        signed: whether the method has a sign.
        settings: the explainer's parameters, JSON values.
        predictor: fingerprint of the model that was explained.
        case: id of the case.
        facts: what the method measured about itself, by name, one value a target (`completeness_gap`, `skipped`).
    """

    scores: Float[np.ndarray, "K U"]
    units: AnyUnits
    targets: tuple[Target, ...]
    method: str
    signed: bool
    settings: Mapping[str, Any]
    predictor: str
    case: str
    facts: Mapping[str, Float[np.ndarray, " K"]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = (len(self.targets), len(self.units))
        if self.scores.shape != expected:
            raise ValueError(f"scores of shape {self.scores.shape} do not fit {expected[0]} targets and {expected[1]} units")

    def project(self, units: AnyUnits) -> Attribution:
        """The same attribution over coarser units: scores of the units inside are summed."""
        return replace(self, scores=cast(Units, self.units).project(self.scores, units), units=units)

    def row(self, target: str) -> Float[np.ndarray, " U"]:
        """The scores of one target.

        Raises:
            DataError: the target was not explained.
        """
        names = [t.name for t in self.targets]
        if target not in names:
            raise DataError(f"{target!r} was not explained; explained are {', '.join(names)}.")
        return np.asarray(self.scores[names.index(target)])

    def save(self, path: Path, *, with_text: bool = True) -> None:
        """Write one safetensors file: scores, units and facts as tensors, the rest as JSON. The image itself is not in it.

        Args:
            with_text: keep the case's text in the file; without it the text must be given to :meth:`load`.
        """
        header = {
            "format": "pellucid.attribution/1",
            "kind": self.units.kind,
            **_as_header(self.units),
            "text": self.units.text if isinstance(self.units, TextUnits) and with_text else None,
            "targets": [[t.name, [list(term) for term in t.terms]] for t in self.targets],
            "method": self.method,
            "signed": self.signed,
            "settings": dict(self.settings),
            "predictor": self.predictor,
            "case": self.case,
        }
        tensors = {"scores": np.ascontiguousarray(self.scores), **_as_tensors(self.units)}
        tensors |= {f"facts.{name}": np.ascontiguousarray(values) for name, values in self.facts.items()}
        with replacing(path) as temporary:
            save_file(tensors, temporary, {"pellucid": json.dumps(header, ensure_ascii=False)})

    @classmethod
    def load(cls, path: Path, *, text: str | None = None) -> Attribution:
        """Read what :meth:`save` wrote.

        Raises:
            DataError: not such a file, or its text is needed and was not given.
        """
        try:
            with safe_open(path, framework="np") as file:
                header = json.loads(file.metadata()["pellucid"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        except Exception as error:
            raise DataError(f"{path} is not an attribution written by Pellucid ({error}); make it again.") from error
        body = header["text"] if text is None else text
        if body is None and "offsets" in tensors:
            raise DataError(f"{path} was saved without its text; give the text of case {header['case']}.")
        return cls(
            scores=tensors["scores"],
            units=_named(header) or _from_tensors(tensors, header["kind"], body),
            targets=tuple(Target(name, tuple((label, float(w)) for label, w in terms)) for name, terms in header["targets"]),
            method=header["method"],
            signed=header["signed"],
            settings=header["settings"],
            predictor=header["predictor"],
            case=header["case"],
            facts={name.removeprefix("facts."): v for name, v in tensors.items() if name.startswith("facts.")},
        )


def _as_header(units: AnyUnits) -> dict[str, Any]:
    """What units are made of that have names and no tensors: leads of a signal, features of a row."""
    if isinstance(units, SampleUnits):
        return {"samples": int(units.count), "leads": list(units.leads), "rate": float(units.rate)}
    return {"features": list(units.names)} if isinstance(units, FeatureUnits) else {}


def _named(header: Mapping[str, Any]) -> SampleUnits | FeatureUnits | None:
    if "leads" in header:
        return SampleUnits(header["samples"], tuple(header["leads"]), header["rate"])
    return FeatureUnits(tuple(header["features"])) if "features" in header else None


def _as_tensors(units: AnyUnits) -> dict[str, np.ndarray]:
    """What the units are made of: offsets into a text, the shape of an image, or the region of each pixel."""
    if isinstance(units, TextUnits):
        return {"offsets": np.ascontiguousarray(units.offsets)}
    if isinstance(units, SampleUnits | FeatureUnits):
        return {}
    if isinstance(units, PixelUnits):
        return {"shape": np.array(units.shape, dtype=np.int64)}
    return {"index": np.ascontiguousarray(units.index)}


def _from_tensors(tensors: Mapping[str, np.ndarray], kind: str, text: str | None) -> AnyUnits:
    if "offsets" in tensors:
        return TextUnits(cast(str, text), tensors["offsets"], cast(Any, kind))
    if "shape" in tensors:
        return PixelUnits.of(tuple(tensors["shape"].tolist()))
    return RegionUnits(tensors["index"], cast(Any, kind))
