"""How the tests read an electrocardiogram: with a ruler, on the paper."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.case import Case, Mask
from pellucid.datasets.phantom.ecg import PhantomEcg
from pellucid.datasets.phantom.ecg.findings import FindingName


def clean(*findings: FindingName, n: int = 12, seed: int = 1, rate: float = 500.0, **options: Any) -> list[Case]:
    """Recordings without noise of patients who all have these findings and no other, and without marks of the recorder."""
    chosen = findings or ("T-wave inversion",)
    chance = 1.0 if findings else 0.0
    prepared = PhantomEcg(n=n, seed=seed, rate=rate, noise=0.0, findings=chosen, prevalence=chance, **options).prepare()
    return [case for case in prepared.cases if not case.meta["distractors"]]


def lead(case: Case, name: str) -> np.ndarray:
    return case.signal.lead(name).astype(np.float64)


def part(case: Case, name: str) -> np.ndarray:
    """The samples of a kind of segment."""
    for mark in case.anatomy:
        if mark.label == name and isinstance(mark, Mask):
            return mark.mask[:, 0]
    return np.zeros(len(case.signal.samples), dtype=bool)


def runs(inside: np.ndarray) -> list[tuple[int, int]]:
    """Stretches of marked samples that neither begin nor end with the recording."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if a > 0 and b < len(inside)]


def st(case: Case, name: str) -> float:
    """Mean ST level 40 ms after the end of QRS, against the baseline just before QRS; mV."""
    samples, late = lead(case, name), round(0.04 * case.signal.rate)
    found = [samples[end + late] - samples[start - 1] for start, end in complexes(case) if end + late < len(samples)]
    return float(np.mean(found))


def complexes(case: Case) -> list[tuple[int, int]]:
    return runs(part(case, "QRS complex"))


def extremes(case: Case, name: str, what: str = "QRS complex") -> tuple[float, float]:
    """The lowest and the highest sample of a kind of segment, against the baseline before it; means over beats."""
    samples = lead(case, name)
    found = [(samples[a:b].min() - samples[a - 1], samples[a:b].max() - samples[a - 1]) for a, b in runs(part(case, what))]
    low, high = np.mean(found, axis=0)
    return float(low), float(high)


def upright(case: Case, name: str, what: str = "QRS complex") -> bool:
    """Whether a wave is more above the baseline than below it."""
    low, high = extremes(case, name, what)
    return high > -low


def sokolow(case: Case) -> float:
    """The deepest S in V1 plus the highest R of V5 and V6."""
    baseline = {name: float(np.median(lead(case, name)[part(case, "baseline")])) for name in ("V1", "V5", "V6")}
    r = max(lead(case, name).max() - baseline[name] for name in ("V5", "V6"))
    return float(r + baseline["V1"] - lead(case, "V1").min())


def gaps(case: Case) -> np.ndarray:
    """Seconds between beats."""
    return np.diff([beat["time"] for beat in case.meta["beats"]])


def everything(case: Case) -> tuple[Any, ...]:
    """All that a case says, to be compared."""
    groups = (case.evidence, case.causes, case.anatomy)
    said = [[(e.label, e.mask.tobytes()) for e in group if isinstance(e, Mask)] for group in groups]
    return case.id, case.patient, case.signal.samples.tobytes(), sorted(case.labels), said, case.meta
