"""LIME is the weighted ridge regression of its paper, on samples shared by all labels."""

from __future__ import annotations

import numpy as np
import pytest
from games import GameModel, explain, teams, text
from models import LABELS, coder, note

from pellucid.errors import PellucidError
from pellucid.explainers.coalitions import Players
from pellucid.explainers.lime import Lime, neighbours
from pellucid.target import Target

TARGETS = [Target.label(label) for label in LABELS]


def side(count):
    return Players(np.arange(count), np.zeros(count, dtype=int))


def samples_of(model, count):
    """The versions that a model was asked about, without the two ends that come first."""
    return model.asked[0][2:].astype(float)


def test_the_first_sample_is_the_note_itself_and_weighs_most():
    drawn = neighbours(side(25), 300, 0.25, np.random.default_rng(0))
    assert drawn.present[0].all()
    assert drawn.weights[0] == 1
    assert (drawn.weights[1:] < 1).all()


def test_weights_fall_with_the_cosine_distance_to_the_note():
    distances = pytest.importorskip("sklearn.metrics.pairwise").cosine_distances
    drawn = neighbours(side(25), 300, 0.25, np.random.default_rng(0))
    far = distances(drawn.present.astype(float), np.ones((1, 25)))[:, 0]
    assert np.allclose(drawn.weights, np.sqrt(np.exp(-((100 * far) ** 2) / 25**2)), atol=1e-12)


def test_every_number_of_words_goes_equally_often():
    drawn = neighbours(side(10), 20_001, 0.25, np.random.default_rng(0))
    gone = np.bincount(10 - drawn.present[1:].sum(1), minlength=11)
    assert gone[0] == 0
    assert np.abs(gone[1:] / 20_000 - 0.1).max() < 0.01
    assert np.abs(drawn.present[1:].mean(0) - 0.45).max() < 0.02


def test_slopes_are_those_of_scikit_learn_on_the_same_samples():
    ridge = pytest.importorskip("sklearn.linear_model").Ridge
    games = [teams(25, seed, 2)[0] for seed in range(3)]
    model = GameModel(games)
    found = Lime(samples=300)(model, model.encode([text(25)]), [Target.label(label) for label in model.labels])[0]
    presence = samples_of(model, 25)
    weights = np.sqrt(np.exp(-(((1 - np.sqrt(presence.mean(1))) / 0.25) ** 2)))
    for k, game in enumerate(games):
        theirs = ridge(alpha=1.0).fit(presence, game(presence > 0), sample_weight=weights)
        assert np.allclose(found.scores[k], theirs.coef_, atol=1e-9)
        assert found.facts["fit"][k] == pytest.approx(theirs.score(presence, game(presence > 0), weights))


def test_slopes_are_those_of_captum_on_the_same_samples():
    torch = pytest.importorskip("torch")
    captum = pytest.importorskip("captum.attr")
    from captum._utils.models.linear_model import SkLearnRidge

    game, _ = teams(12, 0, 2)
    model = GameModel([game])
    ours = explain(Lime(samples=150), model, 12)[0]
    rows = iter(torch.from_numpy(samples_of(model, 12))[:, None])
    lime = captum.LimeBase(
        lambda x: torch.from_numpy(game(x.numpy() > 0)),
        SkLearnRidge(alpha=1.0),
        similarity_func=lambda _, x, __, **___: torch.exp(-0.5 * ((1 - x.mean().sqrt()) / 0.25) ** 2),
        perturb_func=lambda *_, **__: next(rows),
        perturb_interpretable_space=True,
        from_interp_rep_transform=lambda x, *_, **__: x,
        to_interp_rep_transform=None,
    )
    theirs = lime.attribute(torch.ones(1, 12, dtype=torch.float64), n_samples=150)
    assert np.allclose(ours, theirs.numpy()[0], atol=1e-6)


def test_a_sum_over_words_is_found_where_the_penalty_is_small():
    weights = np.random.default_rng(0).normal(size=30)
    scores = explain(Lime(ridge=1e-9), GameModel([lambda present: present @ weights + 5]), 30)
    assert np.allclose(scores[0], weights, atol=1e-7)


def test_a_logit_that_never_changes_has_no_slopes_and_a_perfect_fit():
    model = GameModel([lambda present: np.full(len(present), 2.0)])
    found = Lime()(model, model.encode([text(9)]), [Target.label("0")])[0]
    assert np.abs(found.scores).max() < 1e-12
    assert found.facts["fit"][0] == 1


def test_samples_shared_by_all_labels_give_each_label_what_it_gets_alone():
    model, case = coder(), note(30)
    method = Lime(samples=200)
    together = method(model, model.encode([case]), TARGETS)[0].scores
    for k, target in enumerate(TARGETS):
        alone = method(model, model.encode([case]), [target])[0].scores[0]
        assert np.allclose(together[k], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("unit", ["word", "sentence", "section"])
def test_the_note_is_encoded_as_often_for_six_labels_as_for_one(unit):
    spent = []
    for targets in (TARGETS[:1], TARGETS):
        model = coder()
        Lime(unit)(model, model.encode([note(40)]), targets)
        spent.append(model.cost.chunks)
    assert spent[0] == spent[1] > 0


@pytest.mark.parametrize("wrong", [{"samples": 1}, {"width": 0.0}, {"ridge": -1.0}, {"ridge": float("nan")}])
def test_settings_that_allow_no_fit_are_refused(wrong):
    with pytest.raises(PellucidError, match=f"{next(iter(wrong))}.* (positive|at least 2)"):
        Lime(**wrong)
