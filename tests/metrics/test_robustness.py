"""The pool of noisy versions against measuring each figure by itself, and explainers whose answer can be written down."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from images import boxed, case, classifier
from scipy.stats import spearmanr

from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.metrics.noise import logits_of, noisy, probabilities_of
from pellucid.metrics.robustness import Noise, robustness
from pellucid.target import Target

MODEL = classifier()
TARGETS = [Target.label("nodule"), Target.contrast("opacity", "effusion")]


@dataclass(frozen=True)
class Gradient(Facts):
    """The gradient, summed over channels; counts what it explains."""

    seen: list[int] = field(default_factory=list)
    name = "gradient"
    signed = True

    def __call__(self, predictor, batch, targets) -> list[Attribution]:
        self.seen.append(len(batch))
        scores = [np.zeros((len(targets), len(units))) for units in batch.units]
        for piece in predictor.feature_gradients(batch, targets):
            scores[piece.case][piece.targets.tolist()] += piece.gradient.sum(-1).numpy()
        return [attribute(replace(self, seen=[]), predictor, batch, i, targets, s) for i, s in enumerate(scores)]


@dataclass(frozen=True)
class Given(Facts):
    """Scores made of the pixels by a function."""

    make: object = None
    name = "given"
    signed = True

    def __call__(self, predictor, batch, targets) -> list[Attribution]:
        rows = predictor.features(batch).sum(-1).double().numpy()
        plain = replace(self, make=None)
        return [
            attribute(plain, predictor, batch, i, targets, np.repeat(self.make(row)[None], len(targets), 0))
            for i, row in enumerate(rows)
        ]


def batch(*cases):
    return MODEL.encode(cases or (case("a"),))


def test_every_figure_is_that_of_the_versions_looked_at_one_by_one():
    noise, here = Noise(draws=7, radius=0.2, tau=1.0, at_once=3), batch()
    found = robustness(MODEL, {"g": Gradient()}, here, TARGETS, noise)[0]["g"][0]
    own, clean = Gradient()(MODEL, here, TARGETS)[0].scores, MODEL.pixels(here)[0]
    logits, rows = logits_of(MODEL, here)[0], []
    for draw in range(7):
        version = noisy(MODEL, here, 0, [draw], 0.2, 0)
        a = Gradient()(MODEL, version, TARGETS)[0].scores
        away = float((version.data[0] - clean).norm())
        rows.append((a, away, away / float(clean.norm()), np.linalg.norm(logits_of(MODEL, version)[0] - logits)))
    for k, result in enumerate(found):
        moved = [np.linalg.norm(a[k] - own[k]) / np.linalg.norm(own[k]) for a, *_ in rows]
        assert result.max_sensitivity == pytest.approx(max(moved))
        assert result.mean_sensitivity == pytest.approx(np.mean(moved))
        assert result.rank_stability == pytest.approx(np.mean([spearmanr(a[k], own[k]).statistic for a, *_ in rows]))
        assert result.lipschitz == pytest.approx(max(m / away for m, (_, away, _, _) in zip(moved, rows, strict=True)))
        assert result.relative_input == pytest.approx(max(m / r for m, (_, _, r, _) in zip(moved, rows, strict=True)))
        assert result.relative_output == pytest.approx(max(m / max(d, 0.01) for m, (*_, d) in zip(moved, rows, strict=True)))
        first = [set(np.argsort(-x)[:16]) for x in (own[k], *(a[k] for a, *_ in rows))]
        assert result.top_overlap == pytest.approx(np.mean([len(first[0] & f) / len(first[0] | f) for f in first[1:]]))
        assert result.retained == 1.0
        assert result.note == ""


def test_a_map_that_never_changes_is_perfectly_robust_and_one_that_is_the_image_moves_as_the_image_does():
    still = Given(lambda row: np.arange(float(len(row))))
    image = Given(lambda row: row)
    found = robustness(MODEL, {"still": still, "image": image}, batch(), TARGETS, Noise(draws=4))[0]
    steady, moving = found["still"][0][0], found["image"][0][0]
    assert (steady.max_sensitivity, steady.lipschitz, steady.relative_input, steady.relative_output) == (0, 0, 0, 0)
    assert (steady.rank_stability, steady.top_overlap) == (pytest.approx(1), 1)
    assert moving.relative_input == pytest.approx(1)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_no_figure_depends_on_the_scale_of_a_map(factor):
    plain, scaled = Given(lambda row: row**2 - 1), Given(lambda row: factor * (row**2 - 1))
    found = robustness(MODEL, {"plain": plain, "scaled": scaled}, batch(), TARGETS[:1], Noise(draws=4))[0]
    for name in ("max_sensitivity", "mean_sensitivity", "rank_stability", "top_overlap", "lipschitz", "relative_output"):
        one, other = (getattr(found[key][0][0], name) for key in ("plain", "scaled"))
        assert other == pytest.approx(one)


def test_a_version_counts_only_for_targets_whose_probability_stays():
    here, noise = batch(), Noise(draws=12, radius=1.5, tau=0.002)
    before = probabilities_of(MODEL, logits_of(MODEL, here), TARGETS)[0]
    after = probabilities_of(MODEL, logits_of(MODEL, noisy(MODEL, here, 0, range(12), 1.5, 0)), TARGETS)
    expected = (np.abs(after - before) <= noise.tau).mean(axis=0)
    found = robustness(MODEL, {"g": Gradient()}, here, TARGETS, noise)[0]["g"][0]
    assert [r.retained for r in found] == expected.tolist()
    assert 0 < expected.min() < expected.max() <= 1


def test_versions_that_count_for_nothing_are_not_explained():
    method = Gradient()
    found, cost = robustness(MODEL, {"g": method}, batch(), TARGETS, Noise(draws=5, radius=3.0, tau=0.0))
    assert method.seen == [1]
    assert (cost.scored, cost.explained) == (6, 1)
    for result in found["g"][0]:
        assert result.retained == 0
        assert np.isnan(result.max_sensitivity)
        assert result.note == "no noisy version keeps the probability"


def test_a_map_of_zeros_has_no_sensitivity_and_a_constant_one_no_ranks():
    maps = {"zero": Given(lambda row: 0 * row), "even": Given(lambda row: 0 * row + 2)}
    found = robustness(MODEL, maps, batch(), TARGETS[:1], Noise(draws=3, tau=1.0))[0]
    assert found["zero"][0][0].note == "the explanation is zero or not finite"
    assert np.isnan(found["zero"][0][0].mean_sensitivity)
    even = found["even"][0][0]
    assert even.max_sensitivity == 0
    assert np.isnan(even.rank_stability)
    assert "no ranks" in even.note


def test_a_case_gets_the_same_figures_whatever_lies_beside_it():
    noise = Noise(draws=4, at_once=2)
    alone = robustness(MODEL, {"g": Gradient()}, batch(boxed("b")), TARGETS, noise)[0]["g"][0]
    beside = robustness(MODEL, {"g": Gradient()}, batch(case("a"), boxed("b")), TARGETS, replace(noise, at_once=4))[0]["g"][1]
    for one, other in zip(alone, beside, strict=True):
        assert one.max_sensitivity == pytest.approx(other.max_sensitivity, rel=1e-9)
        assert one.rank_stability == pytest.approx(other.rank_stability, rel=1e-9)


def test_each_version_is_explained_once_a_method_and_the_clean_map_is_taken_over():
    first, second, here = Gradient(), Gradient(), batch()
    methods, noise = {"a": first, "b": second}, Noise(draws=6, tau=1.0, at_once=4)
    _, cost = robustness(MODEL, methods, here, TARGETS, noise, {name: m(MODEL, here, TARGETS) for name, m in methods.items()})
    assert first.seen == second.seen == [1, 4, 2]
    assert (cost.scored, cost.explained) == (7, 12)


def test_noise_is_uniform_belongs_to_the_case_and_changes_nothing_given():
    here = batch(case("a"), boxed("b"))
    before, state = MODEL.pixels(here).clone(), torch.random.get_rng_state()
    drawn = [(noisy(MODEL, here, i, range(3), 0.25, 0).data - before[i]) for i in (0, 1)]
    assert torch.equal(MODEL.pixels(here), before)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert 0.24 < float(drawn[0].abs().max()) <= 0.25
    assert float(drawn[0].std()) == pytest.approx(0.5 / 12**0.5, rel=0.05)
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.allclose(drawn[0][1:2], noisy(MODEL, here, 0, [1], 0.25, 0).data - before[0])


def test_of_exclusive_labels_the_probability_is_the_softmaxs():
    model = classifier(exclusive=True)
    here = model.encode([case("a")])
    found = probabilities_of(model, logits_of(model, here), [Target.label(label) for label in model.labels])
    assert found == pytest.approx(model.probabilities(here))


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"radius": 0.0}, {"tau": -0.1}, {"top": 0.0}, {"top": 1.5}, {"at_once": 0}])
def test_noise_of_no_meaning_is_refused(wrong):
    with pytest.raises(PellucidError, match="Noise needs"):
        Noise(**wrong)


def test_a_model_whose_pixels_cannot_be_reached_is_refused():
    class Closed:
        labels = MODEL.labels

    with pytest.raises(CapabilityError, match="Adding noise to what a model reads"):
        noisy(Closed(), batch(), 0, [0], 0.1, 0)
    with pytest.raises(PellucidError, match="radius of nan"):
        noisy(MODEL, batch(), 0, [0], float("nan"), 0)


def test_volumes_are_measured_like_images():
    model = classifier((6, 8, 10))
    here = model.encode([case("v", (6, 8, 10))])
    found = robustness(model, {"g": Gradient()}, here, TARGETS[:1], Noise(draws=2, tau=1.0))[0]["g"][0][0]
    assert found.retained == 1.0
    assert found.max_sensitivity > 0


def test_a_noisy_version_without_a_finite_map_leaves_no_figure_but_its_share():
    clean = Given(lambda row: row)(MODEL, batch(), TARGETS[:1])
    broken = Given(lambda row: np.where(row == row.max(), np.nan, row))
    unsaid = {"g": lambda *about: [replace(clean[0], scores=broken.make(clean[0].scores))] * len(about[1])}
    found = robustness(MODEL, unsaid, batch(), TARGETS[:1], Noise(draws=3, tau=1.0), {"g": clean})[0]["g"][0][0]
    assert found.note == "the explanation of a noisy version is not finite"
    assert found.retained == 1.0
    assert np.isnan([found.max_sensitivity, found.rank_stability, found.top_overlap, found.relative_output]).all()
