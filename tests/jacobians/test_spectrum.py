"""The spectrum of a Jacobian against dense and sparse solvers of other libraries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator, svds
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_callable
from pellucid.jacobians.bases import low_pass, spanned
from pellucid.jacobians.spectral import Method, spectrum
from pellucid.jacobians.spectrum import Spectrum

METHODS: tuple[Method, ...] = ("exact", "lanczos", "randomised")


def linear(matrix: Tensor) -> Jacobian:
    """The Jacobian of a linear map, which is its matrix."""
    return Jacobian(of_callable(lambda versions: versions @ matrix.T, torch.ones(matrix.shape[1], dtype=matrix.dtype)))


def made_of(values: Tensor, m: int, n: int, seed: int = 0) -> Tensor:
    """A matrix of given singular values."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.linalg.qr(torch.randn(m, m, generator=generator, dtype=torch.float64))[0]
    v = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64))[0]
    return u[:, : len(values)] @ torch.diag(values) @ v[:, : len(values)].T


DECAYING = 2.0 * 0.8 ** torch.arange(80, dtype=torch.float64)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("m", "n"), [(80, 120), (120, 80)])
def test_values_of_a_decaying_spectrum_are_found(method: Method, m: int, n: int) -> None:
    matrix = made_of(DECAYING, m, n)
    found = linear(matrix).spectrum(8, method=method)
    assert torch.allclose(found.values, DECAYING[:8], rtol=1e-3)
    assert float(found.residuals.max()) < 2e-3
    assert torch.allclose(found.gaps, torch.full((8,), 0.2, dtype=torch.float64), atol=5e-3)
    assert found.groups == tuple((place,) for place in range(8))


@pytest.mark.parametrize("method", METHODS)
def test_vectors_are_those_of_numpy(method: Method) -> None:
    matrix = made_of(DECAYING, 80, 100)
    found = linear(matrix).spectrum(4, method=method, tolerance=1e-6)
    u, _, v = np.linalg.svd(matrix.numpy())
    right = np.abs((found.right.numpy() * v[:4]).sum(1))
    left = np.abs((found.left.numpy() * u[:, :4].T).sum(1))
    assert np.allclose(right, 1, atol=1e-4)
    assert np.allclose(left, 1, atol=1e-4)


