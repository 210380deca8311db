"""Opting out, divergence and entropy have their least cost where they should."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from looking import CELLS, at, costs
from paired_images import absent, image, model, part, seen, some, step
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as shannon
from torch.nn.functional import binary_cross_entropy

from pellucid.case import Boxes, Case, Phrase
from pellucid.errors import CapabilityError
from pellucid.predictors.image_text import PUBLISHED, PUBLISHED_NULL
from pellucid.training.objectives import objective
from pellucid.training.objectives.pairs.attention_entropy import entropy
from pellucid.training.objectives.pairs.divergence import apart, jensen_shannon
from pellucid.training.objectives.pairs.drawing import pairs_of
from pellucid.training.objectives.pairs.maps import maps_of, shares

# Opting out


def test_opting_out_is_the_cross_entropy_of_each_kind_of_pair():
    network, cases = model(), some()
    made = step(network, *cases)
    pairs = pairs_of(made)
    assert pairs is not None
    null = maps_of(pairs.found, pairs.texts)[1].detach()
    there, gone = torch.zeros(4, 4), torch.zeros(4, 4)
    there[0, 0] = there[1, 1] = there[3, 3] = 1  # c says only what is absent
    for row, column in (
        (2, 0),
        (3, 0),
        (2, 1),
        (3, 1),
        (0, 3),
        (1, 3),
        (2, 3),
    ):  # no opacity in c and d, no nodule in a, b and c
        gone[row, column] = 1
    each = [(there, 0.0), (gone, 1.0), (torch.diag(torch.tensor([0.0, 0, 1, 0])), 1.0)]
    expected = sum(binary_cross_entropy(null[kind > 0], torch.full_like(null[kind > 0], target)) for kind, target in each)
    assert float(part("optout")(made).detach()) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize(("case", "best"), [(image("a", seen("left")), 0.0), (image("a", absent()), 1.0)])
def test_the_null_is_for_what_is_absent_and_for_nothing_else(case: Case, best: float):
    text = case.sentences[0].text
    found = {null: costs("optout", case, maps={text: (at(0), null)}) for null in (0.0, 0.3, 0.7, 1.0)}
    assert min(found, key=lambda null: found[null]) == best
    assert found[best] == pytest.approx(0, abs=1e-5)
    assert np.isfinite(list(found.values())).all()


def test_the_published_penalty_pushes_everything_off_the_null():
    cases = image("a", seen("left")), image("b", absent())
    maps = {"Left opacity.": (at(0), 0.2), "No nodule.": (at(0), 0.6)}
    assert costs("optout(published=true)", *cases, maps=maps) == pytest.approx(np.log([0.2, 0.6]).mean(), abs=1e-5)


def test_a_model_that_cannot_look_away_is_refused_in_one_sentence():
    with pytest.raises(CapabilityError, match=r"attention=corrected"):
        part("optout").inspect(model(PUBLISHED), some())
    found = part("optout").inspect(model(PUBLISHED_NULL), some())
    assert (found["with_a_place"], found["absent"]) == (3, 1)


# Divergence


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_divergence_is_that_of_jensen_and_shannon(seed: int):
    maps = shares(torch.rand(2, 5, 9, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) ** 4)
    expected = jensenshannon(maps[0].numpy(), maps[1].numpy(), base=2, axis=1) ** 2
    np.testing.assert_allclose(jensen_shannon(maps[0], maps[1]).numpy(), expected, atol=1e-9)


def test_sentences_of_two_places_cost_nothing_where_their_maps_are_apart_and_1_where_they_are_one():
    case = image("a", seen("left"), seen("right", "nodule"))
    alike = {"Left opacity.": (at(1, 2), 0.3), "Right nodule.": (at(1, 2), 0.0)}
    far = {"Left opacity.": (at(3), 0.3), "Right nodule.": (at(0), 0.0)}
    assert costs("divergence", case, maps=alike) == pytest.approx(1, abs=1e-4)
    assert costs("divergence", case, maps=far) == pytest.approx(0, abs=1e-4)


def test_sentences_of_one_place_may_look_alike():
    case = image("a", seen("left"), seen("left", "nodule"))
    same = {"Left opacity.": (at(1), 0.0), "Left nodule.": (at(1), 0.0)}
    assert costs("divergence", case, maps=same) == 0
    assert apart(case, seen("left"), seen("left", top=12)) == pytest.approx(1 - 32 / 96)
    assert apart(case, seen("left"), Phrase("Stable.", Boxes(np.zeros((0, 4))))) == 1


def test_published_divergence_is_the_mean_symmetric_divergence_to_other_sentences_of_the_batch():
    cases = some()[:3]
    random = np.random.default_rng(0)
    maps = {case.sentences[0].text: random.dirichlet(np.ones(CELLS)) for case in cases}
    found = costs("divergence(published=true)", *cases, maps={text: (torch.tensor(m), 0.0) for text, m in maps.items()})
    each = [shannon(a, b) / 2 + shannon(b, a) / 2 for a in maps.values() for b in maps.values() if a is not b]
    assert found == pytest.approx(-np.mean(each), rel=1e-2)


# Entropy


def test_entropy_is_that_of_shannon_as_a_share_of_the_largest():
    maps = np.random.default_rng(0).dirichlet(np.ones(12), 5)
    np.testing.assert_allclose(entropy(torch.tensor(maps)).numpy(), shannon(maps, axis=1) / np.log(12))
    assert float(entropy(torch.tensor([1.0]))) == 0


def test_one_place_costs_nothing_and_everywhere_costs_1():
    case = image("a", seen("left"))
    assert costs("attention_entropy", case, maps={"Left opacity.": (at(3), 0.5)}) == pytest.approx(0, abs=1e-3)
    assert costs("attention_entropy", case, maps={"Left opacity.": (at(*range(16)), 0.5)}) == pytest.approx(1, abs=1e-6)


def test_the_weight_in_the_sum_is_honoured():
    network, cases = model(), some()
    plain, light, heavy = (
        float(objective(text)(step(network, *cases)).detach())
        for text in ("contrastive", "contrastive + 0.5 * attention_entropy", "contrastive + 3 * attention_entropy")
    )
    assert heavy - plain == pytest.approx(6 * (light - plain), rel=1e-6)
    assert light > plain
