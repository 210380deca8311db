"""Bases: linear maps with their adjoints, and what they leave of a pattern."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.fft import dct
from scipy.ndimage import gaussian_filter

from pellucid.case import Boxes, Case, Mask
from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_callable, of_model
from pellucid.jacobians.bases import Basis, anatomy, blurred, low_pass, of_cases, spanned, within

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "predictors"))
from images import case, classifier

AT = torch.zeros(2, 12, 10, dtype=torch.float64)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_anatomy(name: str = "a") -> Case:
    plain = case(name)
    lungs = np.zeros((16, 20), dtype=bool)
    lungs[4:12, 5:15] = True
    return Case(plain.id, plain.patient, plain.inputs, plain.labels, anatomy=(Mask(lungs, "lungs"),))


MADE = {
    "blur": lambda: blurred(AT, 1.7),
    "low pass": lambda: low_pass(AT, 2),
    "mask": lambda: within(drawn(2, 12, 10, seed=5).sigmoid()),
    "span": lambda: spanned(AT, drawn(4, 2, 12, 10, seed=6)),
}


@pytest.mark.parametrize("name", MADE)
def test_a_basis_and_its_adjoint_are_transposes(name: str) -> None:
    basis: Basis = MADE[name]()
    z, x = drawn(3, *basis.shape, seed=1), drawn(3, *AT.shape, seed=2)
    there = (basis.patterns(z).flatten(1) * x.flatten(1)).sum(1)
    back = (z.flatten(1) * basis.adjoint(x).flatten(1)).sum(1)
    assert torch.allclose(there, back, rtol=1e-12)


@pytest.mark.parametrize("name", ["low pass", "span"])
def test_cosines_and_spans_are_orthonormal(name: str) -> None:
    basis: Basis = MADE[name]()
    z = drawn(3, *basis.shape)
    assert torch.allclose(basis.adjoint(basis.patterns(z)), z)


def test_a_blur_is_that_of_scipy_away_from_the_border() -> None:
    at = torch.zeros(1, 41, 41, dtype=torch.float64)
    given = drawn(1, 1, 41, 41)
    expected = gaussian_filter(given.numpy()[0, 0], 1.5, mode="constant", truncate=12)
    assert np.allclose(blurred(at, 1.5).patterns(given).numpy()[0, 0, 12:-12, 12:-12], expected[12:-12, 12:-12], atol=1e-9)
    assert torch.allclose(blurred(at, 1.5).patterns(torch.ones_like(given)), torch.ones_like(given))


def test_low_pass_coordinates_are_the_first_of_a_dct() -> None:
    signal = drawn(1, 64, 3)
    basis = low_pass(signal[0], 5, axes=(0,))
    assert basis.shape == (11, 3)
    assert np.allclose(basis.adjoint(signal).numpy()[0], dct(signal.numpy()[0], axis=0, norm="ortho")[:11])


def test_the_most_sensitive_pattern_within_an_organ_lies_in_it() -> None:
    function = of_model(classifier(), with_anatomy())
    jacobian = Jacobian(function)
    basis = anatomy(function, "lungs")
    found = jacobian.spectrum(2, basis=basis)
    inside = basis.patterns(torch.ones_like(function.at)[None])[0]
    assert float((found.right * (1 - inside)).abs().max()) == 0
    masked = (jacobian.dense() * inside).flatten(1)
    assert torch.allclose(found.values, torch.linalg.svdvals(masked)[:2])
    assert found.basis == "within lungs"
    assert found.projector(0).shape == (16, 20)
    assert float(found.projector(0).sum()) == pytest.approx(1)


def test_a_structure_boxed_in_the_image_lies_where_the_model_reads_it_at_its_own_size() -> None:
    plain = case()
    lower_right = Boxes(np.array([[10.0, 8, 20, 16]]), "heart")
    marked = Case(plain.id, plain.patient, plain.inputs, plain.labels, anatomy=(lower_right,))
    function = of_model(classifier((8, 10)), marked)
    inside = anatomy(function, "heart").patterns(torch.ones_like(function.at)[None])[0, 0]
    expected = torch.zeros(8, 10, dtype=torch.float64)
    expected[4:, 5:] = 1
    assert torch.equal(inside, expected)


def test_patterns_by_which_cases_differ_span_their_differences() -> None:
    model, cases = classifier(), [case(name) for name in "abcd"]
    function = of_model(model, cases[0])
    basis = of_cases(function, cases)
    assert basis.shape == (3,)
    difference = (of_model(model, cases[1]).at - function.at)[None]
    assert torch.allclose(basis.patterns(basis.adjoint(difference)), difference)
    assert of_cases(function, cases, count=2).shape == (2,)


def test_bases_that_make_no_sense_are_refused() -> None:
    function = of_model(classifier(), with_anatomy())
    with pytest.raises(PellucidError, match=r"no structure 'heart'.*it has lungs"):
        anatomy(function, "heart")
    with pytest.raises(PellucidError, match="give two or more"):
        of_cases(function, [case()])
    with pytest.raises(PellucidError, match="all alike"):
        of_cases(function, [case(), case()])
    with pytest.raises(PellucidError, match="blur of 0"):
        blurred(AT, 0)
    with pytest.raises(PellucidError, match="0 or more"):
        low_pass(AT, -1)
    bare = of_callable(lambda x: x.flatten(1), AT)
    with pytest.raises(PellucidError, match="image classifier"):
        anatomy(bare, "lungs")
    with pytest.raises(PellucidError, match="`spanned`"):
        of_cases(bare, [case(), case("b")])
