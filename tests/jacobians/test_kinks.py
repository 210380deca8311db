"""Where networks bend, and the ball in which they are proven not to."""

from __future__ import annotations

import math

import images
import pytest
import torch
import torch.nn.functional as nnf
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import convolutional, dense, drawn, filled, jacobian
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians.function import of_callable, of_model, of_module
from pellucid.jacobians.kinks import affine_radius, kinks
from pellucid.jacobians.kinks_rules import functionals


def test_the_nearest_kink_of_one_hidden_layer_is_a_closed_formula() -> None:
    network, at = dense([4, 7, 2]), drawn(1, 4)
    first = network[0]
    distances = (first.weight @ at + first.bias).abs() / first.weight.norm(dim=1)
    found = affine_radius(of_module(network, at))
    assert found.radius == pytest.approx(distances.min().item(), rel=1e-12)
    assert (found.layer, found.kinks) == ("1", 7)


@given(st.integers(0, 10**6), st.floats(0.5, 0.999))
@settings(max_examples=15, deadline=None)
def test_inside_the_ball_a_network_is_exactly_affine(seed: int, share: float) -> None:
    network, at = convolutional(seed % 7), drawn(seed, 1, 6, 6)
    operator = jacobian(network, at)
    radius = affine_radius(operator.function).radius
    assert 0 < radius < math.inf
    steps = drawn(seed + 1, 8, 1, 6, 6)
    steps = steps * share * radius / steps.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
    moved = operator.function.value(at + steps) - operator.value
    torch.testing.assert_close(moved, operator.jvp(steps), rtol=1e-9, atol=1e-14)


def test_a_step_to_the_nearest_kink_and_past_it_bends_the_network() -> None:
    network, at = dense([4, 7, 2]), drawn(1, 4)
    operator, first = jacobian(network, at), network[0]
    values = first.weight @ at + first.bias
    nearest = int((values.abs() / first.weight.norm(dim=1)).argmin())
    row = first.weight[nearest].detach()
    step = -(1.2 * values[nearest].detach() / row.norm() ** 2) * row
    moved = operator.function.value((at + step)[None])[0] - operator.value
    assert (moved - operator.jvp(step)).norm() > 1e-3 * moved.norm()


def test_units_that_never_move_have_no_kink() -> None:
    network = dense([3, 5, 2])
    with torch.no_grad():
        network[0].weight.zero_()
    found = affine_radius(of_callable(lambda x: network(x) + x.sum(1, keepdim=True), drawn(0, 3)))
    assert (found.radius, found.layer) == (math.inf, "")


def test_a_unit_at_its_kink_leaves_no_ball() -> None:
    assert affine_radius(of_callable(torch.relu, torch.tensor([0.0, 1.0]))).radius == 0


def test_a_linear_function_has_an_endless_ball() -> None:
    assert affine_radius(of_module(filled(nn.Linear(3, 2)), drawn(0, 3))).radius == math.inf


def test_functions_are_watched_as_layers_are() -> None:
    layers, at = dense([4, 6, 5, 2]), drawn(3, 4)

    def written(x: Tensor) -> Tensor:
        first = layers[0](x).relu_()
        second = torch.clamp(layers[2](first), min=0)
        return nnf.linear(second, layers[4].weight, layers[4].bias)

    assert affine_radius(of_callable(written, at)).radius == affine_radius(of_module(layers, at)).radius


def test_a_third_entry_of_a_window_may_overtake_the_second() -> None:
    scale = torch.tensor([1.0, 1.0, 100.0], dtype=torch.float64)
    at = torch.tensor([1.0, 0.9, 0.005], dtype=torch.float64)
    found = affine_radius(of_callable(lambda x: (x * scale).amax(1, keepdim=True), at))
    assert found.radius == pytest.approx(0.5 / math.hypot(1, 100), rel=1e-12)
    assert found.radius < 0.1 / math.sqrt(2)


@pytest.mark.parametrize(
    "activation", [nn.GELU, nn.Tanh, nn.SiLU, nn.Softplus, lambda: nn.LayerNorm(5), lambda: nn.Softmax(-1)]
)
def test_what_is_smooth_is_refused_by_its_layer(activation: type[nn.Module]) -> None:
    with pytest.raises(PellucidError, match=r"The step '\w+' of 1 is not straight"):
        affine_radius(of_module(filled(nn.Sequential(nn.Linear(3, 5), activation())), drawn(0, 3)))


