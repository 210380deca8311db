"""Targets: what is being explained.

A target is a weighted sum of a model's outputs before the sigmoid or softmax (logits). A label is the sum of one term; a
contrast asks why the model prefers one label to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError


@dataclass(frozen=True)
class Target:
    """A linear combination of a model's logits.

    Attributes:
        name: what to call it in tables ("I10", "I10 - I11.9").
        terms: (label, weight) pairs.
    """

    name: str
    terms: tuple[tuple[str, float], ...]

    @classmethod
    def label(cls, label: str) -> Target:
        """Why this label?"""
        return cls(label, ((label, 1.0),))

    @classmethod
    def contrast(cls, label: str, other: str) -> Target:
        """Why `label` rather than `other`?"""
        return cls(f"{label} - {other}", ((label, 1.0), (other, -1.0)))


@dataclass(frozen=True, eq=False)
class Resolved:
    """Targets in terms of a model's outputs.

    Attributes:
        outputs: the distinct output indices that the targets use, in ascending order.
        weights: row k holds the weights of target k over `outputs`.
    """

    outputs: tuple[int, ...]
    weights: Float[Tensor, "K O"]

    @property
    def plain(self) -> bool:
        """True where every target is one output with weight 1 (a label)."""
        return bool(((self.weights == 1).sum(1) == 1).all()) and bool(((self.weights != 0).sum(1) == 1).all())


def resolve(targets: Sequence[Target], labels: Sequence[str]) -> Resolved:
    """Find the outputs that the targets name.

    Raises:
        PellucidError: a target names a label that the model does not know, or there are no targets.
    """
    position = {label: i for i, label in enumerate(labels)}
    unknown = sorted({label for target in targets for label, _ in target.terms if label not in position})
    if unknown:
        raise PellucidError(
            f"The model does not know the label {unknown[0]!r}; it knows {len(position)} labels, "
            f"{', '.join(list(position)[:5])} ... among them."
        )
    if not targets:
        raise PellucidError("There is nothing to explain: give at least one target.")
    outputs = tuple(sorted({position[label] for target in targets for label, _ in target.terms}))
    column = {output: j for j, output in enumerate(outputs)}
    weights = torch.zeros(len(targets), len(outputs), dtype=torch.float64)
    for k, target in enumerate(targets):
        for label, weight in target.terms:
            weights[k, column[position[label]]] += weight
    return Resolved(outputs, weights)
