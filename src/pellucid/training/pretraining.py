"""An encoder learnt from nothing but text: masked-language modelling on the training notes.

For languages and subjects without pretrained weights at hand. Notes are read in the chunks in which a coding model will read
them, and of each chunk a share of the tokens is to be guessed (Devlin et al. 2019, section 3.1: of those, 80 % are masked, 10 %
replaced by another token, 10 % left as they are). Only training cases are read; validation cases judge.

What is written is a plain Hugging Face folder: `pellucid train --encoder FOLDER` goes on from it, and so can anything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.files import digest_json, read_json, replacing_directory, write_json
from pellucid.predictors.encoders import SIZES, encoder_and_tokenizer
from pellucid.predictors.plm_ca.chunks import stack, tokenise
from pellucid.randomness import stream
from pellucid.training import optimiser
from pellucid.training import state as states
from pellucid.training.news import Event
from pellucid.training.reproducible import generator_states, reproducible, set_generator_states

if TYPE_CHECKING:
    from pellucid.datasets.base import Dataset

ABOUT = "pretraining.json"
"""What is known of the training of an encoder, in its folder."""


@dataclass(frozen=True)
class Pretraining:
    """How to learn an encoder.

    Attributes:
        size: one of the encoders made here, "tiny" or "small".
        chunk: tokens read at once, as the coding model will.
        epochs: passes over the training notes.
        batch_size: chunks behind one step.
        learning_rate: the highest; it rises over the first tenth of the steps and falls linearly.
        masked: share of the tokens to guess.
        seed: of first weights, order and masks.
    """

    size: str = "tiny"
    chunk: int = 128
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    masked: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise PellucidError(f"There is no encoder size {self.size!r}; choose {' or '.join(SIZES)}.")
        if (
            min(self.chunk, self.epochs, self.batch_size) < 1
            or not 0 < self.masked < 1
            or not 0 < self.learning_rate < math.inf
        ):
            raise PellucidError(
                "Pretraining needs a chunk, epochs and batch size of at least 1, a learning rate above 0 and a masked share "
                "between 0 and 1."
            )


def pretrain(
    dataset: Dataset,
    how: Pretraining,
    out: Path,
    *,
    progress: Callable[[Event], None] | None = None,
    fresh: bool = False,
) -> dict[str, Any]:
    """Learn an encoder and its tokenizer from the training texts, and write them as `out`.

    An interrupted run goes on; a finished one is returned at once.

    Args:
        progress: called after every step, and after every epoch (without a validation figure on the way).
        fresh: forget an interrupted run, and replace a finished encoder.

    Returns:
        What is written in the folder's `pretraining.json`: settings, counts, and of every epoch the mean training loss and the
        loss and accuracy of guessing on validation (None where there are no validation cases).

    Raises:
        PellucidError: there are no training cases, the loss is not a number, or `out` holds something else.
    """
    out = Path(out).resolve()
    _check_folder(out)
    identity = digest_json({"pretraining": asdict(how), "dataset": dataset.fingerprint})
    if fresh:
        states.discard(out)
    elif (out / ABOUT).is_file():
        return _finished(out, identity)
    with reproducible(how.seed, torch.device("cpu")):
        run = _Run(dataset, how)
        kept = states.State.load(states.state_folder(out), identity, torch.device("cpu"))
        if kept is not None:
            run.restore(kept)
        run.fit(lambda: run.state(identity).save(states.state_folder(out)), progress or (lambda event: None))
    about = run.about(dataset) | {"identity": identity}
    with replacing_directory(out) as folder:
        run.model.roberta.save_pretrained(folder)
        run.tokenizer.save_pretrained(folder)
        write_json(folder / ABOUT, about)
    states.discard(out)
    return about


def _finished(out: Path, identity: str) -> dict[str, Any]:
    about = read_json(out / ABOUT)
    if about.get("identity") != identity:
        raise PellucidError(
            f"{out} holds an encoder of other settings or other data; choose another folder, or replace it (--fresh)."
        )
    return cast(dict[str, Any], about)


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise PellucidError(f"{out} is a file; give a folder for the encoder.")
    if out.is_dir() and any(out.iterdir()) and not (out / ABOUT).is_file():
        raise PellucidError(f"{out} holds other things than an encoder, which would be lost; choose another folder.")


class _Run:
    """An encoder in training."""

    def __init__(self, dataset: Dataset, how: Pretraining) -> None:
        self.how = how
        train = dataset.split("train")
        if not len(train):
            raise PellucidError("The data set has no train cases to learn an encoder from; prepare it with more of them.")
        encoder, self.tokenizer = encoder_and_tokenizer(how.size, texts=lambda: (c.text for c in train), seed=how.seed)
        self.model = _with_guesser(encoder, how.seed)
        self.train, self.validation = (self._chunks(cases) for cases in (train, dataset.split("validation")))
        self.optimiser = torch.optim.AdamW(
            [{"params": list(self.model.parameters()), "peak": how.learning_rate}], lr=how.learning_rate, weight_decay=0.01
        )
        self.position = states.Position()

    @property
    def steps_an_epoch(self) -> int:
        return math.ceil(len(self.train[0]) / self.how.batch_size)

    def _chunks(self, cases: Sequence[Case]) -> tuple[Int[np.ndarray, "M C"], Int[np.ndarray, " M"]]:
        notes = [tokenise(self.tokenizer, case, self.how.chunk, 10**9)[0] for case in cases]
        return stack(notes) if notes else (np.zeros((0, self.how.chunk), np.int64), np.zeros(0, np.int64))

    def state(self, identity: str) -> states.State:
        weights = self.model.state_dict()
        generators = generator_states(torch.device("cpu"))
        return states.State(identity, self.position, generators, weights, {}, self.optimiser.state_dict())

    def restore(self, state: states.State) -> None:
        self.model.load_state_dict(state.weights)
        self.optimiser.load_state_dict(state.optimiser)
        self.position = state.position
        set_generator_states(state.generators, torch.device("cpu"))

    def fit(self, save: Callable[[], None], tell: Callable[[Event], None]) -> None:
        for epoch in range(self.position.epoch, self.how.epochs):
            loss = self._epoch(epoch, tell)
            guessed = self._judge()
            entry = {"epoch": epoch + 1, "loss": loss, **guessed}
            self.position = states.Position(epoch + 1, history=[*self.position.history, entry])
            save()

    def _epoch(self, epoch: int, tell: Callable[[Event], None]) -> float:
        """One pass over all chunks, in an order and with masks that depend on seed and epoch alone; the mean loss."""
        random = stream(self.how.seed, "pretraining", str(epoch))
        order = random.permutation(len(self.train[0]))
        self.model.train()
        total, steps = 0.0, self.how.epochs * self.steps_an_epoch
        for step in range(self.steps_an_epoch):
            some = order[step * self.how.batch_size : (step + 1) * self.how.batch_size]
            done = epoch * self.steps_an_epoch + step
            loss = self._step(some, random, optimiser.rate_factor(done, steps, 0.1))
            total += loss
            tell(Event(epoch + 1, self.how.epochs, done + 1, steps, loss))
        return total / self.steps_an_epoch

    def _step(self, some: Int[np.ndarray, " B"], random: np.random.Generator, factor: float) -> float:
        optimiser.set_rate(self.optimiser, factor)
        self.optimiser.zero_grad(set_to_none=True)
        logits, wanted = self._guess(self.train[0][some], self.train[1][some], random)
        if not len(wanted):  # a last batch of chunks that hold nothing but the end of a note
            return 0.0
        loss = nn.functional.cross_entropy(logits, wanted)
        if not bool(loss.isfinite()):
            raise PellucidError("Learning the encoder diverged (the loss is not a number); lower the learning rate.")
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return float(loss.detach())

    def _guess(
        self, ids: Int[np.ndarray, "B C"], lengths: Int[np.ndarray, " B"], random: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Logits of the tokens to guess, and the tokens. Only their rows go through the output layer, the costly one."""
        shown, chosen = corrupted(ids, lengths, self.how.masked, self.tokenizer, random)
        mask = torch.from_numpy(np.arange(ids.shape[1]) < lengths[:, None]).long()
        hidden = self.model.roberta(input_ids=torch.from_numpy(shown), attention_mask=mask).last_hidden_state
        place = torch.from_numpy(chosen)
        return self.model.lm_head(hidden[place]), torch.from_numpy(ids)[place]

    @torch.no_grad()
    def _judge(self) -> dict[str, float | None]:
        """Loss and accuracy on validation, with the same masks every time."""
        self.model.eval()
        random, loss, right, count = stream(self.how.seed, "pretraining", "validation"), 0.0, 0, 0
        for start in range(0, len(self.validation[0]), self.how.batch_size):
            part = slice(start, start + self.how.batch_size)
            logits, wanted = self._guess(self.validation[0][part], self.validation[1][part], random)
            loss += float(nn.functional.cross_entropy(logits, wanted, reduction="sum").double())
            right += int((logits.argmax(-1) == wanted).sum())
            count += len(wanted)
        return {"validation_loss": loss / count if count else None, "validation_accuracy": right / count if count else None}

    def about(self, dataset: Dataset) -> dict[str, Any]:
        return {
            "method": "masked-language modelling from random weights, on the training texts alone",
            "settings": asdict(self.how),
            "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint},
            "training_tokens": int(self.train[1].sum()),
            "history": self.position.history,
        }


