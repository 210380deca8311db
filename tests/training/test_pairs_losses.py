"""What all objectives of pairs keep: they reach both encoders, and refuse what they cannot use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from paired_images import LABELS, absent, clear, cost, image, model, part, seen, some, step, zoned

from pellucid.case import Boxes, Phrase
from pellucid.errors import CapabilityError, DataError, PellucidError
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.training.objectives import objective
from pellucid.training.objectives.pairs.drawing import pairs_of
from pellucid.training.objectives.pairs.maps import maps_of, own

NAMES = (
    "contrastive(masked=0.4)", "optout", "optout(published=true)", "divergence", "divergence(published=true)", "boxes",
    "boxes(published=true)", "laterality", "level",
    "attention_entropy",
)  # fmt: skip
TWO = (
    image("a", seen("left"), seen("right", "nodule")),
    image("b", seen("right"), seen("left", "nodule", 18)),
    image("c", absent("opacity"), absent("nodule")),
)
LEVELLED = (image("a", zoned("left")), image("b", zoned("right", "lower")))
UNUSABLE = {
    "optout": (),
    "divergence": (absent(), seen("left")),
    "boxes": (Phrase("Stable.", Boxes(np.zeros((0, 4)))),),
    "laterality": (clear("left"),),
    "level": (seen("left"),),
    "attention_entropy": (absent(),),
}


@pytest.mark.parametrize("text", NAMES)
@pytest.mark.parametrize("training", [True, False])
def test_both_encoders_are_moved(text: str, training: bool):
    network = model()
    network.module.train(training)
    cost(network, *(LEVELLED if text == "level" else TWO), text=text).backward()
    first = next(network.module.image.network.parameters())
    words = network.module.text.encoder.get_input_embeddings().weight
    for weight in (first, words):
        assert weight.grad is not None
        assert float(weight.grad.abs().sum()) > 0
    assert all(bool(p.grad.isfinite().all()) for p in network.module.parameters() if p.grad is not None)


@pytest.mark.parametrize("text", NAMES)
def test_the_batch_may_come_in_any_order(text: str):
    if text == "contrastive(masked=0.4)":
        text = "contrastive"  # what is hidden is drawn
    network, cases = model(), {"divergence": TWO, "level": LEVELLED}.get(text) or some()
    first = float(cost(network, *cases, text=text).detach())
    assert float(cost(network, *reversed(cases), text=text).detach()) == pytest.approx(first, rel=1e-9)


@pytest.mark.parametrize("text", NAMES)
def test_half_precision_has_finite_gradients_and_nearly_the_same_cost(text: str):
    text = text.replace("(masked=0.4)", "")
    cases = (image("a", seen("left")), image("b", seen("right")), image("c", seen("left", "nodule")))
    cases = {"divergence": TWO[:2], "level": LEVELLED}.get(text) or cases
    network = model(double=False)
    full = float(cost(network, *cases, text=text).detach())
    with torch.autocast("cpu", torch.bfloat16):
        half = cost(network, *cases, text=text)
    half.backward()
    assert half.dtype == torch.float32
    assert float(half.detach()) == pytest.approx(full, rel=0.05, abs=0.05)
    assert all(bool(p.grad.isfinite().all()) for p in network.module.parameters() if p.grad is not None)


@pytest.mark.parametrize(("text", "sentences"), UNUSABLE.items())
def test_a_batch_without_what_it_learns_from_costs_nothing_and_is_not_encoded(text: str, sentences: tuple[Phrase, ...]):
    network = model()
    made = step(network, image("x", *sentences), image("y"), text=text, among=some())
    network.cost.images = 0
    found = part(text)(made)
    found.backward()
    assert float(found.detach()) == 0
    assert network.cost.images == (2 if text == "attention_entropy" else 0)


@pytest.mark.parametrize(("text", "sentences"), UNUSABLE.items())
def test_training_cases_without_what_it_learns_from_are_refused(text: str, sentences: tuple[Phrase, ...]):
    with pytest.raises(DataError, match="No training case of 2 has"):
        part(text).inspect(model(), [image("a", *sentences), image("b")])


@pytest.mark.parametrize("text", NAMES)
def test_a_classifier_without_sentences_is_refused(text: str):
    generator = torch.Generator().manual_seed(0)
    classifier = ImageClassifier.build("tiny", LABELS, exclusive=False, size=(32, 32), channels=1, generator=generator)
    with pytest.raises(CapabilityError, match="sentences"):
        part(text).inspect(classifier, some())


@pytest.mark.parametrize("text", ["boxes(shots=0)", "laterality(margin=0)", "laterality(mass=1.5)", "level(margin=0)"])
def test_settings_that_mean_nothing_are_refused(text: str):
    with pytest.raises(PellucidError, match="it must be"):
        part(text)


def test_objectives_of_pairs_stand_on_contrast_and_boxes_on_their_own_feet():
    assert [p.name for _, p in objective("laterality + optout").parts] == ["contrastive", "laterality", "optout"]
    assert [p.name for _, p in objective("boxes(shots=30)").parts] == ["boxes"]
    assert all(part(text).placed and part(text).pairs for text in NAMES)


def test_a_sentence_beside_its_own_image_alone_looks_where_it_looks_among_all():
    network, cases = model(), some()
    made = step(network, *cases)
    pairs = pairs_of(made)
    assert pairs is not None
    maps, null = own(made, pairs.texts, pairs.rows)
    among = maps_of(pairs.found, pairs.texts)
    diagonal = torch.arange(4)
    torch.testing.assert_close(maps, among[0][diagonal, diagonal])
    torch.testing.assert_close(null, among[1][diagonal, diagonal])
    torch.testing.assert_close(maps.sum(1) + null, torch.ones(4, dtype=torch.float64))
