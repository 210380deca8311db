"""Models that cannot hear, cannot see, or can do both, told apart by what moves their maps."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from images import case, classifier
from pairs import SENTENCES, pair_model
from torch import nn

from pellucid.errors import CapabilityError, PellucidError
from pellucid.metrics.sensitivity_ratio import sensitivity_ratio
from pellucid.predictors.image_text import PUBLISHED

SIZE = (32, 40)
CASES = [case(name, SIZE) for name in "abcd"]


def measured(model, sentence=SENTENCES[0], **options):
    return sensitivity_ratio(model, CASES[0], sentence, SENTENCES, CASES, **{"draws": 4, **options})


class Blind(nn.Module):
    """Gives the same regions for every picture, each another one."""

    def __init__(self, image, pixels):
        super().__init__()
        with torch.no_grad():
            self.regions, self.whole, self.grid = image(pixels)

    def forward(self, pixels):
        nothing = 0 * pixels.flatten(1).sum(1)
        return self.regions + nothing[:, None, None], self.whole + nothing[:, None], self.grid


@pytest.fixture
def model():
    return pair_model(size=SIZE)


def test_a_map_that_listens_and_looks_has_both_sensitivities(model):
    found = measured(model)
    assert min(found.text, found.image, found.text_whole, found.image_whole) > 1e-3
    assert found.ratio == pytest.approx(found.text / found.image)
    assert found.ratio_whole == pytest.approx(found.text_whole / found.image_whole)


def test_a_map_that_no_word_can_move_has_a_ratio_of_nothing(model):
    with torch.no_grad():
        model.module.text.word.weight.zero_()
    found = measured(model)
    assert (found.text, found.text_whole, found.ratio, found.ratio_whole) == (0, 0, 0, 0)
    assert found.image > 1e-3


def test_a_map_that_no_image_can_move_has_a_ratio_without_bound(model):
    model.module.image = Blind(model.module.image, model.pixels(model.encode(CASES[:1])))
    found = measured(model)
    assert (found.image, found.image_whole) == (0, 0)
    assert found.text > 1e-3
    assert found.ratio == found.ratio_whole == math.inf


@pytest.mark.parametrize("rule", ["corrected", "published"])
def test_an_even_map_has_no_ratio(rule):
    model = pair_model(size=SIZE) if rule == "corrected" else pair_model(PUBLISHED, SIZE)
    with torch.no_grad():
        for weight in model.module.image.region.parameters():
            weight.zero_()
        if rule == "corrected":
            model.module.rule = replace(model.module.rule, null=False)  # else words still share out what goes to no place
    found = measured(model)
    assert (found.text, found.image, found.text_whole, found.image_whole) == (0, 0, 0, 0)
    assert math.isnan(found.ratio)
    assert math.isnan(found.ratio_whole)


def test_for_small_changes_the_first_order_is_the_change_itself(model):
    """Images that hardly differ: what is predicted and what is made agree."""
    near = []
    for number, one in enumerate(CASES[1:]):
        pixels = CASES[0].picture.unit().copy()
        pixels[4 + number, 5] += 1e-3
        near.append(replace(one, inputs={"image": replace(CASES[0].picture, pixels=pixels.astype(np.float32))}))
    found = sensitivity_ratio(model, CASES[0], SENTENCES[0], SENTENCES, near, draws=4)
    assert found.image == pytest.approx(found.image_whole, rel=0.05)
    assert 0 < found.image < 0.1


def test_the_same_seed_draws_the_same_and_another_one_does_not(model):
    assert measured(model) == measured(model)
    assert measured(model, seed=1).text != measured(model).text


def test_only_words_and_images_of_others_are_drawn(model):
    own = replace(CASES[1], patient=CASES[0].patient)
    with pytest.raises(PellucidError, match="at least one other sentence, and one image of another patient"):
        sensitivity_ratio(model, CASES[0], SENTENCES[0], SENTENCES, [CASES[0], own])
    with pytest.raises(PellucidError, match="at least one other sentence"):
        sensitivity_ratio(model, CASES[0], SENTENCES[0], [SENTENCES[0]], CASES)
    both = sensitivity_ratio(model, CASES[0], SENTENCES[0], [*SENTENCES, SENTENCES[0]], [own, *CASES], draws=3)
    assert both == sensitivity_ratio(model, CASES[0], SENTENCES[0], SENTENCES, CASES, draws=3)


def test_a_classifier_of_images_has_no_words_to_change():
    with pytest.raises(CapabilityError, match="with respect to words"):
        sensitivity_ratio(classifier(SIZE), CASES[0], SENTENCES[0], SENTENCES, CASES)  # type: ignore[arg-type]
