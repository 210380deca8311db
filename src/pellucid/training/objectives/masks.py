"""Which tokens of a note to keep: a random share of them, or those on which the model's answer rests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.predictor import Batch
from pellucid.predictors.forward import Forward
from pellucid.training.step import Step

Keep = Bool[np.ndarray, " U"]
_OPEN = 2.0  # first value of a gate before its sigmoid: nearly all of the token is there


def random_keep(units: int, run: int = 1) -> Keep:
    """Keep a share of the units that is itself drawn, uniformly from 0 to 1; from PyTorch's global generator.

    Args:
        run: units stay or go in runs of so many, from a random start.
    """
    share, start = float(torch.rand(())), int(torch.randint(run, ()))
    runs = torch.rand((units + start) // run + 1).numpy() < share
    return np.asarray(runs[(np.arange(units) + start) // run])


@dataclass(frozen=True)
class Search:
    """The search for few tokens that suffice (Edin et al. 2024, section 3), with a fixed number of steps.

    Every token has a gate between the token and the mask token: features s x + (1 - s) x_mask with s = sigmoid(m). Minimised
    for each case is `mean(s) + preserve * distance(answer, answer without gates)`; a token is kept where s ends above 1/2. Adam
    moves every m by about `rate` a step, from 2 on, so that `steps * rate` must exceed 2 for a gate to close.

    Attributes:
        distance: of logits to logits, one value a case.
    """

    steps: int
    rate: float
    preserve: float
    distance: Callable[[Float[Tensor, "B C"], Float[Tensor, "B C"]], Float[Tensor, " B"]]

    def __call__(self, step: Step) -> list[Keep]:
        """The tokens to keep of each case of the step. A case's answer does not depend on the others of its batch."""
        kind = step.model.device.type
        half = torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)
        # Where training computes in half precision the search does too: only the signs of its steps matter.
        with step.still(), torch.autocast(kind, half[1], enabled=half[0]), torch.enable_grad():
            return self._searched(step)

    def _searched(self, step: Step) -> list[Keep]:
        model, batch, sizes = step.model, step.batch, [len(units) for units in step.batch.units]
        with torch.no_grad():
            whole = model.forward(batch)
            places, away = _places(batch, whole), (_masked(model.reference(batch), whole) - whole.features).float()
        owner = torch.repeat_interleave(torch.arange(len(batch)), torch.tensor(sizes)).to(places.device)
        mean = torch.tensor([1 / max(size, 1) for size in sizes], device=places.device)[owner]
        gates = torch.full((len(places),), _OPEN, device=places.device, requires_grad=True)
        adam = torch.optim.Adam([gates], lr=self.rate)
        for _ in range(self.steps):
            open_ = torch.sigmoid(gates)
            closed = away.new_zeros(away.shape[:2].numel()).index_put((places,), 1 - open_).view(*away.shape[:2], 1)
            changed = model.forward(batch, shift=closed * away).logits
            loss = (open_ * mean).sum() + self.preserve * self.distance(changed, whole.logits).sum()
            (gates.grad,) = torch.autograd.grad(loss, gates)
            adam.step()
        return np.split(gates.detach().cpu().numpy() > 0, np.cumsum(sizes)[:-1])


def _places(batch: Batch, whole: Forward) -> Int[Tensor, " U"]:
    """The row of every unit of all cases, among the rows of all blocks."""
    width = whole.features.shape[1]
    blocks = torch.bincount(whole.case, minlength=len(batch)).cpu().numpy()
    firsts = (np.cumsum(blocks) - blocks) * width
    places = np.concatenate([first + rows for first, rows in zip(firsts, batch.rows, strict=True)])
    return torch.from_numpy(places).to(whole.case.device)


def _masked(reference: Float[Tensor, "B L d"], whole: Forward) -> Float[Tensor, "M R d"]:
    """Features with every token of text masked, in the blocks of a forward pass."""
    counts, width = torch.bincount(whole.case, minlength=len(reference)).tolist(), whole.features.shape[1]
    return torch.cat([rows[: n * width].unflatten(0, (n, width)) for rows, n in zip(reference, counts, strict=True)])
