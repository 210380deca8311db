"""Contrast: true pairs against the others of a batch, without those that are known to be true as well."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from paired_images import absent, clear, image, lung, model, part, seen, some, step
from torch.nn.functional import cross_entropy

from pellucid.errors import CapabilityError, DataError, PellucidError
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.image_text import PUBLISHED
from pellucid.training.objectives.pairs.contrastive import contrast


def scores_of(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64, requires_grad=True)


def nobody(scores: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(scores, dtype=torch.bool)


@given(st.integers(0, 10_000), st.integers(2, 8))
@settings(max_examples=25, deadline=None)
def test_without_sparing_it_is_the_cross_entropy_of_the_diagonal_both_ways(seed: int, n: int):
    scores = torch.randn(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 5
    expected = cross_entropy(scores, torch.arange(n)) + cross_entropy(scores.T, torch.arange(n))
    own = torch.eye(n, dtype=torch.bool)
    torch.testing.assert_close(contrast(scores, own, nobody(own)), expected)


def test_sparing_a_pair_is_as_if_it_were_not_there():
    scores = scores_of([2.0, 1.0, 5.0], [0.0, 1.0, 0.5], [0.3, 0.2, 1.0])
    own, spared = torch.eye(3, dtype=torch.bool), nobody(scores)
    spared[0, 2] = True
    rows = torch.stack([scores[0, :2].log_softmax(0)[0], scores[1].log_softmax(0)[1], scores[2].log_softmax(0)[2]])
    columns = torch.stack([scores[:, 0].log_softmax(0)[0], scores[:, 1].log_softmax(0)[1], scores[1:, 2].log_softmax(0)[1]])
    torch.testing.assert_close(contrast(scores, own, spared), -(rows.mean() + columns.mean()))


def test_a_row_or_column_of_spared_pairs_costs_nothing_and_has_finite_gradients():
    scores = scores_of([3.0, 1.0], [9.0, 4.0], [8.0, 7.0])  # the last image has no sentence, and all are true of it
    own = torch.tensor([[True, False], [False, True], [False, False]])
    spared = ~own
    found = contrast(scores, own, spared)
    (gradient,) = torch.autograd.grad(found, scores)
    assert float(found.detach()) == 0
    assert gradient.tolist() == [[0, 0], [0, 0], [0, 0]]


def test_a_pair_without_others_costs_nothing():
    scores = scores_of([3.0])
    found = contrast(scores, torch.ones(1, 1, dtype=torch.bool), nobody(scores))
    assert float(found.detach()) == 0
    assert torch.autograd.grad(found, scores)[0].tolist() == [[0.0]]


def test_one_sentence_still_chooses_among_images():
    scores = scores_of([0.0], [0.0])
    own = torch.tensor([[True], [False]])
    assert float(contrast(scores, own, nobody(scores)).detach()) == pytest.approx(np.log(2))


def test_huge_scores_stay_finite():
    scores = scores_of([-3e4, 3e4], [3e4, -3e4])
    found = contrast(scores, torch.eye(2, dtype=torch.bool), nobody(scores))
    assert float(found.detach()) == pytest.approx(1.2e5)
    assert bool(torch.autograd.grad(found, scores)[0].isfinite().all())


def test_the_batch_may_come_in_any_order():
    network, cases = model(), some()
    first = float(part("contrastive")(step(network, *cases)).detach())
    second = float(part("contrastive")(step(network, *(cases[i] for i in (2, 0, 3, 1)))).detach())
    assert first == pytest.approx(second, rel=1e-9)


def test_what_is_true_of_another_image_too_is_spared():
    network = model()
    twice = image("a", seen("left")), image("b", seen("left")), image("c", seen("right"))
    spared = float(part("contrastive")(step(network, *twice)).detach())
    held = float(part("contrastive(spare=false)")(step(network, *twice)).detach())
    assert spared < held


def test_local_and_global_terms_add_up():
    network, cases = model(), some()
    parts = [float(part(f"contrastive({off}=0)")(step(network, *cases)).detach()) for off in ("local", "whole")]
    assert float(part("contrastive")(step(network, *cases)).detach()) == pytest.approx(sum(parts), rel=1e-9)


def test_half_precision_costs_nearly_the_same_and_has_finite_gradients():
    network, cases = model(double=False), some()  # without dropout
    full = float(part("contrastive")(step(network, *cases)).detach())
    with torch.autocast("cpu", torch.bfloat16):
        half = part("contrastive")(step(network, *cases))
    half.backward()
    assert half.dtype == torch.float32
    assert float(half.detach()) == pytest.approx(full, rel=0.05)
    assert all(bool(p.grad.isfinite().all()) for p in network.module.parameters() if p.grad is not None)


def test_a_batch_without_sentences_costs_nothing_and_can_be_sent_back():
    network = model()
    found = part("contrastive")(step(network, image("a"), image("b")))
    found.backward()
    assert float(found.detach()) == 0
    assert network.cost.images == 0


def test_abnormal_ones_are_those_that_say_something_is_there():
    network = model()
    cases = image("a", seen("left")), image("b", absent()), image("c", clear("left"))
    found = part("contrastive(sentences=abnormal)").inspect(network, cases)
    assert found == {"sentences": 1, "cases_with_sentences": 1, "cases": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contrastive(sentences=some)", "all or abnormal or random"),
        ("contrastive(masked=1)", "below 1"),
        ("contrastive(clinical=-0.1)", "at least 0"),
        ("contrastive(local=0, whole=0)", "not both 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(text: str, message: str):
    with pytest.raises(PellucidError, match=message):
        part(text)


def test_models_without_sentences_and_cases_without_reports_are_refused():
    classifier = ImageClassifier.build(
        "tiny", ("opacity",), exclusive=False, size=(32, 32), channels=1, generator=torch.Generator().manual_seed(0)
    )
    with pytest.raises(CapabilityError, match="sentences"):
        part("contrastive").inspect(classifier, some())
    with pytest.raises(DataError, match="No training case of 1 has a sentence"):
        part("contrastive").inspect(model(), [image("a")])


def test_the_published_attention_learns_too():
    network = model(PUBLISHED)
    part("contrastive(spare=false)")(step(network, *some())).backward()
    assert network.module.null is None
    assert float(sum(p.grad.abs().sum() for p in network.module.parameters() if p.grad is not None)) > 0


def test_the_lungs_of_the_cases_lie_where_they_should():
    """The patient's right is on the left of the picture; everything on sides rests on that."""
    right, left = lung("right").mask, lung("left").mask
    assert np.flatnonzero(right.any(0)).max() < np.flatnonzero(left.any(0)).min()
