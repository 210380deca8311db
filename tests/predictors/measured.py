"""Small models of rows and signals for tests: random networks in float64, and cases to go with them."""

from __future__ import annotations

import numpy as np
import torch

from pellucid.case import Case
from pellucid.measurements import Measurements
from pellucid.predictors.numeric import SignalClassifier, TableClassifier
from pellucid.signals import Signal

NAMES = ("haemoglobin", "sodium", "creatinine", "age")
UNITS = ("g/dl", "mmol/l", "mg/dl", "")
CENTRE, SPREAD = np.array([13.0, 140.0, 1.0, 60.0]), np.array([2.0, 4.0, 0.3, 15.0])
LEADS = ("I", "II", "V1")
FINDINGS = ("anaemia", "uraemia", "frailty")
RHYTHMS = ("paced", "ischaemia")


def row(name: str = "a", seed: int = 0) -> Case:
    """A row of four measurements."""
    values = CENTRE + SPREAD * np.random.default_rng([seed, *name.encode()]).normal(size=4)
    return Case(name, f"patient-{name}", {"table": Measurements(values, NAMES, UNITS)}, frozenset({"anaemia"}))


def recording(name: str = "a", count: int = 64, rate: float = 32.0, seed: int = 0) -> Case:
    """Three leads of smooth noise, each on a level of its own."""
    random = np.random.default_rng([seed, *name.encode()])
    waves = np.cumsum(random.normal(size=(count, 3)), axis=0) * 0.2 + np.array([0.0, 1.0, -2.0])
    return Case(name, f"patient-{name}", {"signal": Signal(waves.astype(np.float32), rate, LEADS)}, frozenset({"paced"}))


def table_model(architecture: str = "small", *, exclusive: bool = False, seed: int = 0) -> TableClassifier:
    """A random multilayer perceptron in float64, standardised by twenty rows."""
    seen = [row(str(i)).measurements for i in range(20)]
    generator = torch.Generator().manual_seed(seed)
    return TableClassifier.build(architecture, FINDINGS, seen, exclusive=exclusive, generator=generator).to(dtype=torch.float64)


def signal_model(architecture: str = "tiny", *, exclusive: bool = False, seed: int = 0) -> SignalClassifier:
    """A random network in float64 whose norms have seen something, in evaluation mode."""
    seen = (recording(str(i)).signal for i in range(8))
    generator = torch.Generator().manual_seed(seed)
    model = SignalClassifier.build(architecture, RHYTHMS, seen, exclusive=exclusive, generator=generator).to(
        dtype=torch.float64
    )
    model.module.train()
    with torch.no_grad():
        for _ in range(3):
            model.module(torch.randn(8, 3, 64, dtype=torch.float64, generator=generator))
    model.module.eval()
    return model
