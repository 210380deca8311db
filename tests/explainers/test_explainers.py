"""What each explainer promises, and that it is what its name says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models import LABELS, SENTENCES, coder, note

from pellucid.case import Case, Spans
from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.integrated_gradients import IntegratedGradients
from pellucid.explainers.occlusion import Occlusion
from pellucid.predictor import LabelAttention
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer
from pellucid.units import sentences, words

TARGETS = [Target.label(label) for label in LABELS[:4]]
NAMES = (
    "attention", "attention_filtered", "attgrad", "attgrad_signed", "score_gradient", "score_gradient_signed", "value_norm",
    "attention_rollout", "released_rollout", "input_x_gradient", "input_x_gradient_signed", "gradient_x_difference",
    "gradient_x_difference_l2", "released_deeplift", "attingrad", "attingrad_signed", "attingrad_filtered", "gim", "attingim",
    "attingim_signed", "jacobian", "pbx", "logit_difference", "integrated_gradients", "released_integrated_gradients",
    "occlusion_token", "occlusion_word", "occlusion_sentence",
    "occlusion_section", "lime_word", "lime_sentence", "lime_section", "kernel_shap_word", "kernel_shap_sentence",
    "kernel_shap_section",
    "random", "uniform", "prior",
)  # fmt: skip


def make(name):
    explainer = explainers.create(name, **({"steps": 4} if name == "released_integrated_gradients" else {}))
    return explainer.fit([marked_case()]) if name == "prior" else explainer


def marked_case():
    text = " ".join(SENTENCES)
    start = text.index("hypertension")
    return Case("m", "m", {"text": text}, frozenset({"I10"}), (Spans.of((start, start + 12), label="I10"),))


def explain(name, model, cases, targets=TARGETS):
    return make(name)(model, model.encode(cases), targets)


def test_every_method_is_registered_under_its_own_name():
    assert set(NAMES) <= set(explainers.names())
    assert all(make(name).name == name for name in NAMES)
    assert all(make(name).cites for name in NAMES)


@pytest.mark.parametrize("decoder", ["plm_ca", "laat"])
@pytest.mark.parametrize("name", NAMES)
def test_every_method_keeps_its_contract(name, decoder):
    check_explainer(make(name), coder(decoder), [note(30), note(4, 1, "b"), note(17, 2, "c")], atol=3e-6)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_about_special_tokens_and_padding(name):
    model = coder()
    batch = model.encode([note(5)])
    (attribution,) = make(name)(model, batch, TARGETS)
    assert attribution.scores.shape == (len(TARGETS), len(batch.units[0]))


def test_attention_is_the_softmax_over_tokens():
    model = coder()
    (attribution,) = explain("attention", model, [note(30)])
    reading = model.label_attention(model.encode([note(30)]), TARGETS)[0]
    assert np.allclose(reading.attention.sum(1), 1)
    rows = model.encode([note(30)]).rows[0]
    assert np.allclose(attribution.scores, reading.attention.numpy()[:, rows])


def test_filtered_attention_gives_nothing_to_punctuation_and_leaves_the_rest():
    model = coder()
    (plain,) = explain("attention", model, [note(30)])
    (filtered,) = explain("attention_filtered", model, [note(30)])
    marks = plain.units.is_punctuation
    assert marks.any()
    assert (filtered.scores[:, marks] == 0).all()
    assert np.array_equal(filtered.scores[:, ~marks], plain.scores[:, ~marks])


def test_attingrad_is_attention_times_input_x_gradient():
    model = coder()
    cases = [note(30)]
    attention, product = explain("attention", model, cases)[0], explain("input_x_gradient", model, cases)[0]
    expected = attention.scores * product.scores
    assert np.allclose(explain("attingrad", model, cases)[0].scores, expected, atol=1e-5 * expected.max())


def test_attingrad_after_input_x_gradient_costs_no_further_backward_pass():
    model = coder()
    batch = model.encode([note(40)])
    make("input_x_gradient")(model, batch, TARGETS)
    spent = model.cost.chunk_gradients
    make("attingrad")(model, batch, TARGETS)
    assert model.cost.chunk_gradients == spent


def test_signs_agree_with_magnitudes_where_the_embedding_has_one_axis_of_meaning():
    model = coder()
    l2, signed = explain("input_x_gradient", model, [note(20)])[0], explain("input_x_gradient_signed", model, [note(20)])[0]
    axes = model.module.encoder.config.hidden_size
    assert (np.abs(signed.scores) <= l2.scores * np.sqrt(axes) + 1e-12).all()


def test_gradients_agree_with_captum():
    from captum.attr import InputXGradient as CaptumInputXGradient

    model = coder()
    model.tolerance = 0.0
    batch = model.encode([note(20)])
    x = model.features(batch)
    captum = CaptumInputXGradient(lambda f: model.scores(f, batch, TARGETS))
    for k in range(len(TARGETS)):
        theirs = captum.attribute(x.requires_grad_(), target=k)[0].detach()
        for name, reduced in (("input_x_gradient", theirs.norm(dim=-1)), ("input_x_gradient_signed", theirs.sum(-1))):
            ours = explain(name, model, [note(20)])[0].scores[k]
            assert np.allclose(ours, reduced.numpy()[batch.rows[0]], atol=1e-12)


def test_integrated_gradients_agree_with_captum():
    from captum.attr import IntegratedGradients as CaptumIntegratedGradients

    model = coder()
    model.tolerance = 0.0
    batch = model.encode([note(12)])
    x, reference = model.features(batch), model.reference(batch)

    def forward(features):
        return torch.cat([model.scores(f[None], batch, TARGETS) for f in features])

    captum = CaptumIntegratedGradients(forward)
    ours = IntegratedGradients(steps=12)(model, batch, TARGETS)[0]
    for k in range(len(TARGETS)):
        theirs = captum.attribute(x, reference, target=k, n_steps=12, method="gausslegendre").sum(-1)[0]
        assert np.allclose(ours.scores[k], theirs.detach().numpy()[batch.rows[0]], atol=1e-9)


def test_integrated_gradients_add_up_better_the_more_steps():
    model = coder(sharpness=0.4)
    batch = model.encode([note(25)])
    gaps = [np.abs(IntegratedGradients(steps=n)(model, batch, TARGETS)[0].facts["completeness_gap"]).max() for n in (2, 8, 64)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-3


def test_occlusion_of_a_word_is_what_the_logit_loses_without_it():
    model = coder()
    case = note(12)
    batch = model.encode([case])
    attribution = explain("occlusion_word", model, [case])[0].project(words(case.text))
    units = attribution.units
    group = batch.units[0].group(units)
    whole = model.scores(model.features(batch), batch, TARGETS).detach().numpy()[0]
    for word in range(len(units)):
        without = model.perturb(batch, [group != word], "mask")
        lost = whole - model.scores(model.features(without), without, TARGETS).detach().numpy()[0]
        assert np.allclose(attribution.scores[:, word], lost, atol=1e-10)


def test_occluding_a_sentence_with_one_word_equals_occluding_that_word():
    model = coder()
    case = Case("s", "s", {"text": "Hypertension\nPneumonia\nDiabetes"}, frozenset())
    by_word = explain("occlusion_word", model, [case])[0].project(words(case.text)).scores
    by_sentence = explain("occlusion_sentence", model, [case])[0].project(sentences(case.text)).scores
    assert np.allclose(by_word, by_sentence, atol=1e-12)


def test_occluding_tokens_costs_one_chunk_each():
    model = coder()
    batch = model.encode([note(60)])
    before = model.cost.chunks
    Occlusion("token")(model, batch, TARGETS)
    assert model.cost.chunks - before <= len(batch.units[0]) + len(batch.data.notes[0].lengths)


def test_random_scores_belong_to_case_and_target():
    model = coder()
    first, other = explain("random", model, [note(20, 0, "a"), note(20, 0, "b")])
    assert not np.array_equal(first.scores, other.scores)
    assert not np.array_equal(first.scores[0], first.scores[1])
    assert not np.array_equal(
        first.scores, explainers.create("random", seed=1)(model, model.encode([note(20, 0, "a")]), TARGETS)[0].scores
    )


def test_uniform_scores_do_not_favour_long_words():
    model = coder()
    case = note(20)
    assert np.allclose(explain("uniform", model, [case])[0].project(words(case.text)).scores, 1.0)


def test_the_prior_looks_where_evidence_stood_in_other_cases():
    model = coder()
    case = marked_case()
    attribution = explain("prior", model, [case])[0].project(words(case.text))
    best = attribution.units[int(attribution.scores[0].argmax())]
    place = case.text.index(best) / len(case.text)
    assert abs(place - case.text.index("hypertension") / len(case.text)) < 1 / 20


def test_the_prior_must_be_fitted_first():
    model = coder()
    with pytest.raises(PellucidError, match="fit"):
        explainers.create("prior")(model, model.encode([note(5)]), TARGETS)


class WithoutAttention:
    """A predictor that has everything but label attention."""

    def __init__(self, model):
        self.model = model

    def __getattr__(self, name):
        if name == "label_attention":
            raise AttributeError(name)
        return getattr(self.model, name)


@pytest.mark.parametrize("name", ["attention", "attgrad", "attingrad"])
def test_a_method_says_which_capability_is_missing(name):
    model = WithoutAttention(coder())
    assert not isinstance(model, LabelAttention)
    with pytest.raises(CapabilityError, match="attention of each label"):
        make(name)(model, model.encode([note(5)]), TARGETS)


@pytest.mark.parametrize("name", ["input_x_gradient", "integrated_gradients", "occlusion_word", "random"])
def test_methods_without_needs_work_on_any_predictor(name):
    model = WithoutAttention(coder())
    plain, wrapped = explain(name, coder(), [note(9)]), explain(name, model, [note(9)])
    assert np.array_equal(plain[0].scores, wrapped[0].scores)


@pytest.mark.parametrize("name", ["input_x_gradient", "input_x_gradient_signed", "integrated_gradients", "occlusion_word"])
def test_contrasts_can_be_explained_without_attention(name):
    model = coder()
    model.tolerance = 0.0
    contrast = Target.contrast(LABELS[0], LABELS[1])
    scores = explain(name, model, [note(9)], [contrast, Target.label(LABELS[0]), Target.label(LABELS[1])])[0].scores
    if make(name).signed:
        assert np.allclose(scores[0], scores[1] - scores[2], atol=1e-9)
    else:
        assert scores[0].max() > 0


@pytest.mark.parametrize("settings", [{"reduce": "l1"}, {"reduce": "sum", "filtered": True}])
def test_a_reduction_that_attingrad_does_not_know_is_refused(settings):
    with pytest.raises(PellucidError, match="reduce"):
        explainers.create("attingrad", **settings)