class _Hidden(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.relu()

    @staticmethod
    def setup_context(ctx: object, inputs: object, output: object) -> None:
        ctx.on = inputs[0] > 0

    @staticmethod
    def jvp(ctx: object, tangent: Tensor) -> Tensor:
        return tangent * ctx.on


@pytest.mark.parametrize(
    "call",
    [
        _Hidden.apply,
        lambda x: torch.where(x > 0, x, 2 * x),
        lambda x: x * x,
        lambda x: 2 / x,
        lambda x: x + x.detach(),
        lambda x: x / x.norm(),
        lambda x: x[:, x[0].argsort()],
        lambda x: x if float(x.sum()) > 0 else -x,
        lambda x: nnf.prelu(torch.ones_like(x), x.mean()[None]),
        lambda x: torch.clamp(torch.ones_like(x), max=x),
        lambda x: torch.einsum("ni,ni->n", x, x)[:, None],
        lambda x: nnf.dropout(x, 0.5),
        lambda x: x + torch.div(x, 0.1, rounding_mode="floor"),
        lambda x: x + x.div(0.1, rounding_mode="trunc"),
    ],
)
def test_steps_that_could_hide_a_kink_are_refused(call: object) -> None:
    with pytest.raises(PellucidError, match=r"not straight|cannot be watched|ends the derivative"):
        affine_radius(of_callable(call, torch.tensor([0.3, 0.7, -0.2], dtype=torch.float64), ("a", "b", "c")))


def test_large_inputs_are_refused_with_what_they_would_take() -> None:
    with pytest.raises(PellucidError, match="36 numbers takes 3 passes"):
        affine_radius(of_module(convolutional(), drawn(0, 1, 6, 6)), most=35)


def test_the_first_kink_along_a_direction_is_where_the_network_leaves_its_tangent() -> None:
    network, at, along = convolutional(), drawn(5, 1, 6, 6), drawn(6, 4, 1, 6, 6)
    operator = jacobian(network, at)
    for step, direction in zip(kinks(operator.function, along).first, along, strict=True):
        before, after = at + 0.999 * step * direction, at + 1.5 * step * direction
        value, slope = operator.value, operator.jvp(direction)
        torch.testing.assert_close(operator.function.value(before[None])[0], value + 0.999 * step * slope, rtol=0, atol=1e-12)
        assert (operator.function.value(after[None])[0] - value - 1.5 * step * slope).norm() > 1e-9


def test_no_direction_meets_a_kink_before_the_ball_ends() -> None:
    function = of_module(convolutional(), drawn(5, 1, 6, 6))
    along = drawn(6, 20, 1, 6, 6)
    along = along / along.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
    assert min(kinks(function, along).first) >= affine_radius(function).radius


def test_units_that_are_off_or_at_a_kink_are_counted() -> None:
    at = torch.tensor([-1.0, 0.0, 2.0, 9.0], dtype=torch.float64)
    found = kinks(of_module(nn.ReLU6().eval(), at), torch.ones(1, 4))
    assert [(x.kind, x.units, x.off, x.hit) for x in found.layers] == [("hardtanh", 4, 3, 1)]
    assert (found.off, found.hit, found.first) == (0.75, 1, (0.0,))


def test_leaky_units_are_never_off() -> None:
    found = kinks(of_module(nn.LeakyReLU().eval(), drawn(0, 5)), torch.ones(1, 5))
    assert math.isnan(found.off)
    assert found.layers[0].off == 0


def test_equal_entries_of_a_window_tie_only_where_they_part() -> None:
    at = torch.tensor([[1.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    function = of_module(nn.MaxPool1d(2).eval(), at)
    assert kinks(function, torch.tensor([[[1.0, 0.5, 1.0, 1.0]]])).hit == 1
    assert kinks(function, torch.ones(1, 1, 4)).hit == 0


def test_a_layer_that_is_run_twice_is_told_apart() -> None:
    relu, lines = nn.ReLU(), dense([3, 3, 3])
    network = nn.Sequential(lines[0], relu, lines[2], relu).eval()
    assert [layer.name for layer in kinks(of_module(network, drawn(0, 3)), torch.ones(1, 3)).layers] == ["1", "1#2"]


@pytest.mark.parametrize(
    "given",
    [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": (2, 3), "ceil_mode": True},
     {"kernel_size": 2, "stride": 3, "dilation": 2, "padding": 1, "ceil_mode": True}],
)  # fmt: skip
def test_windows_of_a_max_pool_hold_what_it_chooses_from(given: dict[str, object]) -> None:
    values = drawn(0, 2, 3, 9, 11)
    pooled, chosen = nnf.max_pool2d(values, return_indices=True, **given)
    less = functionals("max_pool2d", (values,), given)[0]
    assert less.shape[:3] == (2, 3, pooled[0, 0].numel())
    second = torch.where(less == 0, math.inf, less).amin(-1).reshape(pooled.shape)
    for window in range(0, pooled[0, 0].numel(), 3):
        hidden = values.clone().flatten(2)
        hidden.scatter_(2, chosen.flatten(2)[..., window : window + 1], -math.inf)
        again = nnf.max_pool2d(hidden.reshape(values.shape), **given).flatten(2)[..., window]
        torch.testing.assert_close(pooled.flatten(2)[..., window] - again, second.flatten(2)[..., window])


def test_a_classifier_of_images_is_affine_in_a_ball_of_shades() -> None:
    function = of_model(images.classifier((8, 8)), images.case("a", (8, 8)))
    assert 0 < affine_radius(function).radius < 0.1
