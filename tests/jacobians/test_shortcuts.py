"""Cheaper ways back: the same values to the last bit, the same rows, and hands off whatever they would get wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.functional as F
from layers import LAYERS, Calling, layer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pellucid.jacobians import Jacobian, of_callable, of_module, shortcuts
from pellucid.jacobians.products import Backward
from pellucid.jacobians.shortcuts import Shortcuts

PICTURES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "one channel": (lambda: nn.Conv2d(1, 5, 3, padding=1), (1, 9, 8)),
    "three channels, strided": (lambda: nn.Conv2d(3, 5, 7, stride=2, padding=3, bias=False), (3, 12, 11)),
    "uneven": (lambda: nn.Conv2d(3, 5, (3, 2), stride=(2, 3), padding=(0, 1), dilation=(1, 2)), (3, 12, 13)),
    "patches": (lambda: nn.Conv2d(3, 6, 4, stride=4, padding="valid"), (3, 12, 8)),
    "padded to the same size": (lambda: nn.Conv2d(3, 6, 4, padding="same"), (3, 7, 8)),
    "wrapped round": (lambda: nn.Conv2d(3, 6, 3, padding=1, padding_mode="circular"), (3, 7, 8)),
    "each channel alone": (lambda: nn.Conv2d(3, 6, 3, groups=3), (3, 7, 8)),
    "channels last": (lambda: nn.Conv2d(3, 6, 3).to(memory_format=torch.channels_last), (3, 7, 8)),
    "one number for both sides": (
        lambda: Calling(lambda x: F.conv2d(x, torch.ones(4, 3, 3, 3).to(x), None, (2,), [1], (1,))),
        (3, 7, 8),
    ),
    "by keywords": (lambda: _Keywords(), (3, 7, 8)),
    "without a batch": (lambda: Calling(lambda x: F.conv2d(x[0], torch.ones(4, 3, 2, 2).to(x))[None]), (3, 7, 8)),
    "norm without weights": (lambda: nn.BatchNorm2d(2, affine=False), (2, 4, 4)),
    "norm of a row": (lambda: nn.BatchNorm1d(5), (5,)),
    "norm of a volume": (lambda: nn.BatchNorm3d(2), (2, 3, 4, 2)),
    "norm by the batch": (lambda: nn.BatchNorm2d(2, track_running_stats=False), (2, 4, 4)),
}
SHORT = tuple(PICTURES)[:3] + tuple(PICTURES)[-4:-1]


class _Keywords(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(4, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, bias=None, weight=self.kernel, stride=2)


def made(name: str, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor]:
    """A network whose weights ask for nothing and whose norms have seen something, with one version of an input."""
    if name in LAYERS:
        module, at = layer(name)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module, at = PICTURES[name][0](), torch.randn(PICTURES[name][1], dtype=torch.float64)
            for part in module.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is not None:
                    part.running_mean.normal_()
                    part.running_var.uniform_(0.5, 2)
    return module.to(dtype).eval().requires_grad_(False), at.to(dtype)[None]


def rows(call: Callable[[Tensor], Tensor], at: Tensor, *, short: bool) -> tuple[Tensor, Tensor, set[str]]:
    """What a network gives, all rows, and the steps of the graph."""
    x = at.clone().requires_grad_()
    if short:
        with Shortcuts():
            value = call(x)
    else:
        value = call(x)
    found = [torch.autograd.grad(one, x, retain_graph=True)[0] for one in value.flatten()]
    return value.detach(), torch.stack(found), steps(value.grad_fn)


def steps(last: Any) -> set[str]:
    names, left = set(), [last]
    while left:
        step = left.pop()
        if step is not None:
            names.add(step.name())
            left += [other for other, _ in step.next_functions]
    return names


def apart(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).norm() / other.double().norm())


@pytest.mark.parametrize("name", [*LAYERS, *PICTURES])
def test_values_stay_to_the_last_bit_and_rows_stay(name: str) -> None:
    module, at = made(name)
    plain, expected, _ = rows(module, at, short=False)
    value, found, _ = rows(module, at, short=True)
    assert torch.equal(value, plain)
    assert value.stride() == plain.stride()
    assert apart(found, expected) < 1e-12


@pytest.mark.parametrize("name", PICTURES)
def test_float32_rows_are_within_a_millionth_of_float64(name: str) -> None:
    module, at = made(name, torch.float32)
    exact, _ = made(name)
    assert apart(rows(module, at, short=True)[1], rows(exact, at.double(), short=False)[1]) < 1e-6


@pytest.mark.parametrize("name", SHORT)
def test_the_dear_ways_back_are_gone(name: str) -> None:
    dear = {"ConvolutionBackward0", "NativeBatchNormBackward0"}
    module, at = made(name)
    assert dear & rows(module, at, short=False)[2]
    assert not dear & rows(module, at, short=True)[2]


def test_the_layers_of_a_picture_in_channels_last_are_left_as_they_are() -> None:
    module, at = made("channels last")
    value, _, kept = rows(module, at.contiguous(memory_format=torch.channels_last), short=True)
    assert value.is_contiguous(memory_format=torch.channels_last)
    assert "ConvolutionBackward0" in kept


def test_weights_that_ask_for_a_derivative_get_theirs() -> None:
    for name in ("one channel", "norm of a row"):
        module, at = made(name)
        module.requires_grad_(True)
        x = at.clone().requires_grad_()
        asked = [x, *module.parameters()]
        expected = torch.autograd.grad(module(x).sin().sum(), asked)
        with Shortcuts():
            found = torch.autograd.grad(module(x).sin().sum(), asked)
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_weights_with_rules_of_their_own_are_left_to_them() -> None:
    class Odd(Tensor):
        """A kind of tensor that does not tell modes of itself, as quantised weights are."""

        __torch_function__ = torch._C._disabled_torch_function_impl

    kernel = torch.ones(2, 3, 2, 2, dtype=torch.float64)
    at = torch.ones(1, 3, 4, 4, dtype=torch.float64)
    assert "ConvolutionBackward0" not in rows(lambda x: F.conv2d(x, kernel), at, short=True)[2]
    assert "ConvolutionBackward0" in rows(lambda x: F.conv2d(x, kernel.as_subclass(Odd)), at, short=True)[2]


def test_patches_that_would_fill_the_memory_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    module, at = made("one channel")
    for room, kept in ((9 * 72, False), (9 * 72 - 1, True)):  # 9 weights over 9 x 8 places
        monkeypatch.setattr(shortcuts, "_ROOM", room)
        assert ("ConvolutionBackward0" in rows(module, at, short=True)[2]) == kept


def _bias_of_the_picture(x: Tensor) -> Tensor:
    return F.conv2d(x, torch.ones(2, 3, 2, 2).to(x), x.mean((2, 3))[0, :2])


def _biased(x: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(x, torch.linspace(-1, 1, 36).to(x).reshape(2, 3, 3, 2), bias).sin()


def _norm(x: Tensor) -> Tensor:
    fixed = torch.tensor([0.3, -0.2, 0.1]).to(x), torch.tensor([0.5, 2.0, 1.0]).to(x)
    return F.batch_norm(x, *fixed, fixed[1], fixed[0])


def _convolved(x: Tensor) -> Tensor:
    return F.conv2d(_norm(x), torch.linspace(-1, 1, 36).to(x).reshape(2, 3, 3, 2), torch.ones(2).to(x), 2, 1)


def _gradient(x: Tensor) -> Tensor:
    """A gradient as the output, as of an explanation."""
    with torch.enable_grad():
        read = x if x.requires_grad else x.clone().requires_grad_()
        return torch.autograd.grad(_convolved(read).sin().sum(), read, create_graph=True)[0]


def _forwards(x: Tensor) -> Tensor:
    """A derivative forwards as the output."""
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(_convolved(forward_ad.make_dual(x, x.detach().cos())).sin()).tangent


NESTED: dict[str, Callable[[Tensor], Tensor]] = {
    "norm and convolution": _convolved,
    "a bias that depends on the picture": _bias_of_the_picture,
    "gradient": _gradient,
    "gradient by torch.func": lambda x: torch.func.grad(lambda y: _convolved(y).sin().sum())(x),
    "Jacobian by torch.func": lambda x: torch.func.jacrev(lambda y: _convolved(y).sin().sum((2, 3)))(x),
    "forwards": _forwards,
    "forwards by torch.func": lambda x: torch.func.jvp(lambda y: _convolved(y).sin(), (x,), (x.detach().cos(),))[1],
    "of a bias, by torch.func": lambda x: torch.func.grad(lambda bias: _biased(x, bias).sum())(torch.ones(2).to(x)),
    "of a bias, forwards": lambda x: torch.func.jvp(lambda bias: _biased(x, bias), *[(torch.ones(2).to(x),)] * 2)[1],
    "mapped": lambda x: torch.func.vmap(lambda scale: _convolved(x * scale).sin())(torch.tensor([0.5, 2.0]).to(x)),
    "mapped weights": lambda x: torch.func.vmap(lambda w: F.conv2d(x, w))(torch.ones(2, 4, 3, 2, 2).to(x)),
    "a part without a graph": lambda x: x[:, :2, :4, :2] + _no_graph(x),
    "written over": lambda x: _norm(x).relu_().sin(),
}


@torch.no_grad()
def _no_graph(x: Tensor) -> Tensor:
    return _convolved(x)


@pytest.mark.parametrize("name", NESTED)
def test_derivatives_and_maps_inside_a_function_stay(name: str) -> None:
    at = torch.randn(1, 3, 7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain, expected, _ = rows(NESTED[name], at, short=False)
    value, found, _ = rows(NESTED[name], at, short=True)
    assert apart(value, plain) < 1e-14  # a gradient as the output is rounded as its way back rounds it
    assert apart(found, expected) < 1e-12


def test_what_is_written_over_a_norm_goes_back_without_copies() -> None:
    at = torch.randn(1, 3, 7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert not [step for step in rows(NESTED["written over"], at, short=True)[2] if "CopySlices" in step]


def test_second_derivatives_stay() -> None:
    at = torch.randn(1, 3, 7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.autograd.functional.hessian(lambda x: _convolved(x).sin().sum(), at)
    with Shortcuts():
        found = torch.autograd.functional.hessian(lambda x: _convolved(x).sin().sum(), at)
    assert isinstance(found, Tensor)
    assert isinstance(expected, Tensor)
    assert apart(found, expected) < 1e-12


def test_lower_precision_is_left_to_pytorch() -> None:
    module, at = made("norm without weights", torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        half = at.bfloat16()
        plain, value = rows(module, half, short=False), rows(module, half, short=True)
    assert value[0].dtype == plain[0].dtype
    assert torch.equal(value[0], plain[0])
    assert torch.equal(value[1], plain[1])


# Through the operator


class Small(nn.Module):
    """A network of pictures; `saving` keeps no numbers between its halves but runs them anew on the way back."""

    def __init__(self, saving: bool = False) -> None:
        super().__init__()
        self.saving = saving
        self.early = nn.Sequential(nn.Conv2d(3, 6, 7, 4, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.late = nn.Sequential(nn.Conv2d(6, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4))

    def forward(self, x: Tensor) -> Tensor:
        if not self.saving:
            return self.late(self.early(x))
        middle = checkpoint(self.early, x, use_reentrant=False)
        return checkpoint(self.late, middle, use_reentrant=False)


def small(saving: bool = False) -> tuple[nn.Module, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Small(saving)
        at = torch.randn(3, 105, 105)
        network(torch.stack([at, 2 * at]))  # gives the last layer its size, and the norms something to have seen
    return network.double().eval(), at.double()


def row_by_row(network: nn.Module, at: Tensor) -> Tensor:
    found = []
    for place in range(4):
        x = at.clone().requires_grad_()
        found.append(torch.autograd.grad(network(x[None])[0, place], x)[0])
    return torch.stack(found)


@pytest.mark.parametrize("saving", [False, True])
def test_a_large_picture_has_the_rows_of_one_pass_each(saving: bool) -> None:
    network, at = small(saving)
    jacobian = Jacobian(of_module(network, at))
    assert apart(jacobian.dense(), row_by_row(network, at)) < 1e-12
    assert torch.equal(jacobian.value, network(at[None])[0].detach())
    assert all(weight.requires_grad for weight in network.parameters())


def test_float32_rows_of_a_large_picture_are_those_of_one_pass_each() -> None:
    network, at = small()
    network, at = network.float(), at.float()
    assert apart(Jacobian(of_module(network, at)).dense(), row_by_row(network, at)) < 1e-6


def test_products_of_both_ways_are_of_one_matrix_for_a_large_picture() -> None:
    network, at = small()
    jacobian = Jacobian(of_module(network, at))
    assert jacobian.adjoint_gap() < 1e-12
    assert jacobian.difference_gap() < 1e-6


def test_only_where_outputs_go_back_one_at_a_time() -> None:
    """Several at once fill the lanes anyway; a second derivative keeps PyTorch's own steps."""
    network, at = small()
    function = of_module(network, at)
    assert "NativeBatchNormBackward0" not in steps(Backward(function).outputs.grad_fn)
    assert "NativeBatchNormBackward0" in steps(Backward(function, twice=True).outputs.grad_fn)
    norm = nn.BatchNorm1d(5).double().eval().requires_grad_(False)
    little = of_callable(norm, torch.ones(5, dtype=torch.float64))
    assert "NativeBatchNormBackward0" in steps(Backward(little).outputs.grad_fn)
