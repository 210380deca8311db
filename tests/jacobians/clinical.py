"""Cases and models for directions: small smooth networks in float64, and what a direction must hold whatever it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from pellucid.case import Boxes, Case, Fixations, Mask
from pellucid.jacobians import of_model
from pellucid.jacobians.directions import Collected, Direction, collected
from pellucid.measurements import Measurements
from pellucid.picture import Picture
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.numeric import SignalClassifier, TableClassifier
from pellucid.signals import STANDARD_LEADS, Signal

LABELS = ("effusion", "nodule")


def fixed(*parts: nn.Module, seed: int = 0, scale: float = 1.0) -> nn.Module:
    """A network in float64 whose weights are drawn from a seed; of its own, so that nothing else depends on it."""
    generator = torch.Generator().manual_seed(seed)
    module = nn.Sequential(*parts).double().eval()
    with torch.no_grad():
        for weight in module.parameters():
            fan = weight[0].numel() if weight.ndim > 1 else 1
            weight.copy_(scale * torch.randn(weight.shape, dtype=torch.float64, generator=generator) / fan**0.5)
    return module


def image_model(size: tuple[int, ...] = (24, 30), channels: int = 1, *, linear: bool = False) -> ImageClassifier:
    """A smooth model of images, or a linear one."""
    made = nn.Conv2d if len(size) == 2 else nn.Conv3d
    pool = nn.AdaptiveAvgPool2d(4) if len(size) == 2 else nn.AdaptiveAvgPool3d(2)
    head = nn.LazyLinear(len(LABELS))
    smooth = [made(channels, 6, 3, padding=1), nn.SiLU(), pool, nn.Flatten(), head]
    parts = [nn.Flatten(), head] if linear else smooth
    with torch.no_grad():
        nn.Sequential(*parts)(torch.zeros(1, channels, *size))
    mean, std = (0.5,) * channels, (0.25,) * channels
    return ImageClassifier(fixed(*parts), LABELS, exclusive=False, size=size, mean=mean, std=std)


def shades(size: tuple[int, ...] = (24, 30), channels: int = 1) -> np.ndarray:
    """A smooth image, darker at its corners, with black and white in it; 16 bits."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in size), indexing="ij")
    values = 0.5 + 0.35 * np.sin(3 * axes[-1] + 1) * np.cos(2 * axes[-2]) - 0.1 * axes[-1]
    values.flat[0], values.flat[-1] = 0.0, 1.0
    return np.round(np.stack([values] * channels, -1).clip(0, 1) * 65535).astype(np.uint16)


def region(size: tuple[int, ...], rows: tuple[int, int], columns: tuple[int, int], name: str) -> Mask:
    """A rectangle of the last two axes."""
    mask = np.zeros(size, dtype=bool)
    mask[..., slice(*rows), slice(*columns)] = True
    return Mask(mask, name)


def chest(size: tuple[int, int] = (24, 30), spacing: tuple[float, float] | None = None, channels: int = 1) -> Case:
    """An image with two lungs and a heart, two boxes, a region, and gaze."""
    anatomy = (
        region(size, (4, 16), (4, 12), "right lung"),
        region(size, (4, 16), (18, 26), "left lung"),
        region(size, (10, 18), (13, 19), "heart"),
    )
    boxes = Boxes(np.array([[2.0, 2, 7, 6], [15, 10, 20, 15]]), "effusion")
    looks = Fixations(np.array([[3.0, 3.0, 0.0, 0.2]]), sigma=1.0)
    evidence = (boxes, region(size, (18, 22), (5, 9), "nodule"), looks)
    picture = Picture(shades(size, channels), spacing)
    return Case("a", "p", {"image": picture}, frozenset(), evidence, anatomy=anatomy)


def image_directions(
    case: Case, model: ImageClassifier | None = None, names: Sequence[str] | None = None, **known
) -> Collected:
    """What a case offers to a model of its own size and channels."""
    model = model or image_model(case.picture.size, case.picture.channels)
    return collected(of_model(model, case), names, **known)


