"""Frozen layers: what is below stays, what is above learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_notes import ToyNotes

from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.training import Recipe, train
from pellucid.training.freezing import freeze

SHORT = Recipe(chunk=32, epochs=1, batch_size=8, encoder="small")


def test_frozen_layers_and_embeddings_keep_their_weights_and_the_others_learn(tmp_path: Path):
    notes = ToyNotes()
    before, _ = encoder_and_tokenizer("small", texts=(c.text for c in notes.split("train")), seed=0)
    after = train(notes, replace(SHORT, frozen_layers=3), tmp_path / "m").parts()["encoder"]
    learnt = {name for name, value in after.state_dict().items() if not torch.equal(value, before.state_dict()[name])}
    assert learnt
    assert all(name.startswith("encoder.layer.3.") for name in learnt)


@pytest.mark.parametrize("layers", [5, 99])
def test_more_layers_than_there_are_cannot_be_frozen(tmp_path: Path, layers: int):
    with pytest.raises(PellucidError, match="4 layers"):
        train(ToyNotes(), replace(SHORT, frozen_layers=layers), tmp_path / "m")


def test_an_encoder_that_hides_its_layers_is_named():
    with pytest.raises(CapabilityError, match="Linear"):
        freeze(torch.nn.Linear(2, 2), 1)


def test_input_gradients_cannot_be_regularised_where_nothing_reaches_the_input(tmp_path: Path):
    with pytest.raises(PellucidError, match="frozen_layers"):
        train(ToyNotes(), replace(SHORT, frozen_layers=1, objective="igr"), tmp_path / "m")
