"""What every method promises that explains an image for a sentence, on every kind of image-text model."""

from __future__ import annotations

import numpy as np
import pytest
from duals import saved
from images import case
from pairs import SENTENCES, pair_model

from pellucid.errors import CapabilityError
from pellucid.explainers.base import modalities_of, refusals
from pellucid.predictors.image_text import CORRECTED, PUBLISHED, ImageText
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer

SIZE = (32, 40)
AGGREGATES = ("mean", "words", "gradient", "concentration", "max")
OURS = ("local_attention", *(f"local_attention_{how}" for how in AGGREGATES), "dense_cosine", "grad_eclip", "m2ib",
        "embedding_vjp", "bimodal_relevancy")  # fmt: skip
QUICK = {
    "m2ib": {"steps": 4, "samples": 2},
    "smoothgrad": {"samples": 2},
    "integrated_gradients": {"most": 8},
    "occlusion": {"window": 0.5, "stride": 0.5},
    "occlusion_patch": {"regions": 4},
    "occlusion_superpixel": {"regions": 4},
    "lime_patch": {"regions": 4},
    "lime_superpixel": {"regions": 4},
    "kernel_shap_patch": {"regions": 4},
    "kernel_shap_superpixel": {"regions": 4},
    "rise": {"masks": 16},
    "rise_published": {"masks": 16},
    "relax": {"masks": 16},
    "u_relax": {"masks": 16},
    "relax_uncertainty": {"masks": 16},
    "extremal_perturbation": {"steps": 2},
}
UNTOLD = ("prior", "lungs")  # of other cases, or of the lungs that are drawn there
CONTRAST = Target.contrast(*SENTENCES[:2])


def cases(names="ab"):
    return [case(name, SIZE) for name in names]


def make(name):
    return explainers.create(name, **QUICK.get(name, {}))


@pytest.fixture(scope="module")
def towers():
    return pair_model(CORRECTED, SIZE).ask(SENTENCES[:2])


@pytest.fixture(scope="module")
def joint():
    return pair_model(None, SIZE).ask(SENTENCES[:2])


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return ImageText.from_transformers(saved(tmp_path_factory.mktemp("clip"), "clip")).ask(SENTENCES[:2])


@pytest.mark.parametrize("name", [n for n in OURS if n != "bimodal_relevancy"])
def test_every_method_keeps_its_contract_on_two_towers(name, towers):
    check_explainer(make(name), towers, cases())


@pytest.mark.parametrize("name", [n for n in OURS if n not in ("dense_cosine", "embedding_vjp")])
def test_every_method_keeps_its_contract_on_a_joint_model(name, joint):
    check_explainer(make(name), joint, cases(), atol=1e-6 if name == "m2ib" else 1e-9)


@pytest.mark.parametrize("name", ["local_attention", "local_attention_concentration", "dense_cosine", "embedding_vjp"])
def test_every_method_that_reads_no_score_of_regions_keeps_its_contract_on_a_dual_encoder(name, clip):
    check_explainer(make(name), clip, [case(name, (32, 32), 3) for name in "ab"])


@pytest.mark.parametrize("name", ["grad_eclip", "m2ib", "bimodal_relevancy", "local_attention_gradient"])
def test_a_dual_encoder_whose_score_reads_no_region_is_refused(name, clip):
    with pytest.raises(CapabilityError, match=name):
        make(name)(clip, clip.encode([case("a", (32, 32), 3)]), [Target.label(SENTENCES[0])])


@pytest.mark.parametrize(
    ("name", "kind"), [("bimodal_relevancy", "towers"), ("dense_cosine", "joint"), ("embedding_vjp", "joint")]
)
def test_a_model_without_the_part_that_a_method_reads_is_refused_before_the_call(name, kind, request):
    model = request.getfixturevalue(kind)
    assert refusals(model, make(name))
    with pytest.raises(CapabilityError, match=name):
        make(name)(model, model.encode(cases("a")), [Target.label(SENTENCES[0])])


@pytest.mark.parametrize("name", OURS)
def test_every_method_is_registered_under_its_own_name_for_images_with_its_source(name):
    assert make(name).name == name
    assert make(name).cites
    assert modalities_of(explainers.factory(name)) == ("image",)


def of_images(model):
    chosen = [n for n in explainers.names() if n not in (*OURS, *UNTOLD) and "image" in modalities_of(explainers.factory(n))]
    return [n for n in chosen if not refusals(model, make(n))]


def test_the_methods_for_images_apply_to_a_model_that_was_asked_sentences(towers):
    expected = {"grad_cam", "score_cam", "occlusion", "rise", "integrated_gradients", "lime_superpixel", "relax", "saliency"}
    assert expected <= set(of_images(towers))


def test_every_method_for_images_explains_an_image_for_sentences(towers):
    """One call each; their contracts are tested elsewhere."""
    given = cases()
    batch, targets = towers.encode(given), [Target.label(text) for text in towers.labels]
    refused = {}
    for name in of_images(towers):
        try:
            found = make(name)(towers, batch, targets)
        except CapabilityError as refusal:
            refused[name] = str(refusal)
            continue
        assert [a.case for a in found] == ["a", "b"]
        assert all(np.isfinite(a.scores).all() and a.scores.shape == (2, SIZE[0] * SIZE[1]) for a in found), name
    assert set(refused) <= {"deep_lift"}, refused  # between its activations a network has to be linear


@pytest.mark.parametrize("name", ["grad_cam", "occlusion_patch"])
def test_methods_for_images_keep_their_contract_on_an_asked_model(name, towers):
    check_explainer(make(name), towers, cases(), [*map(Target.label, SENTENCES[:2]), CONTRAST])


def test_grad_cam_of_an_asked_model_listens_to_the_sentence(towers):
    found = make("grad_cam")(towers, towers.encode(cases("a")), [Target.label(text) for text in towers.labels])[0]
    assert not np.allclose(found.scores[0], found.scores[1])


@pytest.mark.parametrize("rule", [CORRECTED, PUBLISHED])
@pytest.mark.parametrize("name", ["local_attention", "local_attention_max", "dense_cosine", "embedding_vjp"])
def test_the_map_of_a_contrast_is_the_signed_difference_of_two_maps(name, rule):
    model = pair_model(rule, SIZE).ask(SENTENCES[:2])
    batch = model.encode(cases("a"))
    one, other, both = make(name)(model, batch, [*map(Target.label, SENTENCES[:2]), CONTRAST])[0].scores
    assert np.allclose(both, one - other, atol=1e-12)
    assert make(name)(model, batch, [CONTRAST])[0].signed


def test_a_sentence_alone_has_an_unsigned_map(towers):
    found = make("local_attention")(towers, towers.encode(cases("a")), [Target.label(SENTENCES[0])])[0]
    assert not found.signed
    assert (found.scores >= 0).all()
