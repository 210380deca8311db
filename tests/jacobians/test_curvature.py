"""Second derivatives: along directions, at their strongest, and of networks made smooth."""

from __future__ import annotations

import images
import numpy as np
import pytest
import torch
from networks import Saving, convolutional, dense, drawn, filled, jacobian, quadratic
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian
from pellucid.jacobians.curvature import Hessian
from pellucid.jacobians.curvature_lanczos import strongest
from pellucid.jacobians.curvature_smoothing import Round, smoothed
from pellucid.jacobians.function import of_model


def test_a_quadratic_form_bends_by_its_matrix() -> None:
    function, a, b = quadratic()
    along = drawn(7, 4, 6)
    found = Jacobian(function).curvature(along, "second")
    torch.testing.assert_close(found.second, torch.einsum("ki,ij,kj->k", along, a[1], along))
    torch.testing.assert_close(found.first, along @ (b[1] + a[1] @ function.at))
    for step in (0.3, -2.0):
        torch.testing.assert_close(found.expected(step), function.value(function.at + step * along)[:, 1])


def test_products_are_those_of_the_hessian_made_whole() -> None:
    network, at = (
        filled(nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.LayerNorm(5), nn.Linear(5, 3), nn.Softmax(-1))),
        drawn(0, 4),
    )
    weights = torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64)
    whole = torch.autograd.functional.hessian(lambda x: network(x[None])[0] @ weights, at)
    torch.testing.assert_close(Hessian(jacobian(network, at).function, weights)(drawn(1, 3, 4)), drawn(1, 3, 4) @ whole)


def test_a_network_that_saves_memory_bends_as_one_that_keeps_all_numbers() -> None:
    along = drawn(2, 3, 4)
    plain, saving = (jacobian(filled(Saving(saving)), drawn(0, 4)).curvature(along, top=2) for saving in (False, True))
    torch.testing.assert_close(saving.second, plain.second)
    torch.testing.assert_close(saving.pairs.values, plain.pairs.values)
    assert plain.second.abs().min() > 1e-6


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows, self.head = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.rows(x)[0][:, -1])
        return found


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (lambda: nn.Sequential(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, activation="gelu"), nn.Flatten()), (3, 4)),
        (_Recurrent, (5, 3)),
        (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.SiLU(), nn.MaxPool2d(2), nn.Flatten()), (1, 6, 6)),
    ],
)
def test_what_follows_a_direction_is_a_finite_difference(network: object, shape: tuple[int, ...]) -> None:
    operator = jacobian(filled(network()), drawn(0, *shape))
    along, step = drawn(1, 1, *shape), 1e-4
    found = operator.curvature(along, operator.outputs[1])
    values = [operator.function.value(operator.function.at + s * along)[0, 1] for s in (-step, 0, step)]
    assert float(found.second) == pytest.approx(float(values[0] - 2 * values[1] + values[2]) / step**2, rel=1e-4, abs=1e-6)


def test_a_linear_function_does_not_bend_and_says_so() -> None:
    found = jacobian(filled(nn.Linear(5, 2)), drawn(0, 5)).curvature(drawn(1, 3, 5), top=2)
    assert not found.second.any()
    assert not found.pairs.values.any()
    assert any("exactly zero" in note for note in found.notes)


def test_a_network_of_relus_bends_only_when_smoothed() -> None:
    operator, along = jacobian(convolutional(), drawn(0, 1, 6, 6)), drawn(1, 2, 1, 6, 6)
    plain, smooth = operator.curvature(along), operator.curvature(along, smoothed=5.0)
    assert not plain.second.any()
    assert any("exactly zero" in note for note in plain.notes)
    assert smooth.second.all()
    assert any("3 ReLU layers of a copy were smoothed" in note for note in smooth.notes)


def test_smoothing_leaves_the_network_alone_and_comes_close_to_it() -> None:
    model = images.classifier()
    function = of_model(model, images.case("a"))
    errors = [float((smoothed(function, beta).value() - function.value()).norm()) for beta in (10, 100, 1000)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-2 * float(function.value().norm())
    assert not any(isinstance(part, Round) for part in model.module.modules())


@pytest.mark.parametrize("part", [nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2)])
def test_a_round_relu_is_the_relu_far_from_its_kinks(part: nn.Module) -> None:
    function = jacobian(nn.Sequential(part).eval(), torch.tensor([-3.0, 2.0, 4.0, 9.0], dtype=torch.float64)).function
    torch.testing.assert_close(smoothed(function, 50.0).value(), function.value(), rtol=0, atol=1e-9)


def test_a_relu_that_stands_at_two_places_is_smoothed_at_both() -> None:
    relu, lines = nn.ReLU(), dense([3, 4, 4, 2])
    network = nn.Sequential(lines[0], relu, lines[2], relu, lines[4]).eval()
    made = smoothed(jacobian(network, drawn(0, 3)).function, 5.0)
    assert made.module is not None
    assert [type(part) for part in made.module.children()] == [nn.Linear, Round, nn.Linear, Round, nn.Linear]


@pytest.mark.parametrize(("beta", "said"), [(0.0, "sharpness"), (float("nan"), "sharpness"), (2.0, "No layer")])
def test_what_cannot_be_smoothed_is_said(beta: float, said: str) -> None:
    with pytest.raises(PellucidError, match=said):
        jacobian(dense([3, 4, 2], nn.Tanh), drawn(0, 3)).curvature(smoothed=beta)


def test_the_strongest_bends_are_the_largest_eigenvalues() -> None:
    function, a, _ = quadratic(n=40)
    found = Jacobian(function).curvature(output="first", top=3).pairs
    values = torch.linalg.eigvalsh(a[0])
    torch.testing.assert_close(found.values, values[values.abs().argsort(descending=True)[:3]], rtol=1e-6, atol=0)
    assert float(found.residuals.max()) < 1e-3 * float(values.abs().max())


def test_lanczos_agrees_with_arpack_on_a_smooth_network() -> None:
    operator = jacobian(dense([50, 30, 3], nn.Tanh), drawn(0, 50))
    hessian = Hessian(operator.function, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    product = lambda v: hessian(torch.from_numpy(v.reshape(1, -1).copy()))[0].numpy()  # noqa: E731
    theirs = eigsh(LinearOperator((50, 50), matvec=product, dtype=np.float64), 4, v0=np.ones(50))[0]
    ours = strongest(hessian, operator.function.at, 4)
    np.testing.assert_allclose(np.sort(ours.values.numpy()), np.sort(theirs), rtol=1e-6)
    for value, vector, residual in zip(ours.values, ours.vectors, ours.residuals, strict=True):
        assert float((hessian(vector[None])[0] - value * vector).norm()) == pytest.approx(float(residual), abs=1e-12)


def test_a_matrix_of_rank_one_is_done_after_two_products() -> None:
    along, products = drawn(0, 30), []

    def product(rows: torch.Tensor) -> torch.Tensor:
        products.append(len(rows))
        return (rows @ along)[:, None] * along

    found = strongest(product, along, 1)
    assert float(found.values[0]) == pytest.approx(float(along @ along))
    assert sum(products) <= 4


def test_unknown_outputs_and_misfitting_directions_are_refused() -> None:
    operator = Jacobian(quadratic()[0])
    with pytest.raises(PellucidError, match="no output 'third'"):
        operator.curvature(output="third")
    with pytest.raises(PellucidError, match="does not fit the input"):
        operator.curvature(drawn(0, 2, 5))
