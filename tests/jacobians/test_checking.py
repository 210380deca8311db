"""What has no Jacobian is refused in one sentence; what makes one doubtful is said."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_callable, of_module

AT = torch.linspace(-1, 1, 6, dtype=torch.float64)


def refusal(call: object, at: Tensor = AT) -> str:
    with pytest.raises(PellucidError) as caught:
        Jacobian(of_callable(call, at))  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.endswith(".")
    assert ". " not in message  # one sentence
    return message


def test_training_mode_is_refused_by_the_name_of_the_layer() -> None:
    network = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)).double().eval()
    network[1].train()
    with pytest.raises(PellucidError, match=r"training mode \(1 is\).*\.eval\(\)"):
        of_module(network, AT)


def test_integers_have_no_derivative() -> None:
    assert "int64" in refusal(lambda x: x * 2, torch.arange(6))


def test_inputs_and_outputs_that_are_not_finite_are_refused() -> None:
    assert "not finite" in refusal(lambda x: x, torch.tensor([1.0, float("nan")]))
    assert "output '0' is not a finite number" in refusal(lambda x: torch.log(x.sum(1, keepdim=True) - 100))


def test_a_derivative_that_is_not_finite_is_refused() -> None:
    assert "derivative is not a finite number" in refusal(lambda x: (x - x.detach()).sqrt())


def test_steps_without_a_derivative_are_refused() -> None:
    assert "has no derivative" in refusal(lambda x: x.argmax(1, keepdim=True).double())
    assert "has no derivative" in refusal(lambda x: torch.from_numpy(x.detach().numpy() * 2))
    weight = nn.Parameter(torch.ones(6, dtype=torch.float64))
    assert "do not depend on the input" in refusal(lambda x: x.detach() * weight)


def test_a_function_without_outputs_is_refused() -> None:
    assert "no outputs" in refusal(lambda x: x[:, :0])


def test_numbers_that_are_overwritten_have_no_derivative() -> None:
    assert "in-place" in refusal(lambda x: x.sigmoid().mul_(2))


def test_outputs_that_depend_on_batch_mates_are_refused() -> None:
    assert "what else is in its batch" in refusal(lambda x: x - x.mean(0))
    norm = nn.BatchNorm2d(1, track_running_stats=False).double()
    assert "batch" in refusal(lambda x: norm(x).flatten(1), AT.reshape(1, 2, 3))


def test_outputs_that_depend_on_chance_are_refused() -> None:
    generator = torch.Generator().manual_seed(0)
    assert "dropout" in refusal(lambda x: x * torch.rand(6, generator=generator, dtype=x.dtype))


def test_outputs_of_another_shape_are_refused() -> None:
    with pytest.raises(PellucidError, match="one row a version"):
        Jacobian(of_callable(lambda x: x, AT, outputs=["a", "b"]))
    assert "row a version" in refusal(lambda x: x[..., None])


def saturated(logit: float, output: str) -> Jacobian:
    from dataclasses import replace

    function = of_callable(lambda x: torch.sigmoid(x), torch.tensor([logit, 0.0], dtype=torch.float64), ["edema", "mass"])
    return Jacobian(replace(function, output=output))


@pytest.mark.parametrize("logit", [14.0, -14.0])
def test_a_saturated_probability_points_to_logits(logit: float) -> None:
    (note,) = saturated(logit, "probabilities").notes
    assert "'edema'" in note
    assert "logits" in note
    assert saturated(logit, "logits").notes == ()
    assert saturated(13.0 if logit > 0 else -13.0, "probabilities").notes == ()