def corrupted(
    ids: Int[np.ndarray, "B C"],
    lengths: Int[np.ndarray, " B"],
    share: float,
    tokenizer: Any,
    random: np.random.Generator,
) -> tuple[Int[np.ndarray, "B C"], Bool[np.ndarray, "B C"]]:
    """What the model is shown, and which tokens it is to guess (no special token, no padding; at least one of the others)."""
    special = np.isin(ids, list(tokenizer.all_special_ids))
    free = (np.arange(ids.shape[1]) < lengths[:, None]) & ~special
    draw = np.where(free, random.random(ids.shape), 2.0)
    chosen = free & (draw <= max(share, float(draw.min())))
    fate = random.random(ids.shape)
    others = random.integers(len(tokenizer.all_special_ids), len(tokenizer), ids.shape)
    shown = np.where(chosen & (fate < 0.8), tokenizer.mask_token_id, ids)
    return np.where(chosen & (fate >= 0.9), others, shown), chosen


def _with_guesser(encoder: Any, seed: int) -> Any:
    """The encoder below an output layer that shares its word embeddings."""
    from transformers import RobertaForMaskedLM

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = RobertaForMaskedLM(encoder.config)
    # All but the positions: encoders made for coding start with equal ones, but a word is guessed from where others stand.
    positions = "embeddings.position_embeddings.weight"
    weights = {name: value for name, value in encoder.state_dict().items() if name != positions}
    model.roberta.load_state_dict({**model.roberta.state_dict(), **weights})
    return model
