import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from support_faithfulness import Wordwise

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.metrics.grid import tie_break
from pellucid.metrics.sweep import BLOCK, Cost, sweep, sweep_with_cost
from pellucid.units import words

WEIGHTS = np.array([0.5, -1.0, 3.0, 0.0, 2.0, -0.25])


def same(a, b):
    return (
        np.array_equal(a.counts, b.counts)
        and np.array_equal(a.removed, b.removed)
        and np.array_equal(a.kept, b.kept)
        and a.ties == b.ties
    )


def test_curves_of_an_additive_model_are_cumulative_sums_of_its_weights():
    model = Wordwise(WEIGHTS, bias=-2.0)
    batch, units = model.batch()
    (curves,) = sweep(
        model, batch, model.targets, units, {"true": WEIGHTS[None]}, filler="mask", scale="logit", counts=range(7)
    )["true"]
    gone = np.concatenate([[0.0], np.cumsum(np.sort(WEIGHTS)[::-1])])
    assert curves.counts.tolist() == list(range(7))
    np.testing.assert_allclose(curves.removed, -2.0 + WEIGHTS.sum() - gone, atol=1e-12)
    np.testing.assert_allclose(curves.kept, -2.0 + gone, atol=1e-12)
    assert (curves.scale, curves.filler, curves.ties) == ("logit", "mask", 0.0)


def test_probability_is_the_sigmoid_of_the_logit():
    model = Wordwise(WEIGHTS)
    batch, units = model.batch()
    logit, probability = (
        sweep(model, batch, model.targets, units, {"m": WEIGHTS[None]}, filler="mask", scale=scale)["m"][0]
        for scale in ("logit", "probability")
    )
    assert (probability.removed == expit(logit.removed)).all()
    assert (probability.kept == expit(logit.kept)).all()


def test_both_curves_meet_in_the_whole_and_the_empty_input():
    model = Wordwise(np.random.default_rng(0).normal(size=(3, 40)))
    batch, units = model.batch()
    rows = sweep(model, batch, model.targets, units, {"m": model.weights}, filler="delete")["m"]
    for curves, weights in zip(rows, model.weights, strict=True):
        assert curves.removed[0] == curves.kept[-1]
        assert curves.removed[0] == pytest.approx(expit(weights.sum()), abs=1e-12)
        assert curves.removed[-1] == curves.kept[0] == 0.5


def test_no_perturbed_input_is_scored_twice():
    rng = np.random.default_rng(1)
    model = Wordwise(rng.normal(size=(3, 30)))
    batch, units = model.batch()
    maps = {"truth": model.weights, "again": model.weights * 2, "flat": np.ones((3, 30)), "noise": rng.normal(size=(3, 30))}
    _, cost = sweep_with_cost(model, batch, model.targets, units, maps, filler="mask")
    assert set(model.asked.values()) == {1}
    assert cost.planned == 4 * 3 * 2 * 8  # steps 0, 1, 2, 4, 8, 15, 23, 30
    assert cost.scored == len(model.asked) < cost.planned
    assert cost.chunks == cost.scored  # the model starts counting at 7: only the difference is this sweep's
    _, later = sweep_with_cost(model, batch, model.targets, units, maps, filler="mask")
    assert set(model.asked.values()) == {1}
    assert (later.scored, later.chunks) == (0, 0)


def test_fillers_are_scored_apart():
    model = Wordwise(WEIGHTS)
    batch, units = model.batch()
    for filler in ("mask", "delete"):
        sweep(model, batch, model.targets, units, {"m": WEIGHTS[None]}, filler=filler)
    assert {filler for filler, _ in model.asked} == {"mask", "delete"}
    assert set(model.asked.values()) == {1}


def test_the_model_gets_blocks_of_bounded_size():
    rng = np.random.default_rng(2)
    model = Wordwise(rng.normal(size=(3, 200)))
    batch, units = model.batch()
    maps = {f"noise {i}": rng.normal(size=(3, 200)) for i in range(12)}
    _, cost = sweep_with_cost(model, batch, model.targets, units, maps, filler="mask")
    assert cost.scored > 2 * BLOCK
    assert model.largest_call == BLOCK


def test_a_predictor_that_counts_no_chunks_costs_none():
    model = Wordwise(WEIGHTS)
    batch, units = model.batch()

    class Silent:
        perturbed_scores = model.perturbed_scores

    _, cost = sweep_with_cost(Silent(), batch, model.targets, units, {"m": WEIGHTS[None]}, filler="mask")
    assert cost.chunks is None


def test_costs_add_up():
    assert Cost(10, 4, 3) + Cost(5, 2, None) == Cost(15, 6, 3)
    assert Cost(1, 1) + Cost() == Cost(1, 1, None)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(0, 1000))
def test_other_explanations_and_targets_never_change_a_curve(n, seed):
    rng = np.random.default_rng(seed)
    model = Wordwise(rng.normal(size=(2, n)), pairs={(0, n - 1): 1.5})
    first, other = rng.integers(-2, 3, (2, n)).astype(float), rng.normal(size=(2, n))
    batch, units = model.batch()
    together = sweep(model, batch, model.targets, units, {"other": other, "first": first}, filler="mask", seed=seed)["first"]
    fresh, units = model.batch()
    (alone,) = sweep(model, fresh, model.targets[1:], units, {"first": first[1:]}, filler="mask", seed=seed)["first"]
    assert same(together[1], alone)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-8, 8), min_size=1, max_size=20))
