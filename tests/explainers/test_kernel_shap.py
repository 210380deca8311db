"""KernelSHAP gives Shapley values: exactly where it can try everything, and near them where it cannot."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from games import GameModel, by_permutations, explain, table, teams, text
from hypothesis import given, settings
from hypothesis import strategies as st
from models import LABELS, coder, note

from pellucid.errors import DataError, PellucidError
from pellucid.explainers.coalitions import Players
from pellucid.explainers.kernel_shap import KernelShap, shapley_coalitions
from pellucid.explainers.lime import Lime
from pellucid.target import Target
from pellucid.units import sentences, words

TARGETS = [Target.label(label) for label in LABELS]


def side(count, chunk=None):
    return Players(np.arange(count), np.zeros(count, dtype=int) if chunk is None else np.arange(count) // chunk)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_values_are_what_a_word_adds_on_joining_averaged_over_all_orders(count, seed):
    game = table(count, seed)
    assert np.allclose(explain(KernelShap(), GameModel([game]), count)[0], by_permutations(game, count), atol=1e-9)


@given(st.integers(2, 7), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_word_that_never_matters_gets_nothing_and_interchangeable_words_get_the_same(count, seed):
    rest = table(count, seed)

    def dummy(present):
        return rest(present & (np.arange(count) > 0))

    def symmetric(present):
        first, second = present[:, :1], present[:, 1:2]
        return rest(np.concatenate([first & second, first | second, present[:, 2:]], 1))

    scores = explain(KernelShap(), GameModel([dummy, symmetric]), count)
    assert abs(scores[0, 0]) < 1e-9
    assert abs(scores[1, 0] - scores[1, 1]) < 1e-9


@pytest.mark.parametrize("count", [2, 3, 4, 7, 8])
def test_all_coalitions_are_tried_once_where_the_samples_suffice_and_weigh_as_the_kernel_says(count):
    found = shapley_coalitions(side(count), 2**count - 2, np.random.default_rng(0))
    assert len(np.unique(found.present, axis=0)) == len(found) == 2**count - 2
    size = found.present.sum(1)
    kernel = np.array([(count - 1) / (comb(count, int(s)) * s * (count - s)) for s in size])
    assert np.allclose(found.weights, kernel / kernel.sum())


@pytest.mark.parametrize("samples", [2, 9, 40, 300])
def test_no_more_coalitions_are_drawn_than_asked_for_and_each_has_its_complement(samples):
    found = shapley_coalitions(side(20), samples, np.random.default_rng(0))
    assert len(found) <= samples
    assert found.weights.sum() == pytest.approx(1)
    rows = sorted(map(bytes, found.present))
    assert rows == sorted(map(bytes, ~found.present))


def test_sizes_are_drawn_as_the_kernel_gives_them_weight():
    count, found = 30, shapley_coalitions(side(30), 200_000, np.random.default_rng(0))
    sizes = np.arange(1, count)
    kernel = 1 / (sizes * (count - sizes))
    weight = np.bincount(found.present.sum(1), found.weights, minlength=count + 1)[1:-1]
    assert np.allclose(weight, kernel / kernel.sum(), atol=2e-5)


@given(st.integers(9, 60), st.integers(2, 500), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_scores_sum_to_what_the_whole_note_is_worth_however_few_the_samples(count, samples, seed):
    game, _ = teams(count, seed, 3)
    scores = explain(KernelShap(samples=samples), GameModel([game]), count)
    whole = game(np.ones((1, count), dtype=bool))[0]
    assert scores.sum() == pytest.approx(whole, abs=1e-8 * (1 + np.abs(scores).sum()))


def test_what_the_samples_do_not_tell_apart_is_shared_evenly():
    scores = explain(KernelShap(samples=2), GameModel([teams(40, 0, 3)[0]]), 40)[0]
    assert len(np.unique(scores.round(9))) == 2  # one pair of coalitions tells two groups of words apart


def test_a_sum_over_words_is_found_exactly_from_samples():
    weights = np.random.default_rng(0).normal(size=50)
    scores = explain(KernelShap(), GameModel([lambda present: present @ weights]), 50)
    assert np.allclose(scores[0], weights, atol=1e-8)


def test_more_samples_come_nearer_to_the_shapley_values():
    game, values = teams(30, 1, 3)
    errors = [np.abs(explain(KernelShap(samples=n), GameModel([game]), 30)[0] - values).mean() for n in (240, 2400, 24000)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2] > 0


def test_effects_of_pairs_are_found_exactly_from_samples_as_complements_cancel_them():
    game, values = teams(30, 1, 2)
    assert np.allclose(explain(KernelShap(samples=240), GameModel([game]), 30)[0], values, atol=1e-8)


def test_masks_shared_by_all_labels_give_each_label_what_it_gets_alone():
    model, case = coder(), note(30)
    method = KernelShap(samples=200)
    together = method(model, model.encode([case]), TARGETS)[0].scores
    for k, target in enumerate(TARGETS):
        alone = method(model, model.encode([case]), [target])[0].scores[0]
        assert np.allclose(together[k], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("unit", ["word", "sentence", "section"])
def test_the_note_is_encoded_as_often_for_six_labels_as_for_one(unit):
    spent = []
    for targets in (TARGETS[:1], TARGETS):
        model = coder()
        KernelShap(unit)(model, model.encode([note(40)]), targets)
        spent.append(model.cost.chunks)
    assert spent[0] == spent[1] > 0


def test_labels_are_asked_about_the_same_versions():
    games = [table(5, seed) for seed in range(3)]
    one, three = GameModel(games[:1]), GameModel(games)
    explain(KernelShap(), one, 5)
    explain(KernelShap(), three, 5)
    assert len(one.asked) == len(three.asked) == 1
    assert np.array_equal(one.asked[0], three.asked[0])


def test_another_case_or_seed_has_other_coalitions():
    model = GameModel([teams(40, 0, 3)[0]])
    for method, id in ((KernelShap(), "a"), (KernelShap(), "b"), (KernelShap(seed=1), "a")):
        method(model, model.encode([text(40, id)]), [Target.label("0")])
    first, other_case, other_seed = model.asked
    assert not np.array_equal(first, other_case)
    assert not np.array_equal(first, other_seed)


def test_sentences_of_a_real_model_get_their_shapley_values():
    model = coder()
    case = type(note(1))("s", "s", {"text": "Hypertension. On metformin.\nNo fever. Acute kidney injury."}, frozenset())
    batch = model.encode([case])
    found = KernelShap("sentence")(model, batch, TARGETS)[0].project(sentences(case.text)).scores
    group = np.maximum.accumulate(batch.units[0].group(sentences(case.text)))

    def worth(present):
        return model.perturbed_scores(batch, [present[:, group]], "mask", TARGETS[:1])[0][:, 0]

    assert np.allclose(found[0], by_permutations(worth, 4), atol=1e-9)


@pytest.mark.parametrize("filler", ["mask", "delete"])
def test_scores_sum_to_the_change_from_a_note_without_its_words(filler):
    model, case = coder(), note(30)
    batch = model.encode([case])
    found = KernelShap("word", filler=filler)(model, batch, TARGETS)[0]
    width = len(batch.units[0])
    ends = model.perturbed_scores(batch, [np.array([[True] * width, [False] * width])], filler, TARGETS)[0]
    assert np.allclose(found.scores.sum(1), ends[0] - ends[1], atol=1e-9)
    assert np.abs(found.facts["completeness_gap"]).max() < 1e-9


def test_words_beyond_the_models_limit_get_nothing():
    model, case = coder(max_tokens=20), note(30)
    found = KernelShap("word")(model, model.encode([case]), TARGETS)[0].project(words(case.text))
    assert (found.scores[:, -10:] == 0).all()
    assert (found.scores[:, :4] != 0).all()


@pytest.mark.parametrize("samples", [1, 0, -3])
def test_too_few_samples_are_refused(samples):
    with pytest.raises(PellucidError, match="at least 2"):
        KernelShap(samples=samples)


@pytest.mark.parametrize("count", [3, 6, 9])
def test_values_agree_with_the_shap_package_where_both_try_everything(count):
    shap = pytest.importorskip("shap")
    game = table(count, count)
    theirs = shap.KernelExplainer(lambda z: game(z > 0.5), np.zeros((1, count)), silent=True)
    expected = theirs.shap_values(np.ones((1, count)), nsamples=2**count, l1_reg=False, silent=True)[0]
    assert np.allclose(explain(KernelShap(samples=2**count), GameModel([game]), count)[0], expected, atol=1e-8)


def test_values_agree_with_the_shap_package_on_a_real_model():
    shap = pytest.importorskip("shap")
    model, case = coder(), note(8)
    batch, units = model.encode([case]), words(case.text)
    group = np.maximum.accumulate(batch.units[0].group(units))
    ours = KernelShap("word", samples=2 ** len(units))(model, batch, TARGETS)[0].project(units).scores

    def worth(presence):
        return model.perturbed_scores(batch, [(presence > 0.5)[:, group]], "mask", TARGETS)[0]

    theirs = shap.KernelExplainer(worth, np.zeros((1, len(units))), silent=True)
    expected = theirs.shap_values(np.ones((1, len(units))), nsamples=2 ** len(units), l1_reg=False, silent=True)[0]
    assert np.allclose(ours, expected.T, atol=1e-7)


def test_values_agree_with_captum_within_the_weight_that_it_gives_to_the_ends():
    """Captum draws its own coalitions and holds the ends by a weight of a million in float32, so only a sum over words, which
    any sufficient set of coalitions solves, must come out the same."""
    torch = pytest.importorskip("torch")
    captum = pytest.importorskip("captum.attr")
    weights = np.random.default_rng(0).normal(size=6)
    ours = explain(KernelShap(), GameModel([lambda present: present @ weights]), 6)[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        explainer = captum.KernelShap(lambda x: x @ torch.tensor(weights))
        theirs = explainer.attribute(torch.ones(1, 6, dtype=torch.float64), n_samples=200)[0].numpy()
    assert np.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("method", [KernelShap(), Lime()])
def test_a_note_whose_logit_is_no_number_is_refused_with_the_case(method):
    with pytest.raises(DataError, match="case game is not a finite number"):
        explain(method, GameModel([lambda present: np.where(present.all(1), 1.0, np.nan)]), 5)