def heartbeat(rate: float = 200.0, seconds: float = 2.0, leads: Sequence[str] = STANDARD_LEADS) -> Case:
    """Two beats whose waves are bumps, in leads that obey Einthoven and Goldberger, with segments marked."""
    times = np.arange(round(rate * seconds)) / rate
    shape = {"P wave": (0.2, 0.03, 0.1), "QRS complex": (0.4, 0.012, 1.0), "T wave": (0.7, 0.05, 0.3)}
    beats = [0.0, 1.0]
    wave = sum(h * np.exp(-0.5 * ((times - b - at) / w) ** 2) for b in beats for at, w, h in shape.values())
    electrodes = {"RA": -0.3 * wave, "LA": 0.4 * wave + 0.02, "LL": 0.9 * wave - 0.05}
    samples = np.stack([limb(electrodes).get(lead, 0.1 * k * wave) for k, lead in enumerate(STANDARD_LEADS)], 1)
    columns = [STANDARD_LEADS.index(lead) for lead in leads]
    spans = {"P wave": (0.1, 0.3), "QRS complex": (0.36, 0.44), "ST segment": (0.44, 0.55), "T wave": (0.55, 0.85)}
    inside = {name: np.any([(times >= b + a) & (times < b + z) for b in beats], 0) for name, (a, z) in spans.items()}
    inside["baseline"] = ~np.any(list(inside.values()), 0)
    marks = tuple(Mask(np.repeat(place[:, None], len(leads), 1), name) for name, place in inside.items())
    signal = Signal(samples[:, columns].astype(np.float32), rate, tuple(leads))
    return Case("s", "p", {"signal": signal}, frozenset(), anatomy=marks)


def limb(electrodes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Limb leads of the potentials of three electrodes."""
    ra, la, ll = (electrodes[name] for name in ("RA", "LA", "LL"))
    bipolar = {"I": la - ra, "II": ll - ra, "III": ll - la}
    return bipolar | {"aVR": ra - (la + ll) / 2, "aVL": la - (ra + ll) / 2, "aVF": ll - (ra + la) / 2}


def signal_model(case: Case, rate: float | None = None, leads: Sequence[str] | None = None) -> SignalClassifier:
    """A smooth model of signals like that of a case."""
    leads, rate = tuple(leads or case.signal.leads), rate or case.signal.rate
    parts = nn.Conv1d(len(leads), 6, 9, 2, 4), nn.SiLU(), nn.AdaptiveAvgPool1d(8), nn.Flatten(), nn.Linear(48, 2)
    count = round(case.signal.duration * rate)
    model = SignalClassifier(fixed(*parts), LABELS, exclusive=False, count=count, rate=rate, leads=leads)
    return model.to(dtype=torch.float64)


ROW = Measurements(
    np.array([200.0, 50.0, 120.0, 4.0, 1.1, 4.8]),
    ("total cholesterol", "HDL cholesterol", "LDL cholesterol", "total cholesterol / HDL", "creatinine", "log triglycerides"),
    ("mg/dl", "mg/dl", "mg/dl", "", "mg/dl", ""),
    np.array([6.0, 2.0, 5.0, np.nan, 0.0, 0.05]),
)


def row_model(row: Measurements = ROW, names: Sequence[str] | None = None) -> TableClassifier:
    """A smooth model of rows; its features may stand in another order than those of the case."""
    names = tuple(names or reversed(row.names))
    order = [row.names.index(name) for name in names]
    parts = nn.Linear(len(names), 8), nn.SiLU(), nn.Linear(8, 2)
    scale = {"mean": (0.9 * row.values)[order].tolist(), "std": (0.2 * row.values)[order].tolist()}
    units = tuple(row.units[i] for i in order)
    return TableClassifier(fixed(*parts), LABELS, exclusive=False, names=names, units=units, **scale)


def named(found: Collected, name: str) -> Direction:
    """The direction of that name."""
    return next(direction for direction in found.directions if direction.name == name)


def reasons(found: Collected) -> dict[str, str]:
    """Why directions were left out, by name."""
    return {item.name: item.reason for item in found.skipped}


def off_its_derivative(direction: Direction, step: float = 1e-5) -> float:
    """By how much a tangent differs from the central difference of its path, as a share of its largest number."""
    slope = (direction.at(step) - direction.at(-step)) / (2 * step)
    return float((slope - direction.tangent).abs().max() / direction.tangent.abs().max().clamp_min(1e-12))