def test_rising_transformations_of_the_scores_leave_curves_alone(scores):
    scores = np.array([scores], dtype=float)
    model = Wordwise(np.linspace(-1, 1, scores.size))
    batch, units = model.batch()
    maps = {"plain": scores, "scaled": 1e-9 * scores, "cubed": scores**3 - 100, "exp": np.exp(scores)}
    found = sweep(model, batch, model.targets, units, maps, filler="mask")
    for name in ("scaled", "cubed", "exp"):
        assert same(found["plain"][0], found[name][0])


def test_equal_scores_are_ordered_by_the_seed_of_the_case_and_target():
    model = Wordwise(WEIGHTS)
    units = model.batch()[1]
    for seed, case in ((0, "one"), (1, "one"), (0, "two")):
        batch = model.batch(case)[0]
        (curves,) = sweep(
            model, batch, model.targets, units, {"flat": np.ones((1, 6))},
            filler="mask", scale="logit", counts=range(7), seed=seed,
        )["flat"]  # fmt: skip
        order = np.argsort(tie_break(6, seed, case, "A"))
        np.testing.assert_allclose(curves.kept, np.concatenate([[0], np.cumsum(WEIGHTS[order])]), atol=1e-12)
        assert curves.ties == 1.0


def test_a_uniform_map_falls_in_a_straight_line_on_average():
    model = Wordwise(WEIGHTS)
    batch, units = model.batch()
    curves = [
        sweep(
            model, batch, model.targets, units, {"flat": np.zeros((1, 6))},
            filler="mask", scale="logit", counts=range(7), seed=seed,
        )["flat"][0]
        for seed in range(600)
    ]  # fmt: skip
    removed = np.array([c.removed for c in curves])
    expected = WEIGHTS.sum() * (1 - np.arange(7) / 6)
    error = removed.std(axis=0) / np.sqrt(len(curves))
    assert (np.abs(removed.mean(axis=0) - expected) <= 4 * error + 1e-12).all()
    assert removed.std(axis=0)[1:-1].min() > 0.5  # and the seeds do draw different orders


def test_evidence_against_goes_last():
    model = Wordwise(np.array([-3.0, 1.0, -0.5]))
    batch, units = model.batch()
    maps = {"m": model.weights}
    (curves,) = sweep(model, batch, model.targets, units, maps, filler="mask", scale="logit", counts=range(4))["m"]
    np.testing.assert_allclose(curves.removed, [-2.5, -3.5, -3.0, 0.0])


def test_one_unit_gives_two_points():
    model = Wordwise(np.array([2.0]))
    batch, units = model.batch()
    (curves,) = sweep(model, batch, model.targets, units, {"m": np.array([[0.0]])}, filler="mask", scale="logit")["m"]
    assert (curves.counts.tolist(), curves.removed.tolist(), curves.kept.tolist()) == ([0, 1], [2.0, 0.0], [0.0, 2.0])
    assert curves.ties == 0.0


def test_words_that_the_model_never_read_are_not_counted():
    model = Wordwise(np.array([2.0, 1.0]))
    batch, _ = model.batch()
    text = batch.cases[0].text + " unread words"
    scores = np.array([[1.0, 0.5, 9.0, 9.0]])
    (curves,) = sweep(model, batch, model.targets, words(text), {"m": scores}, filler="mask", scale="logit")["m"]
    assert curves.counts.tolist() == [0, 1, 2]
    assert curves.removed.tolist() == [3.0, 1.0, 0.0]
    assert curves.ties == 0.0


def test_scores_that_are_not_finite_are_refused_with_the_name_of_the_method_and_case():
    model = Wordwise(WEIGHTS)
    batch, units = model.batch("note 7")
    scores = WEIGHTS[None].copy()
    scores[0, 2] = np.nan
    with pytest.raises(PellucidError, match=r"'attgrad' of case note 7 .* explain the case again"):
        sweep(model, batch, model.targets, units, {"attgrad": scores}, filler="mask")


def test_a_model_with_damaged_weights_is_named_as_the_cause():
    model = Wordwise(np.array([1.0, np.nan]))
    batch, units = model.batch("note 7")
    with pytest.raises(PellucidError, match=r"case note 7 is not a finite number"):
        sweep(model, batch, model.targets, units, {"m": np.array([[1.0, 2.0]])}, filler="mask")


def test_an_unknown_scale_is_refused():
    model = Wordwise(WEIGHTS)
    batch, units = model.batch()
    with pytest.raises(PellucidError, match="no output scale named 'odds'"):
        sweep(model, batch, model.targets, units, {"m": WEIGHTS[None]}, filler="mask", scale="odds")


def test_misuse_is_an_error_of_the_caller():
    model = Wordwise(WEIGHTS)
    batch, units = model.batch()
    two = model.encode([Case("a", "p", {"text": "pain"}, frozenset()), Case("b", "p", {"text": "fever"}, frozenset())])
    with pytest.raises(ValueError, match="one case, not 2"):
        sweep(model, two, model.targets, units, {}, filler="mask")
    with pytest.raises(ValueError, match="'short' have shape"):
        sweep(model, batch, model.targets, units, {"short": WEIGHTS[None, :3]}, filler="mask")


def test_inputs_are_not_mutated():
    model = Wordwise(WEIGHTS)
    batch, units = model.batch()
    scores = WEIGHTS[None].copy()
    scores.setflags(write=False)
    sweep(model, batch, model.targets, units, {"m": scores}, filler="mask")
    assert (scores == WEIGHTS[None]).all()
