"""What is differentiated: a model at one case, as a map from what it reads to what it says.

The map takes many versions of one input at once and gives the outputs of each. Whatever a caller asks of it (rows of the
Jacobian, a spectrum, a table of directions) is asked of this one value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.predictor import (
    Batch,
    Embeddings,
    Measured,
    MeasuredInputs,
    Network,
    Predictor,
    missing_capabilities,
    modality_of,
    require,
)
from pellucid.target import Target

Outputs = Literal["logits", "probabilities", "margins", "embedding"]
DEVIATION = "standard deviation of the training cases"
"""One step of a number of a row, in words, where :attr:`Function.deviations` are known."""
Map = Callable[[Float[Tensor, "N *S"]], Float[Tensor, "N m"]]


@dataclass(frozen=True, eq=False)
class Function:
    """A differentiable map of one case.

    Attributes:
        call: takes N versions of the input to N rows of outputs; each row depends on its own version alone.
        at: the input of the case, where derivatives are taken.
        outputs: the name of each output.
        output: what kind of outputs these are, in a word ("logits").
        unit: of the input, in words ("shade", "mV"); of each feature of a row, where they have several.
        modality: what the model reads; "array" for a function of which no more is known.
        predictor, case: whose map it is; None for a function of which no more is known.
        module: the network whose layers can be watched (:mod:`pellucid.jacobians.layerwise`); None where there is none.
        notes: what a reader should know before believing the derivative.
        enter: from versions of the input to the predictor's features, where there is a predictor.
    """

    call: Map
    at: Float[Tensor, "*S"]
    outputs: tuple[str, ...]
    output: str = "outputs"
    unit: str | tuple[str, ...] = ""
    modality: str = "array"
    predictor: Predictor | None = None
    case: Case | None = None
    module: nn.Module | None = None
    notes: tuple[str, ...] = field(default=())
    enter: Map = field(default=lambda versions: versions)

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n): outputs, and numbers of the input."""
        return len(self.outputs), self.at.numel()

    @property
    def deviations(self) -> Float[Tensor, "*S"] | None:
        """By how much the training cases differed in each number, where numbers have units of their own; None where unknown."""
        known = getattr(self.predictor, "std", None) if isinstance(self.unit, tuple) else None
        return None if known is None else torch.as_tensor(known, dtype=self.at.dtype).to(self.at).reshape(self.at.shape)

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label is true, as far as the model says so."""
        return bool(getattr(self.predictor, "exclusive", False))

    def __call__(self, versions: Float[Tensor, "N *S"]) -> Float[Tensor, "N m"]:
        """Outputs of every version."""
        return self.call(versions)

    @torch.no_grad()
    def value(self, versions: Float[Tensor, "N *S"] | None = None) -> Float[Tensor, "N m"]:
        """Outputs without a graph; of the case itself where no versions are given."""
        return self.call(self.at[None] if versions is None else versions).detach()


def of_model(predictor: Predictor, case: Case, *, output: Outputs | Sequence[Target | str] = "logits") -> Function:
    """A predictor at one case.

    The input is in units that a person knows where the predictor has them (shades of an image, millivolts, what was measured:
    capability `measured_inputs`), else the predictor's features (embeddings of a text).

    Args:
        output: "logits" of all labels; their "probabilities"; "margins", what is left until the decision changes (of labels
            that exclude each other the logit of the most probable one less that of each other; else each logit less that of
            the threshold); the "embedding" before the last linear layer; or targets (labels, or contrasts of two).

    Raises:
        CapabilityError: the predictor has no embedding.
        PellucidError: a target names a label that the model does not know, or margins are asked of a model whose threshold is
            not between 0 and 1.
    """
    copies = Copies(predictor, case)
    read, made = _read(predictor, copies(1)), _outputs(predictor, copies, output)
    return Function(
        call=lambda versions: made.of(read.enter(versions)),
        at=read.values.detach(),
        outputs=made.names,
        output=made.kind,
        unit=read.unit,
        modality=modality_of(predictor),
        predictor=predictor,
        case=case,
        module=getattr(predictor, "module", None),
        enter=read.enter,
    )


def of_module(module: nn.Module, at: Float[Tensor, "*S"], outputs: Sequence[str] | None = None) -> Function:
    """A network of PyTorch at one input, without its batch axis. What it gives of each is flattened.

    Raises:
        PellucidError: the network is in training mode.
    """
    trained = [name or "the network" for name, part in module.named_modules() if part.training]
    if trained:
        raise PellucidError(
            f"The network is in training mode ({trained[0]} is), where outputs depend on chance or other cases; call .eval()."
        )
    return of_callable(lambda versions: module(versions).flatten(1), at, outputs, module=module)


def of_callable(
    call: Map, at: Float[Tensor, "*S"], outputs: Sequence[str] | None = None, module: nn.Module | None = None
) -> Function:
    """Any map of N versions of an input to N x m outputs."""
    names = tuple(outputs) if outputs is not None else tuple(map(str, range(_width(call, at))))
    return Function(call, at, names, module=module)


@torch.no_grad()
def _width(call: Map, at: Tensor) -> int:
    """How many outputs there are; 1 for integers, which are refused later with the reason."""
    return call(at[None])[0].numel() if at.is_floating_point() else 1


class Copies:
    """Batches of N times one case, made when they are asked for; that of one is kept, and the last of several.

    Args:
        predictor: encodes them.
    """

    def __init__(self, predictor: Predictor, case: Case) -> None:
        self.predictor, self.case = predictor, case
        self.made = {1: predictor.encode([case])}

    def __call__(self, count: int) -> Batch:
        """The batch of so many."""
        if count not in self.made:
            self.made = {1: self.made[1], count: self.predictor.encode([self.case] * count)}
        return self.made[count]

    def scores(self, features: Float[Tensor, "N L d"], targets: Sequence[Target]) -> Float[Tensor, "N K"]:
        """What the predictor says of N versions of the case."""
        return self.predictor.scores(features, self(len(features)), targets)


def _read(predictor: Predictor, batch: Batch) -> Measured:
    """What the model reads of the case, in units that a person knows where it has them; else its features."""
    if missing_capabilities(predictor, ("measured_inputs",)):
        return Measured(predictor.features(batch)[0], lambda features: features, "embedding")
    return cast(MeasuredInputs, predictor).measured(batch, 0)


@dataclass(frozen=True, eq=False)
class _Made:
    of: Callable[[Tensor], Tensor]
    names: tuple[str, ...]
    kind: str


def _outputs(predictor: Predictor, copies: Copies, output: Outputs | Sequence[Target | str]) -> _Made:
    labels = [Target.label(label) for label in predictor.labels]
    if output == "logits":
        return _of_targets(copies, labels, "logits")
    if output == "probabilities":
        return _probabilities(predictor, copies, labels)
    if output == "margins":
        return _margins(predictor, copies, labels)
    if output == "embedding":
        return _embedding(predictor, copies(1))
    if isinstance(output, str):
        raise PellucidError(
            f"There are no outputs {output!r}; use logits, probabilities, margins, embedding, or a list of labels or targets."
        )
    targets = [Target.label(item) if isinstance(item, str) else item for item in output]
    return _of_targets(copies, targets, "targets")


def _of_targets(copies: Copies, targets: Sequence[Target], kind: str) -> _Made:
    return _Made(lambda features: copies.scores(features, targets), tuple(t.name for t in targets), kind)


def _probabilities(predictor: Predictor, copies: Copies, labels: Sequence[Target]) -> _Made:
    exclusive = getattr(predictor, "exclusive", False)

    def of(features: Tensor) -> Tensor:
        logits = copies.scores(features, labels)
        return torch.softmax(logits, -1) if exclusive else torch.sigmoid(logits)

    return _Made(of, predictor.labels, "probabilities")


def _margins(predictor: Predictor, copies: Copies, labels: Sequence[Target]) -> _Made:
    if not getattr(predictor, "exclusive", False):
        if not 0 < predictor.threshold < 1:
            raise PellucidError(
                f"A threshold of {predictor.threshold:g} parts no two decisions; give the model one between 0 and 1, or ask "
                "for logits."
            )
        least = math.log(predictor.threshold / (1 - predictor.threshold))
        names = tuple(f"{label} - threshold" for label in predictor.labels)
        return _Made(lambda features: copies.scores(features, labels) - least, names, "margins")
    best = predictor.labels[int(predictor.probabilities(copies(1))[0].argmax())]
    return _of_targets(copies, [Target.contrast(best, other) for other in predictor.labels if other != best], "margins")


def _embedding(predictor: Predictor, batch: Batch) -> _Made:
    require(predictor, ("embeddings", "network"), "The Jacobian of an embedding")
    embedder, shape = cast(Embeddings, predictor), cast(Network, predictor).pixels(batch).shape[1:]

    def of(features: Tensor) -> Tensor:
        return embedder.embed(features.transpose(1, 2).reshape(len(features), *shape))

    with torch.no_grad():
        width = of(predictor.features(batch)).shape[1]
    return _Made(of, tuple(map(str, range(width))), "embedding")
