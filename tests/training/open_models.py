"""Small models for tests of objectives: one of which everything is known, one with two layers that reads notes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from toy_notes import WORDS, ToyNotes

from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.predictors.forward import Forward
from pellucid.predictors.plm_ca import PlmCa
from pellucid.predictors.text_classifier import TextClassifier
from pellucid.training.objectives import objective
from pellucid.training.run import true_labels
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable


@dataclass
class Blocks:
    """A batch of a :class:`Linear`."""

    ids: Tensor
    real: Tensor
    case: Tensor


class Linear:
    """Logits are a linear function of the mean of a case's features."""

    device = torch.device("cpu")

    def __init__(self, *, exclusive: bool = False, words: int = 20, width: int = 5, labels: int = 3) -> None:
        torch.manual_seed(0)
        self.module = nn.ModuleDict({"words": nn.Embedding(words, width), "head": nn.Linear(width, labels)})
        self.exclusive = exclusive

    def forward(self, batch: Blocks, shift: Tensor | None = None) -> Forward:
        features = self.module["words"](batch.ids)
        features = features if shift is None else features + shift
        own = nn.functional.one_hot(batch.case).T.float()
        total = own @ (features * batch.real[..., None]).sum(1)
        logits = self.module["head"](total / (own @ batch.real.sum(1).float())[:, None])
        return Forward(logits, features, batch.real, batch.case)


def linear_step(*, exclusive: bool) -> Step:
    """Two cases, of two blocks and of one, with padding."""
    torch.manual_seed(1)
    real = torch.arange(6) < torch.tensor([6, 2, 4])[:, None]
    batch = Blocks(torch.randint(20, (3, 6)), real, torch.tensor([0, 0, 1]))
    truth = torch.tensor([[0.0, 1, 0], [1, 0, 0]] if exclusive else [[0.0, 1, 1], [0, 0, 0]])
    return Step(Linear(exclusive=exclusive), batch, truth, twice=True)


def _encoder(layers: int) -> tuple[Any, Any]:
    """Random weights, no dropout, with a tokenizer for toy notes."""
    from transformers import RobertaConfig, RobertaModel

    _, tokenizer = encoder_and_tokenizer("tiny", texts=[case.text for case in ToyNotes(8)], seed=0)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
    )
    return RobertaModel(config, add_pooling_layer=False), tokenizer


def coder(decoder: str = "plm_ca", layers: int = 2) -> PlmCa:
    """A model with random weights and no dropout, in training mode."""
    encoder, tokenizer = _encoder(layers)
    generator = torch.Generator().manual_seed(0)
    model = PlmCa.build(encoder, tokenizer, tuple(WORDS), decoder=decoder, chunk=32, generator=generator)
    model.module.train()
    return model


def classifier() -> TextClassifier:
    """The same encoder as a classifier whose labels exclude each other, over windows, in training mode."""
    encoder, tokenizer = _encoder(2)
    generator = torch.Generator().manual_seed(0)
    model = TextClassifier.build(encoder, tokenizer, tuple(WORDS), exclusive=True, window=32, generator=generator)
    model.module.train()
    return model


def step_of(model: Trainable, *indices: int, twice: bool = False) -> Step:
    """Some of the toy notes, of different lengths, as a step; with one label each where labels exclude each other."""
    cases = [ToyNotes(8).cases[i] for i in indices or range(4)]
    if model.exclusive:
        cases = [replace(case, labels=frozenset(sorted(case.labels)[:1])) for case in cases]
    truth = torch.from_numpy(true_labels(cases, model.labels)).float()
    return Step(model, model.encode(cases), truth, twice=twice)


def reached(model: Trainable) -> dict[str, bool]:
    """Where a gradient arrived: words, first and last layer, head."""
    parts: Any = model.parts()
    layers = parts["encoder"].encoder.layer
    named = {
        "words": parts["encoder"].embeddings.word_embeddings,
        "first layer": layers[0],
        "last layer": layers[-1],
        "head": parts["head"],
    }
    return {name: any(p.grad is not None and bool(p.grad.any()) for p in part.parameters()) for name, part in named.items()}


@cache
def fitted(text: str) -> PlmCa:
    """A model of one layer, fitted to the toy notes under an objective."""
    model, cases, minimised = coder(layers=1), ToyNotes(40).cases, objective(text)
    truth = torch.from_numpy(true_labels(cases, model.labels)).float()
    rates = zip(model.parts().values(), (1e-2, 5e-3), strict=True)
    adam = torch.optim.Adam([{"params": part.parameters(), "lr": rate} for part, rate in rates])
    torch.manual_seed(0)
    for turn in range(150):
        some = torch.arange(turn % 5, 40, 5)
        batch = model.encode([cases[i] for i in some])
        adam.zero_grad()
        minimised(Step(model, batch, truth[some], twice=minimised.twice)).backward()
        adam.step()
    return model
