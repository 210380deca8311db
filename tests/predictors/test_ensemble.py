"""Ensembles of image networks: one answer of several members, and one explanation of it."""

import numpy as np
import pytest
import torch
from images import FINDINGS, case

from pellucid import predictors, registry
from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictors.image_classifier import ImageClassifier, members_as_models
from pellucid.predictors.image_classifier.ensemble import members_of, name_of, parsed, places
from pellucid.target import Target
from pellucid.testing import check_explainer

SIZE = (32, 40)


def ensemble(members: int = 3, *, exclusive: bool = False, seed: int = 0) -> ImageClassifier:
    """Members in float64 whose norms have seen something."""
    generator = torch.Generator().manual_seed(seed)
    model = ImageClassifier.build(
        name_of("tiny", members), FINDINGS, exclusive=exclusive, size=SIZE, channels=1, generator=generator
    )
    model.to(dtype=torch.float64)
    model.module.train()
    with torch.no_grad():
        for _ in range(3):
            model.module(torch.randn(8, 1, *SIZE, dtype=torch.float64, generator=generator))
    model.module.eval()
    return model


def alone(model: ImageClassifier, member: int) -> ImageClassifier:
    """One member as a model of its own."""
    return members_as_models(model)[member]


def test_a_name_says_how_many_members_there_are():
    assert parsed("3*monai:DenseNet121") == (3, "monai:DenseNet121")
    assert parsed("tiny") == (1, "tiny")
    assert name_of("tiny", 1) == "tiny"
    assert places(torch.nn.Linear(1, 1), "stages") == ("stages",)


@pytest.mark.parametrize("name", ["0*tiny", "1*tiny", "65*tiny", "2*2*tiny"])
def test_an_ensemble_of_an_odd_number_of_members_is_refused(name):
    with pytest.raises(PellucidError):
        ImageClassifier.build(name, FINDINGS, exclusive=False, size=SIZE, channels=1, generator=torch.Generator())


def test_the_answer_is_the_mean_of_the_members_logits():
    model, cases = ensemble(), [case(name, SIZE) for name in "ab"]
    own = [alone(model, m).logits(model.pixels(model.encode(cases))) for m in range(3)]
    torch.testing.assert_close(model.logits(model.pixels(model.encode(cases))), torch.stack(own).mean(0))


def test_of_exclusive_labels_it_is_the_renormalised_geometric_mean_of_probabilities():
    model, cases = ensemble(exclusive=True), [case(name, SIZE) for name in "ab"]
    own = np.stack([alone(model, m).probabilities(alone(model, m).encode(cases)) for m in range(3)])
    product = np.exp(np.log(own).mean(0))
    np.testing.assert_allclose(model.probabilities(model.encode(cases)), product / product.sum(1, keepdims=True))


def test_members_have_first_weights_of_their_own_and_the_same_seed_draws_the_same():
    one, same, other = ensemble(), ensemble(), ensemble(seed=1)
    assert one.fingerprint == same.fingerprint != other.fingerprint
    weights = [next(member.parameters()) for member in members_of(one.module)]
    assert not torch.equal(weights[0], weights[1])


def test_a_saved_ensemble_opens_as_it_was(tmp_path):
    model = ensemble(2)
    model.save(tmp_path / "m")
    opened = predictors.load(tmp_path / "m")
    assert opened.fingerprint == model.fingerprint
    assert len(members_of(opened.module)) == 2


def test_a_member_is_saved_and_used_by_itself(tmp_path):
    model, batch = ensemble(2), ensemble(2).encode([case("a", SIZE)])
    model.threshold = 0.3
    first, second = members_as_models(model)
    first.save(tmp_path / "one")
    opened = predictors.load(tmp_path / "one")
    assert (opened.fingerprint, opened.threshold, opened.architecture) == (first.fingerprint, 0.3, "tiny")
    assert (opened.about["ensemble"], opened.about["member"]) == (model.fingerprint, 0)
    np.testing.assert_array_equal(opened.probabilities(batch), first.probabilities(batch))
    assert first.fingerprint != second.fingerprint


def test_a_single_model_has_no_members():
    assert members_as_models(alone(ensemble(2), 0)) == []


def test_every_member_has_its_head_learnt_at_the_rate_of_heads():
    parts = ensemble().parts()
    heads, trunk = set(parts["head"].parameters()), set(parts["encoder"].parameters())
    assert len(heads) == 6
    assert not heads & trunk


def test_the_maps_of_an_ensemble_are_those_of_its_members_side_by_side():
    model = ensemble()
    batch, target = model.encode([case("a", SIZE)]), [Target.label("nodule")]
    whole = model.feature_maps(batch, target)[0]
    parts = [alone(model, m).feature_maps(batch, target)[0] for m in range(3)]
    torch.testing.assert_close(whole.activations, torch.cat([part.activations for part in parts]))
    torch.testing.assert_close(whole.gradients[0], torch.cat([part.gradients[0] for part in parts]) / 3)


def test_embeddings_are_those_of_all_members():
    model = ensemble()
    pixels = model.pixels(model.encode([case("a", SIZE)]))
    torch.testing.assert_close(model.embed(pixels), torch.cat([alone(model, m).embed(pixels) for m in range(3)], 1))


def test_a_pass_in_training_shows_every_members_answer_and_maps():
    model, cases = ensemble(), [case(name, SIZE) for name in "ab"]
    forward = model.forward(model.encode(cases))
    torch.testing.assert_close(forward.members.mean(0), forward.logits)
    for member, maps in enumerate(forward.maps):
        expected = alone(model, member).forward(model.encode(cases)).maps[0]
        torch.testing.assert_close(maps, expected)


@pytest.mark.parametrize("name", ["grad_cam", "saliency", "score_cam"])
def test_methods_explain_an_ensemble_like_any_other_model(name):
    check_explainer(registry.explainers.create(name), ensemble(2), [case("a", SIZE), case("b", SIZE)])


def test_a_method_of_captum_that_looks_at_one_layer_refuses_an_ensemble():
    pytest.importorskip("captum")
    model = ensemble(2)
    with pytest.raises(CapabilityError, match="each member of an ensemble"):
        registry.explainers.create("captum:LayerGradCam")(model, model.encode([case("a", SIZE)]), [Target.label("nodule")])
