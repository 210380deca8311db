"""What the training of mask networks minimises, against sums done by hand and against the plain way."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from images import case, classifier

from pellucid.errors import PellucidError
from pellucid.training.masks import MaskRecipe, losses, making, occluding, shapley, surrogate
from pellucid.training.masks.asking import log_uniform, questions, true_columns, weight_of_absent
from pellucid.training.masks.guard import CollapsedError, Guard
from pellucid.training.masks.step import MaskStep, mixed

CASES = [case("a"), case("b"), case("c"), case("d")]


def step(recipe: MaskRecipe, truth: torch.Tensor, cases=CASES, *, exclusive: bool = False, seed: int = 0) -> MaskStep:
    """A step with a random mask network in evaluation mode, so that no image can depend on another through its norms."""
    model = classifier(exclusive=exclusive)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        masker = making.new_masker(model, recipe).eval()
    pixels = model.pixels(model.encode(cases))
    return MaskStep(model, model, masker, recipe, pixels, truth, generator=torch.Generator().manual_seed(seed))


def test_a_score_is_the_log_odds_of_the_images_own_label():
    logits = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
    labels = torch.tensor([2, 1])
    assert torch.equal(losses.score(logits, labels, exclusive=False), torch.tensor([0.5, 3.0]))
    p = torch.softmax(logits.double(), 1)[[0, 1], labels]
    torch.testing.assert_close(losses.score(logits, labels, exclusive=True).double(), torch.log(p / (1 - p)))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), exclusive=st.booleans())
def test_an_images_score_does_not_depend_on_the_labels_of_its_batch_mates(seed: int, exclusive: bool):
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(5, 4, generator=generator), torch.randint(4, (5,), generator=generator)
    others = torch.cat([labels[:1], torch.randint(4, (4,), generator=generator)])
    for measure in (losses.score, losses.probability):
        assert measure(logits, labels, exclusive)[0] == measure(logits, others, exclusive)[0]


@given(unlabelled=st.floats(0, 1), absent=st.floats(0, 0.99))
def test_questions_about_absent_findings_never_outweigh_the_others(unlabelled: float, absent: float):
    shown = (1 - unlabelled) * (1 - absent)
    weight = weight_of_absent(unlabelled, absent)
    assert 0 < weight <= 1
    if shown > 0:
        assert weight * (1 - shown) <= shown * (1 + 1e-9)
    if shown >= 0.5 or shown == 0:
        assert weight == 1


def test_one_image_in_five_with_a_finding_gives_absent_ones_a_sixth_of_the_say():
    assert weight_of_absent(0.8, 0.25) == pytest.approx(0.15 / 0.85)
    assert weight_of_absent(0.2, 0.25) == 1


def test_what_an_absent_finding_costs_is_weighted_and_what_a_present_one_costs_is_not():
    truth = torch.tensor([[True] * 3, [True] * 3, [False] * 3, [False] * 3])
    recipe = MaskRecipe("", absent=0.0, occluders=("mean",))

    def loss(rows: slice, weight: float) -> float:
        one = step(recipe, truth[rows], CASES[rows])
        one.__dict__["predicted"] = torch.zeros_like(truth[rows])
        one.absent_weight = weight
        return losses.signed(one).loss.item()

    assert loss(slice(0, 2), 0.25) == loss(slice(0, 2), 1.0)
    assert loss(slice(2, 4), 0.25) == pytest.approx(0.25 * loss(slice(2, 4), 1.0))


def test_only_what_lies_beyond_the_area_costs():
    evidence = torch.tensor([[0.2, 1.0, 0.0, 0.8]])
    assert losses.excess(evidence, torch.tensor([0.5])).item() == pytest.approx((0.2**2) / 4)
    assert losses.excess(evidence, torch.tensor([0.25])).item() == pytest.approx((0.2**2 + 0.8**2) / 4)
    assert losses.excess(evidence, torch.tensor([0.0])).item() == pytest.approx((0.2**2 + 0.8**2 + 1) / 4)
    assert losses.excess(evidence, torch.tensor([1.0])).item() == 0.0


def test_total_variation_by_hand():
    mask = torch.tensor([[[[0.0, 1.0], [0.0, 0.5]]]])
    assert losses.variation(mask).item() == pytest.approx((1 + 0.5) / 2 + (0 + 0.5) / 2)


def test_the_signed_loss_is_the_sum_of_its_terms():
    truth = torch.tensor([[True, False, False]] * 4)
    recipe = MaskRecipe(
        start="x", absent=0.0, occluders=("mean",), budgets=(0.1, 0.1), keep=2.0, area=7.0, price=3.0, binary=0.3
    )
    here = step(recipe, truth)
    model = here.model
    model.threshold = 1.0  # nothing is predicted, so that every target is the true label
    found = losses.signed(here)
    e = here.masker.masks(
        here.seen[1], here.images, torch.zeros(4, dtype=torch.int64), torch.full((4, 1), 0.1).double()
    ).detach()
    x, zero = here.pixels, torch.zeros_like(here.pixels)
    views = {"x": x, "b": zero, "drop": x * (1 - e), "keep": x * e}
    s = {name: model.logits(v)[:, 0].detach().float() for name, v in views.items()}
    by_hand = []
    for i in range(4):
        flat = e[i].flatten().float()
        beyond = flat.sort(descending=True).values[math.ceil(0.1 * len(flat)) :]
        total = math.log1p(math.exp(s["drop"][i] - s["b"][i])) + 2.0 * math.log1p(math.exp(s["x"][i] - s["keep"][i]))
        total += 7.0 * float((beyond**2).sum() / len(flat)) + 3.0 * float(flat.mean())
        total += float(losses.variation(e[i : i + 1])) + 0.3 * float((flat * (1 - flat)).mean())
        by_hand.append(total)
    assert found.loss.item() == pytest.approx(np.mean(by_hand), rel=1e-5)
    assert found.marked == pytest.approx(e.mean().item(), rel=1e-5)


def test_an_absent_target_costs_only_what_is_marked():
    recipe = MaskRecipe(start="x", absent=0.5, area=1.0, price=0.0, tv=0.0, binary=0.0)
    here = step(recipe, torch.zeros(4, 3, dtype=torch.bool))
    here.model.threshold = 1.0
    found = losses.signed(here)
    assert found.marked is None
    asked = questions(here.truth, here.predicted, 0.5, recipe.budgets, torch.Generator().manual_seed(0))
    e = here.masker.masks(here.seen[1], here.images, asked.labels, asked.areas[:, None].double())
    assert found.loss.item() == pytest.approx((e**2).mean().item(), rel=1e-5)


def test_of_two_exclusive_labels_the_signed_loss_tells_which_is_asked_about_and_the_published_one_does_not():
    logits, changed = torch.tensor([[2.0, -1.0]]), torch.tensor([[0.5, 0.3]])
    first, second = torch.tensor([0]), torch.tensor([1])
    fall = [(losses.score(logits, t, True) - losses.score(changed, t, True)).item() for t in (first, second)]
    assert fall[0] == pytest.approx(-fall[1])
    assert fall[0] > 0
    squared = [
        ((losses.probability(logits, t, True) - losses.probability(changed, t, True)) ** 2).item() for t in (first, second)
    ]
    assert squared[0] == pytest.approx(squared[1])


def test_the_published_loss_is_that_of_each_images_own_label():
    recipe = MaskRecipe(start="x", form="published", image=True, occluders=("mean",), price=0.5, smooth=3 / 20)
    truth = torch.tensor([[True, False, False], [False, True, False], [False, False, True], [True, False, False]])
    found = losses.published(step(recipe, truth))
    alone = []
    for i in range(4):  # the same draws of weights, but the labels of the others are different
        shuffled = torch.roll(truth, 1, 1)
        shuffled[i] = truth[i]
        here = step(recipe, shuffled)
        weights = torch.rand(4, 3, 3, generator=torch.Generator().manual_seed(0)).double()
        weights = weights / weights.flatten(1).sum(1).view(-1, 1, 1)
        keep = 1 - here.masker.masks(here.seen[1], here.images, here.images, torch.ones(4, 1).double(), weights)
        label = int(truth[i].nonzero()[0])
        before, after = (torch.sigmoid(here.model.logits(v[i : i + 1]))[0, label] for v in (here.pixels, here.pixels * keep))
        alone.append(-((before - after) ** 2 + 0.5 * keep[i].mean()).item())
    assert found.loss.item() == pytest.approx(np.mean(alone), rel=1e-5)


def test_the_embedding_loss_is_equation_one():
    published = {"form": "published", "price": 0.125, "contrast": 0.25, "tv": 0.0, "binary": 0.0}
    recipe = MaskRecipe(start="x", objective="nem_u", occluders=("mean",), **published)
    here = step(recipe, torch.zeros(4, 3, dtype=torch.bool))
    found = losses.embedding(here)
    m = here.masker.masks(here.seen[1], here.images, here.images, torch.ones(4, 1).double())
    h, kept, gone = (here.model.embed(v) for v in (here.pixels, here.pixels * m, here.pixels * (1 - m)))
    d = lambda a, b: -(a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))  # noqa: E731
    expected = (d(h, kept) + 0.125 * m.flatten(1).mean(1) + 0.25 * (d(h, kept) - d(kept, gone))).mean()
    assert found.loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_embedding_loss_of_ours_does_not_depend_on_how_far_embeddings_go():
    recipe = MaskRecipe(start="x", objective="nem_u", occluders=("mean",), price=0.5, contrast=0.0, tv=0.0, binary=0.0)
    here = step(recipe, torch.zeros(4, 3, dtype=torch.bool))
    m = here.masker.masks(here.seen[1], here.images, here.images, torch.ones(4, 1).double())
    h, kept, nothing = (here.model.embed(v) for v in (here.pixels, here.pixels * m, here.pixels * 0))
    cosine = lambda a, b: (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))  # noqa: E731
    expected = ((1 - cosine(h, kept)) / (1 - cosine(h, nothing)).clamp_min(0.01) + 0.5 * m.flatten(1).mean(1)).mean()
    assert losses.embedding(here).loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_keeping_nothing_costs_1_whatever_the_model_and_keeping_all_costs_the_price(monkeypatch: pytest.MonkeyPatch):
    recipe = MaskRecipe(start="x", objective="nem_u", occluders=("noise",), price=0.5, contrast=0.0, tv=0.0, binary=0.0)
    for kept, cost in ((0.0, 1.0), (1.0, 0.5)):
        here = step(recipe, torch.zeros(4, 3, dtype=torch.bool))
        monkeypatch.setattr(here.masker, "masks", lambda *_, kept=kept: torch.full((4, 1, 16, 20), kept).double())
        monkeypatch.setattr(losses, "_NEAREST", 1e-9)
        assert losses.embedding(here).loss.item() == pytest.approx(cost, abs=1e-4)


# Shapley values


def test_coalitions_come_with_their_complements_and_in_sizes_of_the_kernel():
    drawn = shapley.coalitions(4000, 5, torch.Generator().manual_seed(0))
    assert torch.equal(drawn[0::2], ~drawn[1::2])
    sizes = Counter(drawn[0::2].sum(1).tolist())
    weights = {k: 1 / (k * (5 - k)) for k in range(1, 5)}
    for k, weight in weights.items():
        assert sizes[k] / 4000 == pytest.approx(weight / sum(weights.values()), abs=0.03)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), players=st.integers(2, 9))
def test_efficient_values_sum_to_the_change(seed: int, players: int):
    generator = torch.Generator().manual_seed(seed)
    values, change = torch.randn(3, 2, players, generator=generator).double(), torch.randn(3, 2, generator=generator).double()
    shifted = shapley.efficient(values, change)
    torch.testing.assert_close(shifted.sum(2), change)
    assert torch.allclose((shifted - values).std(2), torch.zeros(3, 2, dtype=torch.float64), atol=1e-12)


def test_the_loss_over_all_coalitions_is_least_at_the_shapley_values():
    random = np.random.default_rng(0)
    worth = {s: random.normal() for n in range(5) for s in itertools.combinations(range(4), n)}
    exact = np.zeros(4)
    for order in itertools.permutations(range(4)):
        for place, player in enumerate(order):
            before = tuple(sorted(order[:place]))
            exact[player] += (worth[tuple(sorted((*before, player)))] - worth[before]) / 24
    drawn = shapley.coalitions(200_000, 4, torch.Generator().manual_seed(0)).double().numpy()
    gained = np.array([worth[tuple(np.flatnonzero(row))] - worth[()] for row in drawn])
    change = worth[(0, 1, 2, 3)] - worth[()]
    # least squares under the constraint of efficiency: the last value is what is left of the change
    design, goal = drawn[:, :3] - drawn[:, 3:], gained - drawn[:, 3] * change
    fitted = np.linalg.lstsq(design, goal, rcond=None)[0]
    np.testing.assert_allclose([*fitted, change - fitted.sum()], exact, atol=0.02)


def test_the_shapley_loss_scores_images_with_patches_in_the_mean_colour():
    recipe = MaskRecipe(start="x", objective="fastshap", grid=2, samples=2)
    here = step(recipe, torch.zeros(4, 3, dtype=torch.bool))
    found = shapley.shapley(here)
    drawn = shapley.coalitions(4, 4, torch.Generator().manual_seed(0)).view(4, 2, 4)
    full, empty = here.model.logits(here.pixels), here.model.logits(torch.zeros_like(here.pixels[:1]))
    values = shapley.efficient(here.masker.values(here.seen[1]).flatten(2), full - empty)
    errors = []
    for i, j in itertools.product(range(4), range(2)):
        keep = torch.zeros(1, 1, 16, 20).double()
        for cell in drawn[i, j].nonzero()[:, 0].tolist():
            row, column = divmod(cell, 2)
            keep[..., row * 8 : row * 8 + 8, column * 10 : column * 10 + 10] = 1
        told = (values[i] * drawn[i, j]).sum(1)
        errors.append((here.model.logits(here.pixels[i : i + 1] * keep)[0] - empty[0] - told) ** 2)
    assert found.loss.item() == pytest.approx(torch.stack(errors).mean().item(), rel=1e-4)


# What is asked, what fills, who guards


def test_targets_are_true_predicted_or_absent_in_the_shares_asked_for():
    truth = torch.tensor([[True, False, False, False]]).expand(8000, -1)
    predicted = torch.tensor([[False, True, False, False]]).expand(8000, -1)
    asked = questions(truth, predicted, 0.25, (0.01, 0.5), torch.Generator().manual_seed(0))
    shares = torch.bincount(asked.labels, minlength=4) / 8000
    assert shares[:2].tolist() == pytest.approx([0.5, 0.25], abs=0.02)
    assert (asked.labels[asked.absent] >= 2).all()
    assert (asked.labels[~asked.absent] < 2).all()


def test_an_image_without_any_label_is_asked_about_an_absent_one():
    none = torch.zeros(10, 3, dtype=torch.bool)
    assert bool(questions(none, none, 0.0, (0.01, 0.5)).absent.all())
    full = torch.ones(10, 3, dtype=torch.bool)
    assert not bool(questions(full, full, 1.0, (0.01, 0.5)).absent.any())


def test_areas_are_even_in_their_logarithm():
    drawn = log_uniform(torch.tensor([0.0, 0.5, 1.0]), (0.01, 0.25))
    torch.testing.assert_close(drawn, torch.tensor([0.01, 0.05, 0.25]))


def test_the_published_target_is_the_true_label_of_which_the_model_is_surest():
    truth = torch.tensor([[True, True, False], [False, False, False]])
    logits = torch.tensor([[1.0, 2.0, 9.0], [0.0, 1.0, 5.0]])
    assert true_columns(truth, logits).tolist() == [1, 2]


def test_parts_are_borrowed_only_from_images_without_the_target():
    bearing = torch.tensor([[True, True, False], [True, True, True], [False, True, True]])
    for seed in range(20):
        assert occluding.donors_for(bearing, torch.Generator().manual_seed(seed)).tolist() == [2, -1, 0]


@pytest.mark.parametrize("kind", ["mean", "constant", "blur", "noise", "other"])
def test_every_occluder_is_what_its_name_says(kind: str):
    pixels = torch.randn(3, 2, 16, 16)
    donors = torch.tensor([1, 2, -1])
    made = occluding.occluders(pixels, (kind,), donors, torch.Generator().manual_seed(0))
    assert made.shape == pixels.shape
    if kind == "mean":
        assert bool((made == 0).all())
    if kind == "constant":
        assert bool((made.flatten(2).std(2) < 1e-6).all())
        assert bool(((made.amax((2, 3)) <= pixels.amax((2, 3))) & (made.amin((2, 3)) >= pixels.amin((2, 3)))).all())
    if kind == "other":
        assert torch.equal(made[:2], pixels[1:])
    if kind in ("blur", "other"):  # where no image will do, a blur is taken
        torch.testing.assert_close(made[2], occluding.blurred(pixels)[2])


def test_nothing_is_removed_where_all_is_kept():
    pixels, fill = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    torch.testing.assert_close(mixed(pixels, fill, torch.ones(2, 1, 4, 4)), pixels)
    torch.testing.assert_close(mixed(pixels, fill, torch.zeros(2, 1, 4, 4)), fill)


def test_random_masks_remove_a_random_share():
    masks = surrogate.random_masks(torch.zeros(200, 1, 24, 24), torch.Generator().manual_seed(0))
    assert masks.min() >= 0
    assert masks.max() <= 1
    shares = masks.flatten(1).mean(1)
    assert shares.mean().item() == pytest.approx(0.5, abs=0.06)
    assert shares.std().item() > 0.2


def test_the_guard_ends_a_run_of_useless_masks():
    guard = Guard(3)
    for marked in (0.001, 0.001, None, 0.1, 0.001, 0.001):
        guard.see(marked)
    with pytest.raises(CollapsedError, match="nearly empty"):
        guard.see(0.001)
    with pytest.raises(CollapsedError, match="nearly full"):
        Guard(1).see(0.99)


@pytest.mark.parametrize(
    ("field", "value"),
    [("budgets", (0.5, 0.1)), ("occluders", ()), ("objective", "rise"), ("area", -1.0), ("grid", 1), ("learning_rate", 0.0)],
)
def test_a_recipe_refuses_what_makes_no_sense(field: str, value: object):
    with pytest.raises(PellucidError, match=f"mask recipe's {field}"):
        MaskRecipe(**{"start": "x", field: value})


@pytest.mark.parametrize("kind", occluding.OCCLUDERS)
def test_what_takes_the_place_of_parts_is_near_the_same_in_half_precision(kind):
    pixels = torch.rand((3, 1, 16, 20), generator=torch.Generator().manual_seed(0))
    made = []
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            made.append(occluding.occluders(pixels, (kind,), torch.tensor([1, 2, 0]), torch.Generator().manual_seed(1)))
    assert made[1].dtype == torch.float32
    torch.testing.assert_close(made[1], made[0], atol=0.02, rtol=0.02)
