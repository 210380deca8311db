"""A recipe of a mask network: everything that decides its training, as one value that travels as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from pellucid.errors import PellucidError
from pellucid.training.recipe import Precision, Schedule

Objective = Literal["nemt", "nem_u", "nem_u_text", "fastshap"]
Occluder = Literal["mean", "constant", "blur", "noise", "other"]
OBJECTIVES: tuple[Objective, ...] = ("nemt", "nem_u", "nem_u_text", "fastshap")
OCCLUDERS: tuple[Occluder, ...] = ("mean", "constant", "blur", "noise", "other")


@dataclass(frozen=True)
class MaskRecipe:
    """How to train a mask network for the frozen model of `start`. The defaults were found on phantom radiographs.

    Attributes:
        start: folder of the image model; it is not changed.
        objective: "nemt" (a mask for each target and area), "nem_u" (one mask of what decides the embedding; no labels are
            read), "nem_u_text" (a mask for each sentence, of models that read sentences; no labels are read) or "fastshap"
            (Shapley values on a grid; no labels are read).
        form: of nemt, "signed" (ours: the score falls without the evidence, and stands with it alone) or "published" (the
            squared change of the probability; one mask for the true label, not told the target). Of nem_u, "signed" measures
            distances in units of that between the image and nothing, "published" does not.
        taps: names of the model's parts that the network reads, of falling resolution; None for the last at each resolution.
        image: whether it reads the image itself too; it can then mark what the model does not see.
        width: channels behind its coarsest block, then halved; None for half those of the coarsest tap, 16 to 256.
        norm: "group", or "batch" as published.
        cells: maps with more cells along a side are not read (unless `taps` names them, or `image` is set).
        smooth: standard deviation of the blur of the logits; of the published form, width of the window in which masks are
            averaged; as a share of the longest side.
        surrogate: first teach a copy of the model to answer on images with parts removed as the model does on whole ones, and
            judge masks by that copy, which a mask cannot lead astray by its shape.
        surrogate_epochs, surrogate_learning_rate: passes over the training cases for that, and how fast it learns.
        budgets: smallest and largest area asked for in training; drawn log-uniformly for each image.
        occluders: what takes the place of removed parts, drawn anew for each image of each step.
        keep: weight of "the evidence alone restores the score".
        area: weight of what is marked beyond the area asked for.
        price: of every marked pixel (published nemt: of every removed one), so that no more is marked than the score needs;
            None for 3 (nemt, nem_u_text) and 1 (nem_u). Published: 1/2 (nemt) and 1/8 (nem_u).
        contrast: weight of the distance between what is kept and what is removed (nem_u).
        tv: weight of the total variation; `binary`: of values between 0 and 1, which rises over the run.
        absent: share of targets that the image does not show, for which nothing is to be marked; of nem_u_text, of images that
            are asked about the sentence of another. Of nemt, where images without any label make them a majority, they weigh
            together as much as the others.
        grid: cells along each axis (fastshap); `samples`: coalitions of an image and step, rounded up to pairs.
        epochs, batch_size, learning_rate, warmup, schedule, weight_decay, clip: as in
            :class:`pellucid.training.recipe.Recipe`.
        patience: stop after so many epochs without a smaller validation loss.
        guard: stop after so many steps in a row whose masks are nearly empty or nearly full.
        precision: "bf16" computes in half precision, "auto" does where a GPU supports it.
        seed: of first weights, order of cases, targets, areas and occluders.
    """

    start: str
    objective: Objective = "nemt"
    form: Literal["signed", "published"] = "signed"
    taps: tuple[str, ...] | None = None
    image: bool = False
    width: int | None = None
    norm: Literal["group", "batch"] = "group"
    cells: int = 64
    smooth: float = 0.018
    surrogate: bool = False
    surrogate_epochs: int = 5
    surrogate_learning_rate: float = 5e-4
    budgets: tuple[float, float] = (0.01, 0.5)
    occluders: tuple[Occluder, ...] = OCCLUDERS
    keep: float = 1.0
    area: float = 20.0
    price: float | None = None
    contrast: float = 0.25
    tv: float = 1.0
    binary: float = 0.5
    absent: float = 0.25
    grid: int = 8
    samples: int = 8
    epochs: int = 10
    batch_size: int = 8
    learning_rate: float = 2e-3
    warmup: float = 0.05
    schedule: Schedule = "linear"
    weight_decay: float = 0.01
    clip: float | None = 1.0
    patience: int = 5
    guard: int = 200
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        _demand("objective", self.objective, " or ".join(OBJECTIVES), lambda v: v in OBJECTIVES)
        _demand("form", self.form, "signed or published", lambda v: v in ("signed", "published"))
        _demand("norm", self.norm, "group or batch", lambda v: v in ("group", "batch"))
        _demand("schedule", self.schedule, "linear or constant", lambda v: v in ("linear", "constant"))
        _demand("precision", self.precision, "auto, fp32 or bf16", lambda v: v in ("auto", "fp32", "bf16"))
        _demand("occluders", self.occluders, f"some of {', '.join(OCCLUDERS)}", lambda v: v and set(v) <= set(OCCLUDERS))
        _demand("budgets", self.budgets, "two shares, the smaller first", lambda v: len(v) == 2 and 0 < v[0] <= v[1] <= 1)
        for name in ("width", "cells", "surrogate_epochs", "samples", "epochs", "batch_size", "patience", "guard"):
            _demand(name, getattr(self, name), "at least 1", lambda v: v >= 1)
        _demand("grid", self.grid, "at least 2", lambda v: v >= 2)
        for name in ("learning_rate", "surrogate_learning_rate", "clip"):
            _demand(name, getattr(self, name), "above 0", lambda v: 0 < v < math.inf)
        for name in ("keep", "area", "price", "contrast", "tv", "binary", "weight_decay", "seed"):
            _demand(name, getattr(self, name), "at least 0 and below 2^63", lambda v: 0 <= v < 2**63)
        for name in ("smooth", "warmup", "absent"):
            _demand(name, getattr(self, name), "at least 0 and below 1", lambda v: 0 <= v < 1)

        if self.objective == "nem_u_text" and (self.surrogate or self.form == "published"):
            raise PellucidError(
                "nem_u_text has no published form, and judges masks by the model itself, as a surrogate knows no sentences; "
                "leave form and surrogate out."
            )

    @property
    def cost(self) -> float:
        """The price, the recipe's own or the usual one."""
        usual = {"nem_u": 1.0}.get(self.objective, 3.0 if self.form == "signed" else 0.5)
        return usual if self.price is None else self.price

    @property
    def network(self) -> str:
        """The name under which the network is attached to the model, and of the explainer that asks it."""
        return "nemt2025" if self.objective == "nemt" and self.form == "published" else self.objective

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def chosen(self) -> dict[str, Any]:
        """The fields that differ from their defaults: what a recipe is, also after it was given new fields."""
        values = self.to_json()
        defaults = {f.name: list(f.default) if isinstance(f.default, tuple) else f.default for f in fields(self)}
        return {name: value for name, value in values.items() if value != defaults[name]}


def _demand(name: str, value: Any, allowed: str, holds: Callable[[Any], object]) -> None:
    if value is not None and not holds(value):
        raise PellucidError(f"The mask recipe's {name} is {value!r}; it must be {allowed}.")
