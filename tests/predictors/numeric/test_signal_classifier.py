"""A classifier of signals reads leads by name and at its own rate, and does what the plain defaults do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from measured import LEADS, recording, signal_model

from pellucid import predictors
from pellucid.case import Case
from pellucid.errors import DataError, PellucidError
from pellucid.predictor import Filler, MeasuredInputs, modality_of
from pellucid.predictors import plain
from pellucid.predictors.numeric import SignalClassifier
from pellucid.predictors.numeric.bridging import bridged
from pellucid.predictors.numeric.reading import resampled
from pellucid.signals import Signal
from pellucid.target import Target
from pellucid.training.trainable import Trainable
from pellucid.units import SampleUnits

TARGETS = [Target.label("paced"), Target.contrast("paced", "ischaemia")]


def with_signal(samples: np.ndarray, rate: float = 32.0, leads: tuple[str, ...] = LEADS, unit: str = "mV") -> Case:
    return Case("x", "p", {"signal": Signal(samples.astype(np.float32), rate, leads, unit)}, frozenset())


def test_features_are_samples_in_the_order_of_time_then_lead():
    model, case = signal_model(), recording("a")
    batch = model.encode([case, recording("b")])
    assert modality_of(model) == "signal"
    assert batch.units == (SampleUnits(64, LEADS, 32.0),) * 2
    expected = (case.signal.samples.astype(float) - model.mean) / np.array(model.std)
    np.testing.assert_allclose(model.features(batch)[0, :, 0], expected.ravel(), atol=1e-6)
    torch.testing.assert_close(model.inputs_of(model.features(batch)), batch.data)
    np.testing.assert_allclose(model.module(batch.data).sigmoid().detach(), model.probabilities(batch), atol=1e-12)
    assert isinstance(model, Trainable)
    assert isinstance(model, MeasuredInputs)


@pytest.mark.parametrize("architecture", ["tiny", "small_smooth", "gru"])
@pytest.mark.parametrize("filler", ["mask", "inpaint"])
def test_it_does_what_the_plain_defaults_do(architecture: str, filler: Filler):
    model = signal_model(architecture)
    batch = model.encode([recording("a"), recording("b")])
    keep = [np.random.default_rng(i).random((5, 192)) < 0.5 for i in range(2)]
    for fast, slow in zip(
        model.perturbed_scores(batch, keep, filler, TARGETS),
        plain.perturbed_scores(model, batch, keep, filler, TARGETS),
        strict=True,
    ):
        np.testing.assert_allclose(fast, slow, atol=1e-10)
    for piece in model.feature_gradients(batch, TARGETS):
        direction = torch.randn(192, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        step = torch.zeros(2, 192, 1, dtype=torch.float64)
        step[piece.case] = 1e-6 * direction
        ends = [model.scores(model.features(batch) + sign * step, batch, TARGETS) for sign in (1, -1)]
        slope = (ends[0] - ends[1])[piece.case, piece.targets[0]].item() / 2e-6
        assert slope == pytest.approx((piece.gradient[0] * direction).sum().item(), abs=1e-5)


@pytest.mark.parametrize("architecture", ["tiny", "gru"])
def test_gradients_can_be_differentiated_once_more_in_evaluation_mode(architecture: str):
    model = signal_model(architecture)
    batch = model.encode([recording()])
    features = model.features(batch).requires_grad_()
    score = model.scores(features, batch, TARGETS[:1]).sum()
    (slope,) = torch.autograd.grad(score, features, create_graph=True)
    slope.square().sum().backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in model.module.parameters())


def test_leads_are_put_into_the_models_order_and_what_is_longer_is_cut():
    model, case = signal_model(), recording()
    turned = with_signal(np.vstack([case.signal.samples[:, ::-1], np.ones((9, 3))]), leads=LEADS[::-1])
    np.testing.assert_array_equal(model.encode([turned]).data, model.encode([case]).data)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (with_signal(np.zeros((64, 2)), leads=("I", "II")), "lacks the lead 'V1'"),
        (with_signal(np.zeros((64, 4)), leads=(*LEADS, "V9")), "has the lead 'V9', which the model does not know"),
        (with_signal(np.zeros((50, 3))), r"lasts 1.5625 s, and the model reads 2 s"),
        (with_signal(np.zeros((64, 3)), unit="uV"), "is in uV, and the model reads mV"),
        (Case("x", "p", {"text": "x"}, frozenset()), "no input named 'signal'"),
    ],
)
def test_a_recording_that_does_not_fit_is_refused(case: Case, said: str):
    with pytest.raises(DataError, match=said):
        signal_model().encode([case])


@pytest.mark.parametrize("rate", [96.0, 500.0, 25.0])
def test_a_recording_of_another_rate_is_resampled_to_the_same_waves(rate: float):
    def wave(at: float) -> np.ndarray:
        time = np.arange(int(4 * at)) / at
        return np.stack([np.sin(2 * np.pi * f * time) + f for f in (1.0, 1.5, 2.0)], 1)

    found = resampled(Signal(wave(rate).astype(np.float32), rate, LEADS), 32.0)
    inside = slice(8, 120)  # ends lean on what is not known
    assert found.dtype == np.float32
    assert len(found) == 128
    np.testing.assert_allclose(found[inside], wave(32.0)[inside], atol=0.02)


def test_what_is_removed_is_the_mean_of_its_lead():
    model = signal_model()
    perturbed = model.perturb(model.encode([recording()]), [np.zeros(192, dtype=bool)], "mask")
    np.testing.assert_allclose(model.measured(perturbed, 0).values, np.tile(model.mean, (64, 1)))
    with pytest.raises(PellucidError, match="'blur'; choose mask or inpaint"):
        model.perturb(perturbed, [np.zeros(192, dtype=bool)], "blur")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=24), st.integers(0, 2**32 - 1))
def test_inpainting_is_linear_interpolation_between_what_is_kept(kept: list[bool], seed: int):
    random = np.random.default_rng(seed)
    samples, keep = random.normal(size=(2, len(kept))), np.stack([kept, random.random(len(kept)) < 0.5])
    found = bridged(torch.from_numpy(samples), torch.from_numpy(keep)[None])[0].numpy()
    for lead, stays, line in zip(samples, keep, found, strict=True):
        places = np.flatnonzero(stays)
        expected = np.interp(np.arange(len(lead)), places, lead[places]) if len(places) else np.zeros(len(lead))
        np.testing.assert_allclose(line, expected, atol=1e-12)


def test_measured_values_are_millivolts_and_enter_the_model_as_its_features():
    model, case = signal_model(), recording("b")
    batch = model.encode([recording("a"), case])
    found = model.measured(batch, 1)
    np.testing.assert_allclose(found.values, case.signal.samples, atol=1e-6)
    assert (found.values.shape, found.unit) == ((64, 3), "mV")
    torch.testing.assert_close(found.enter(found.values[None]), model.features(batch)[1:])


@pytest.mark.parametrize("architecture", ["tiny", "gru"])
def test_a_model_comes_back_from_its_folder_as_it_was(architecture: str, tmp_path: Path):
    model = signal_model(architecture)
    model.save(tmp_path / "m")
    again = predictors.load(tmp_path / "m")
    assert isinstance(again, SignalClassifier)
    assert again.fingerprint == model.fingerprint
    assert (again.leads, again.rate, again.count, again.unit) == (LEADS, 32.0, 64, "mV")
    np.testing.assert_array_equal(
        again.probabilities(again.encode([recording()])), model.probabilities(model.encode([recording()]))
    )


def test_a_model_is_as_long_as_the_shortest_recording_it_learns_from():
    seen = [recording("a", 80).signal, recording("b", 160, rate=80.0).signal, recording("c", 70).signal]
    model = SignalClassifier.build("tiny", ("x",), iter(seen), exclusive=False, generator=torch.Generator())
    assert (model.count, model.rate) == (64, 32.0)
    everything = np.concatenate([resampled(signal, 32.0) for signal in seen])
    np.testing.assert_allclose(model.mean, everything.mean(0, dtype=float), rtol=1e-6)
    np.testing.assert_allclose(model.std, everything.std(0, dtype=float), rtol=1e-6)
    other = replace(seen[1], leads=("I", "II", "V2"))
    with pytest.raises(DataError, match="Case 2 of training lacks the lead 'V1'"):
        SignalClassifier.build("tiny", ("x",), [seen[0], other], exclusive=False, generator=torch.Generator())
