"""Do explanations stay where they are when the input hardly changes? One pool of noisy versions serves every figure.

Each noisy version is made once, asked once for all targets, and explained once by each method, for all targets; the versions of
a case share their batch, and with it the passes that methods have in common. What is left are sums and maxima over the pool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
from jaxtyping import Bool, Float

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.metrics.noise import Explain, alone, logits_of, noisy, probabilities_of
from pellucid.metrics.similarity import centred_ranks, cosine, first_pixels, jaccard
from pellucid.predictor import Batch, Network, Predictor
from pellucid.target import Target

EPSILON = 0.01
"""Changes of the logits smaller than this count as this much: a ratio to a change of nothing says nothing."""


@dataclass(frozen=True)
class Noise:
    """How the pool is made.

    Attributes:
        draws: noisy versions of each case.
        radius: of the uniform noise, in units of the normalisation's standard deviation.
        tau: a version counts for a target only if the target's probability moves by no more than this.
        top: share of the pixels whose overlap is measured.
        at_once: versions in one batch.
        seed: of the noise, with the case.

    Raises:
        PellucidError: a field is out of range.
    """

    draws: int = 20
    radius: float = 0.1
    tau: float = 0.1
    top: float = 0.05
    at_once: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        fits = self.draws >= 1 and self.at_once >= 1 and self.radius > 0 and self.tau >= 0 and 0 < self.top <= 1
        if not fits:
            raise PellucidError(
                "Noise needs draws and at_once of at least 1, a radius above 0, tau of 0 or more, top in (0, 1]."
            )


@dataclass(frozen=True)
class Robustness:
    """What became of one explanation of one target, over the versions that count; NaN where `note` says why.

    a is the map of the image x, a' that of a noisy version x', and |.| the Euclidean norm.

    Attributes:
        max_sensitivity: greatest |a' - a| / |a|; lower is better.
        mean_sensitivity: mean of the same.
        rank_stability: mean Spearman correlation of a and a', -1 to 1; higher is better.
        top_overlap: mean intersection over union of their first pixels, 0 to 1; higher is better.
        lipschitz: greatest |a' - a| / (|a| |x' - x|), for a map scaled to norm 1 and normalised pixels.
        relative_input: greatest (|a' - a| / |a|) / (|x' - x| / |x|).
        relative_output: greatest (|a' - a| / |a|) / (change of the logits of all labels, at least :data:`EPSILON`).
        retained: share of the versions that count.
        note: why figures are missing.
    """

    max_sensitivity: float
    mean_sensitivity: float
    rank_stability: float
    top_overlap: float
    lipschitz: float
    relative_input: float
    relative_output: float
    retained: float
    note: str = ""


@dataclass(frozen=True)
class Cost:
    """What the pool took.

    Attributes:
        scored: inputs whose outputs were asked for, the clean ones among them.
        explained: inputs that were explained, once a method.
    """

    scored: int
    explained: int


def robustness(
    predictor: Predictor,
    explainers: Mapping[str, Explain],
    batch: Batch,
    targets: Sequence[Target],
    noise: Noise | None = None,
    said: Mapping[str, Sequence[Attribution]] | None = None,
) -> tuple[dict[str, list[list[Robustness]]], Cost]:
    """How much every explanation changes under noise that hardly changes what the model says.

    Yeh et al. 2019 (sensitivity), Alvarez-Melis and Jaakkola 2018 (Lipschitz), Agarwal et al. 2022 (relative stability, here of
    norms: divided element by element it explodes wherever a map is nearly 0). Explainers that draw random numbers draw the same
    ones for a case and its noisy versions.

    Args:
        said: what the explainers say of the clean batch, over its finest units; explained here if None.

    Returns:
        For each explainer one :class:`Robustness` a case and target; and the cost. Missing are the figures of a map that is
        zero or not finite, and of a target of which no version counts.

    Raises:
        CapabilityError: the model's pixels cannot be reached, or an explainer cannot explain it.
    """
    noise = noise or Noise()
    clean = said or {name: explainer(predictor, batch, targets) for name, explainer in explainers.items()}
    logits = logits_of(predictor, batch)
    explained = 0 if said else len(explainers) * len(batch)
    result: dict[str, list[list[Robustness]]] = {name: [] for name in explainers}
    for case in range(len(batch)):
        pools = {name: [_Pool.of(row, noise) for row in clean[name][case].scores] for name in explainers}
        for versions, changes in _versions(predictor, batch, case, logits[case], targets, noise):
            explained += len(explainers) * len(versions)
            for name, explainer in explainers.items():
                _collect(pools[name], explainer(predictor, versions, targets), changes)
        for name, rows in pools.items():
            result[name].append([row.result(noise.draws) for row in rows])
    return result, Cost(len(batch) * (1 + noise.draws), explained)


@dataclass(frozen=True, eq=False)
class _Change:
    """By how much one version differs from the image, and for which targets it counts."""

    pixels: float
    relative: float
    logits: float
    counts: Bool[np.ndarray, " K"]


def _versions(
    predictor: Predictor, batch: Batch, case: int, said: Float[np.ndarray, " C"], targets: Sequence[Target], noise: Noise
) -> Iterator[tuple[Batch, list[_Change]]]:
    """Noisy versions of one case that count for any target, a few at a time, and how they differ from it."""
    clean = cast(Network, predictor).pixels(batch)[case].double()
    before = probabilities_of(predictor, said[None], targets)
    for start in range(0, noise.draws, noise.at_once):
        draws = range(start, min(start + noise.at_once, noise.draws))
        versions = noisy(predictor, batch, case, draws, noise.radius, noise.seed)
        logits = logits_of(predictor, versions)
        counts = np.abs(probabilities_of(predictor, logits, targets) - before) <= noise.tau
        kept = np.flatnonzero(counts.any(axis=1))
        if not len(kept):
            continue
        pixels = versions.data[kept]
        away = (pixels.double() - clean).flatten(1).norm(dim=1).cpu().numpy()
        size, moved = float(clean.norm()), np.linalg.norm(logits[kept] - said, axis=1)
        changes = [_Change(d, _ratio(d, size), m, counts[v]) for d, m, v in zip(away, moved, kept, strict=True)]
        yield replace(alone(versions, 0, len(kept)), data=pixels), changes


def _collect(pools: Sequence[_Pool], said: Sequence[Attribution], changes: Sequence[_Change]) -> None:
    """Add explanations of versions to the pools of the targets for which they count."""
    for attribution, change in zip(said, changes, strict=True):
        for pool, scores, counts in zip(pools, attribution.scores, change.counts, strict=True):
            if counts:
                pool.add(scores, change)


@dataclass(eq=False)
class _Pool:
    """One explanation of one target, and numbers of each version that counts: a row of :attr:`rows`."""

    scores: Float[np.ndarray, " U"]
    size: float
    ranks: Float[np.ndarray, " U"]
    first: Bool[np.ndarray, " U"]
    rows: list[tuple[float, ...]] = field(default_factory=list)

    @classmethod
    def of(cls, scores: Float[np.ndarray, " U"], noise: Noise) -> _Pool:
        a = np.asarray(scores, dtype=np.float64)
        k = max(1, round(noise.top * len(a)))
        return cls(a, float(np.linalg.norm(a)), centred_ranks(a), first_pixels(a, k))

    def add(self, scores: Float[np.ndarray, " U"], change: _Change) -> None:
        if not self.size or not np.isfinite(self.size):
            return
        other = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(other).all():
            self.rows.append(_NOTHING[:6])
            return
        moved = float(np.linalg.norm(other - self.scores)) / self.size
        k = int(self.first.sum())
        self.rows.append(
            (
                moved,
                cosine(self.ranks, centred_ranks(other)),
                jaccard(self.first, first_pixels(other, k)) if k else np.nan,
                _ratio(moved, change.pixels),
                _ratio(moved, change.relative),
                moved / max(change.logits, EPSILON),
            )
        )

    def result(self, draws: int) -> Robustness:
        if not self.rows:
            whole = bool(self.size) and bool(np.isfinite(self.size))
            note = "no noisy version keeps the probability" if whole else "the explanation is zero or not finite"
            return Robustness(*_NOTHING, 0.0 if whole else np.nan, note)
        table = np.array(self.rows)
        mean, rank, overlap = table.mean(axis=0)[:3].tolist()
        greatest, _, _, lipschitz, relative_input, relative_output = table.max(axis=0).tolist()
        note = _UNKNOWN if np.isnan(greatest) else _TIED if np.isnan([rank, overlap]).any() else ""
        share = len(table) / draws
        return Robustness(greatest, mean, rank, overlap, lipschitz, relative_input, relative_output, share, note)


_NOTHING = (np.nan,) * 7
_TIED = "a map is the same everywhere, so it has no ranks or no first units"
_UNKNOWN = "the explanation of a noisy version is not finite"


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")