def test_a_network_is_solved_as_by_scipy_without_ever_forming_it() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.Tanh(), nn.Conv2d(4, 6, 3), nn.Flatten()).double().eval()
    at = torch.rand(1, 14, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    jacobian = Jacobian(of_callable(network, at), mode="matrix-free")
    m, n = jacobian.shape
    oracle = LinearOperator(
        (m, n),
        matvec=lambda v: jacobian.jvp(torch.from_numpy(v.reshape(at.shape).copy())).numpy(),
        rmatvec=lambda u: jacobian.vjp(torch.from_numpy(u.reshape(m).copy())).flatten().numpy(),
        dtype=np.float64,
    )
    expected = np.sort(svds(oracle, k=5, return_singular_vectors=False))[::-1]
    found = jacobian.spectrum(5)
    assert found.method == "lanczos"
    assert np.allclose(found.values.numpy(), expected, rtol=1e-5)
    assert float(found.residuals.max()) < 2e-3
    assert found.products < m + n


@given(seed=st.integers(0, 10_000), m=st.integers(1, 12), n=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_lanczos_finds_all_values_of_any_small_matrix(seed: int, m: int, n: int) -> None:
    matrix = torch.randn(m, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = linear(matrix).spectrum(min(m, n), method="lanczos", tolerance=1e-9)
    assert torch.allclose(found.values, torch.linalg.svdvals(matrix)[: len(found.values)], rtol=1e-6)
    assert len(found.values) == min(m, n)


def flat(size: int = 70) -> Tensor:
    """Singular values all 1 but for a share of 1e-4."""
    return made_of(1 + 1e-4 * torch.linspace(1, 0, size, dtype=torch.float64), size, size)


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_spectrum_names_no_single_vector(method: Method) -> None:
    found = linear(flat()).spectrum(4, method=method)
    assert found.groups == ((0, 1, 2, 3),)
    for place in range(4):
        with pytest.raises(PellucidError, match=r"within 1 % of another one.*projector\(0\)"):
            found.pattern(place)
        with pytest.raises(PellucidError, match="within 1 %"):
            found.combination(place)
    assert float(found.projector(0).sum()) == pytest.approx(4)
    assert any("within 1 %" in note for note in found.notes)


def test_the_last_vector_is_not_named_where_the_next_value_is_as_large() -> None:
    found = linear(made_of(torch.tensor([4.0, 2.0, 2.0, 1.0], dtype=torch.float64), 6, 8)).spectrum(2)
    assert found.groups == ((0,), (1,))
    found.pattern(0)
    with pytest.raises(PellucidError, match="within 1 %"):
        found.pattern(1)


def test_a_pair_of_equal_values_is_found_as_a_pair_with_its_subspace() -> None:
    values = torch.cat([torch.tensor([5.0, 5.0, 3.0], dtype=torch.float64), DECAYING[5:]])
    matrix = made_of(values, 90, 100)
    found = linear(matrix).spectrum(3, method="lanczos", tolerance=1e-6)
    assert torch.allclose(found.values, values[:3], rtol=1e-6)
    assert found.groups == ((0, 1), (2,))
    true = torch.linalg.svd(matrix)[2][:2]
    assert torch.allclose(found.projector(0), true.square().sum(0), atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_jacobian_of_low_rank_says_so(method: Method) -> None:
    matrix = made_of(torch.tensor([3.0, 1.0], dtype=torch.float64), 70, 90)
    found = linear(matrix).spectrum(6, method=method)
    assert torch.allclose(found.values, torch.tensor([3.0, 1.0], dtype=torch.float64))
    assert any("no more than 2" in note for note in found.notes)
    assert found.groups == ((0,), (1,))
    found.pattern(1)


def test_what_does_not_move_has_no_spectrum() -> None:
    found = linear(torch.zeros(3, 5, dtype=torch.float64)).spectrum(2)
    assert len(found.values) == 0
    assert found.slope == 0
    assert np.isnan(found.stable_rank)
    assert found.effective_rank == (0.0, 0.0)


def test_too_few_products_are_admitted() -> None:
    found = linear(made_of(0.99 ** torch.arange(200, dtype=torch.float64), 200, 200)).spectrum(6, method="lanczos", most=24)
    assert any("residual" in note and "`most`" in note for note in found.notes)
    assert float(found.residuals.max()) > 2e-3


def test_the_slope_bounds_what_any_small_step_does() -> None:
    matrix = made_of(DECAYING, 80, 80)
    slope = linear(matrix).spectrum(1).slope
    steps = torch.randn(200, 80, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    moved = (steps @ matrix.T).norm(dim=1) / steps.norm(dim=1)
    assert float(moved.max()) <= slope * (1 + 1e-9)


def test_ranks_are_exact_where_all_values_are_known_and_bounds_elsewhere() -> None:
    matrix = made_of(DECAYING, 80, 80)
    squares = DECAYING.square() / DECAYING.square().sum()
    true = float(torch.exp(-(squares * squares.log()).sum()))
    whole, part = (linear(matrix).spectrum(4, method=method) for method in ("exact", "lanczos"))
    assert whole.effective_rank == pytest.approx((true, true))
    assert whole.stable_rank == pytest.approx(float(DECAYING.square().sum() / DECAYING[0] ** 2))
    assert part.total == pytest.approx(whole.total, abs=4 * part.total_error)
    known = replace(part, total=whole.total)
    assert known.stable_rank == pytest.approx(whole.stable_rank, rel=1e-3)
    low, high = part.effective_rank
    assert low < high


def test_sensitivity_is_the_norm_of_every_column() -> None:
    matrix = made_of(DECAYING, 90, 80)
    jacobian = Jacobian(linear(matrix).function, mode="matrix-free", chunk=7)
    assert torch.allclose(jacobian.sensitivity(), matrix.norm(dim=0), rtol=1e-12)


def test_in_a_basis_the_spectrum_is_that_of_j_times_b() -> None:
    matrix = made_of(DECAYING, 90, 96)
    jacobian, at = linear(matrix), torch.ones(96, dtype=torch.float64)
    basis = low_pass(at, 3, axes=(0,))
    columns = basis.patterns(torch.eye(basis.shape[0], dtype=torch.float64)).T
    found = jacobian.spectrum(3, basis=basis)
    assert torch.allclose(found.values, torch.linalg.svdvals(matrix @ columns)[:3])
    assert torch.allclose(found.right, found.coordinates @ columns.T)
    assert found.slope < jacobian.spectrum(1).slope


def test_float32_is_solved_to_its_own_precision() -> None:
    matrix = made_of(DECAYING, 80, 90).float()
    for method in METHODS:
        found = linear(matrix).spectrum(5, method=method)
        assert torch.allclose(found.values, DECAYING[:5], rtol=1e-3)
        assert found.right.dtype == torch.float32


def test_same_seed_same_spectrum_and_the_global_generator_is_untouched() -> None:
    jacobian = linear(made_of(DECAYING, 80, 90))
    before = torch.random.get_rng_state()
    first, second = jacobian.spectrum(3, method="lanczos"), jacobian.spectrum(3, method="lanczos")
    assert torch.equal(first.right, second.right)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("method", METHODS)
def test_a_jacobian_of_zeros_has_no_singular_values(method: Method) -> None:
    found = linear(torch.zeros(70, 90, dtype=torch.float64)).spectrum(3, method=method)
    assert (len(found.values), found.slope, found.total, found.groups) == (0, 0, 0, ())
    assert "no more than 0 singular values" in found.notes[0]


def test_what_does_not_fit_is_never_made_whole_unasked() -> None:
    matrix = made_of(DECAYING[:40], 50, 90)
    jacobian = Jacobian(of_callable(lambda x: x @ matrix.T, torch.ones(90, dtype=torch.float64)), room=1000)
    found = jacobian.spectrum(3)
    assert found.method == "lanczos"
    torch.testing.assert_close(found.values, DECAYING[:3], rtol=1e-3, atol=0)


def refused(jacobian: Jacobian, **wanted: object) -> Spectrum:
    return spectrum(jacobian, **wanted)  # type: ignore[arg-type]


def test_requests_that_make_no_sense_are_refused() -> None:
    jacobian = linear(made_of(DECAYING, 80, 90))
    with pytest.raises(PellucidError, match="give 1 or more"):
        refused(jacobian, k=0)
    with pytest.raises(PellucidError, match="no method 'power'"):
        refused(jacobian, method="power")
    other = spanned(torch.ones(5, dtype=torch.float64), torch.ones(1, 5, dtype=torch.float64))
    with pytest.raises(PellucidError, match="input's shape"):
        refused(jacobian, basis=other)
    small = Jacobian(jacobian.function, room=1000)
    with pytest.raises(PellucidError, match=r"GiB.*lanczos"):
        refused(small, method="exact")
    with pytest.raises(PellucidError, match="no singular value 9"):
        jacobian.spectrum(2).pattern(9)
