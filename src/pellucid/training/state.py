"""What a training run must remember to go on, after being killed, as if nothing had happened.

The state of a run for `out` lies beside it, in `out` + ".state", in one file that is replaced as a whole. The finished model
thus appears under its name by a single rename, and a folder of that name is always a finished model.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch
from torch import Tensor

from pellucid.errors import CheckpointError, PellucidError
from pellucid.files import replacing
from pellucid.predictors import MANIFEST

STATE = "state.pt"


@dataclass
class Position:
    """Where a run stands, and what it has seen.

    Attributes:
        epoch: epochs finished.
        batch: batches of the next epoch already used.
        loss_sum: sum of the losses of these batches.
        history: of every finished epoch its number (from 1), mean loss and validation mAP; "rising" where it began before the
            weights of all objectives had risen.
    """

    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """The first epoch (from 1) with the highest validation mAP (or smallest validation loss); 0 before one is finished.

        Epochs in which weights still rose are chosen only where there are no others: what they were for was not yet learnt.
        """
        known = [h for h in self.history if "rising" not in h] or self.history
        return max(known, key=lambda h: (_goodness(h), -h["epoch"]))["epoch"] if known else 0

    def finished(self, epochs: int, patience: int) -> bool:
        """Whether all epochs are done, or the last `patience` of them brought nothing better."""
        rising = bool(self.history) and "rising" in self.history[-1]
        return self.epoch >= epochs or (self.epoch > 0 and not rising and self.epoch - self.best_epoch >= patience)


@dataclass
class State:
    """A run, frozen between two steps.

    Attributes:
        identity: digest of recipe and data set; a run goes on only with both unchanged.
        generators: states of PyTorch's random generators.
        weights: current weights; `best`: those of the best epoch, empty before there is one.
        optimiser: moments and learning rates.
        helpers: weights of what objectives have of their own.
    """

    identity: str
    position: Position
    generators: list[Tensor]
    weights: dict[str, Tensor]
    best: dict[str, Tensor]
    optimiser: dict[str, Any]
    helpers: dict[str, Tensor] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write the state, whole or not at all.

        Raises:
            StorageError: the disk is full or read-only; the last state stays.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self)} | {"position": asdict(self.position)}
        with replacing(folder / STATE) as temporary, temporary.open("wb") as file:
            _write(values, file)

    @classmethod
    def load(cls, folder: Path, identity: str, device: torch.device) -> Self | None:
        """The state kept in `folder`; None where there is none.

        Raises:
            PellucidError: it belongs to another recipe or data set.
            CheckpointError: it cannot be read.
        """
        file = folder / STATE
        if not file.is_file():
            return None
        try:
            values = torch.load(file, map_location=device, weights_only=True)
            state = cls(**values | {"position": Position(**values["position"])})
        except (OSError, RuntimeError, EOFError, TypeError, KeyError, pickle.UnpicklingError) as error:
            raise CheckpointError(f"{file} cannot be read ({type(error).__name__}); start afresh (--fresh).") from error
        if state.identity != identity:
            raise PellucidError(
                f"{folder} holds a run begun with another recipe or data set; go on with those, choose another folder, "
                "or start afresh (--fresh)."
            )
        return state


def _goodness(epoch: Mapping[str, Any]) -> float:
    """By what epochs of a run are compared: the mAP of a predictor, the loss of what has no labels to rank."""
    return float(epoch["validation_map"]) if "validation_map" in epoch else -float(epoch["validation_loss"])


def state_folder(out: Path) -> Path:
    """Where the state of the run for `out` lies while it lasts."""
    return out.with_name(f"{out.name}.state")


def check_free(out: Path) -> None:
    """Refuse an `out` whose content a model would replace; what is a model may be finished, or is replaced when asked to.

    Raises:
        PellucidError: it is a file, or holds other things than a model.
    """
    if out.exists() and not out.is_dir():
        raise PellucidError(f"{out} is a file; give a folder for the model.")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise PellucidError(f"{out} holds other things than a model, which would be lost; choose another folder.")


def discard(out: Path) -> None:
    """Forget the state of the run for `out`, if there is one. A file in its folder that is not of a run stays."""
    folder = state_folder(out)
    for file in (folder / STATE, *folder.glob(f".{STATE}.*.part")):
        file.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _write(values: dict[str, Any], file: BinaryIO) -> None:
    try:
        torch.save(values, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None  # PyTorch reports its own confusion instead of what the file system said
        raise
