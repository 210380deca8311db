"""What stands beside the study is what the paper has; what is shown to hold is what its figures show."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binomtest

from pellucid.alignment.shares import clopper_pearson
from pellucid.crossed import Estimate, estimate, mean_of
from pellucid.studies.alignment.comparing import exact, frozen, opt_out_above, rate_above
from pellucid.studies.alignment.gathering import Found
from pellucid.studies.alignment.published import CHANGES, PUBLISHED, RELEASED
from pellucid.studies.alignment.variants import VARIANTS
from pellucid.training.objectives import objective

LOCALISATION = """
joint            | 84.9/68.6 (84.9) | 83.5/66.3 (83.7) | 76.9/57.7 (76.6) | 80.5/56.1 (80.0)
GLoRIA           | 69.1/51.7 (69.3) | 69.5/48.3 (70.3) | 65.5/38.7 (66.6) | 65.0/37.0 (66.2)
retrained        | 55.8/41.2 (55.0) | 55.1/37.0 (53.4) | 53.5/28.9 (52.6) | 55.1/30.4 (55.0)
word_masking     | 61.4/44.7 (59.3) | 61.8/41.4 (58.5) | 58.1/32.0 (56.0) | 60.2/32.5 (57.6)
clinical_masking | 54.7/40.6 (54.6) | 54.9/37.3 (53.6) | 52.8/28.7 (51.7) | 54.3/29.2 (53.9)
no_attn          | 57.0/41.8 (56.3) | 57.3/39.2 (56.6) | 56.5/32.7 (56.1) | 56.8/31.1 (56.2)
abnormal         | 55.9/43.4 (52.8) | 57.6/42.2 (54.1) | 54.7/33.0 (51.2) | 55.3/32.3 (53.2)
shots            | 63.9/52.8 (68.4) | 65.3/50.4 (73.1) | 61.6/40.8 (67.9) | 62.2/39.9 (66.3)
random_sentences | 38.9/30.6 (36.1) | 41.1/28.2 (39.8) | 41.2/22.5 (36.8) | 41.5/21.6 (39.7)
"""
OVERLAP = """
joint            | 2.6/7.2/33.6   | 63/67/64
GLoRIA           | 3.8/6.7/20.1   | 59/59/55
retrained        | 2.5/3.8/4.2    | 34/38/40
word_masking     | 1.8/2.6/3.5    | 21/36/45
clinical_masking | 1.6/2.2/2.5    | 28/36/40
no_attn          | 3.1/4.2/4.3    | 38/39/40
abnormal         | 5.5/8.1/9.1    | 43/33/39
shots            | 9.5/18.2/30.1  | 73/69/40
random_sentences | 0.4/0.8/5.5    | 15/15/23
"""
TEXT = """
joint            | .038/.037/.036/.039 | nan/67.2  | -1.0/0.7/-0.6/nan/0.1
GLoRIA           | .080/.077/.079/.087 | 55.2/70.3 | -0.25/-0.8/-1.9/-7.7/-0.6
retrained        | .042/.037/.032/.040 | 70.2/82.9 | -1.0/-0.9/-1.7/-1.7/-0.3
word_masking     | .046/.045/.040/.047 | 78.9/81.6 | -0.7/-0.6/-1.3/-5.2/-0.2
clinical_masking | .031/.030/.024/.030 | 68.5/81.5 | -1.0/-0.3/-2.5/-1.7/0
no_attn          | .044/.046/.042/.043 | 67.3/81.9 | -2.1/-1.7/-2.6/-3.4/-1.2
abnormal         | .108/.107/.100/.108 | 72.1/76.6 | -1.5/-2.1/-3.2/-5.0/-1.6
shots            | .170/.160/.154/.168 | 67.2/79.6 | -4.0/-1.2/-3.9/-6.9/-2.5
random_sentences |                     | 51.4/51.3 | 0/-0.3/-1.0/1.2/-2.5
"""


def rows(table: str) -> list[tuple[str, ...]]:
    """Cells of the table; the released model under its name here."""
    cells = [tuple(cell.strip() for cell in line.split("|")) for line in table.strip().splitlines()]
    return [(RELEASED if name == "GLoRIA" else name, *rest) for name, *rest in cells]


def numbers(cell: str) -> tuple[float, ...]:
    return tuple(float(part) for part in cell.split("/"))


def same(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def test_where_published_maps_lie() -> None:
    table = rows(LOCALISATION)
    assert {name for name, *_ in table} == set(PUBLISHED)
    for name, *subsets in table:
        found = [numbers(cell.replace(" (", "/").rstrip(")")) for cell in subsets]
        auroc, precision, synthetic = zip(*found, strict=True)
        assert (PUBLISHED[name].auroc, PUBLISHED[name].average_precision) == (auroc, precision)
        assert PUBLISHED[name].synthetic == synthetic


def test_what_published_maps_put_first() -> None:
    for name, iou, precision in rows(OVERLAP):
        assert (PUBLISHED[name].iou, PUBLISHED[name].precision) == (numbers(iou), numbers(precision))


def test_how_published_maps_take_the_text() -> None:
    for name, divergence, matching, changes in rows(TEXT):
        said = PUBLISHED[name]
        assert said.divergence == (numbers(divergence) if divergence else None)
        assert same(said.matching, numbers(matching))
        assert same(said.changes, numbers(changes))
        assert len(said.changes) == len(CHANGES)


def test_every_published_model_but_the_released_one_is_trained_here() -> None:
    assert set(PUBLISHED) - {RELEASED} == set(VARIANTS) - {"ours"}


def test_published_variants_are_what_they_are_called() -> None:
    parts = {name: {part.name: part for _, part in objective(v.objective).parts} for name, v in VARIANTS.items()}
    assert parts["abnormal"]["contrastive"].sentences == "abnormal"
    assert parts["random_sentences"]["contrastive"].sentences == "random"
    assert (parts["word_masking"]["contrastive"].masked, parts["clinical_masking"]["contrastive"].clinical) == (0.3, 0.5)
    assert (parts["shots"]["boxes"].shots, parts["shots"]["boxes"].published) == (30, True)
    assert all(part["contrastive"].spare for name, part in parts.items() if name != "shots")  # the same contrast for all
    attention = {name: variant.attention for name, variant in VARIANTS.items()}
    assert (attention["no_attn"], attention["joint"], attention["ours"]) == ("published_null", "joint", "corrected")
    assert {attention[name] for name in set(VARIANTS) - {"no_attn", "joint", "ours"}} == {"published"}


def judged(passed: np.ndarray, patients: int) -> Estimate:
    """A rate over two runs of the same sentences, less 0.95."""
    whose = np.tile(np.arange(len(passed) // 2) % patients, 2)
    found = SimpleNamespace(mean=lambda values: estimate(mean_of(values, whose, np.repeat([0, 1], len(passed) // 2))))
    return rate_above(found, passed, 0.95)  # type: ignore[arg-type]


@pytest.mark.parametrize("patients", [1, 71, 72, 200])
def test_a_share_of_all_is_judged_by_the_number_of_patients(patients: int) -> None:
    found = judged(np.ones(2 * 400), patients)
    chance = binomtest(patients, patients, 0.95, alternative="greater").pvalue
    assert found.p == pytest.approx(min(1.0, 2 * chance))
    low = binomtest(patients, patients).proportion_ci(0.95, "exact").low
    assert (found.value, found.low, found.high) == pytest.approx((0.05, low - 0.95, 0.05))
    assert (found.p < 0.05) == (patients >= 72)


class Answered:
    """Of a run: whose each sentence is, whether it says what is absent, and what it leaves to the null."""

    def __init__(self, patients: np.ndarray, absent: np.ndarray, null: np.ndarray) -> None:
        self.patients, self.absent, self.placed, self.null = patients, absent, ~absent, null

    def __len__(self) -> int:
        return len(self.patients)

    def column(self, method: str, metric: str) -> np.ndarray:
        return self.null


@pytest.mark.parametrize(("least_null", "expected"), [(0.3, 1.0), (0.1, 0.5)])
def test_opting_out_without_a_mistake_is_judged_by_pairs_of_patients(least_null: float, expected: float) -> None:
    kinds = np.arange(200) % 2 == 0
    null = np.where(kinds, np.where(np.arange(200) % 4 == 0, 0.9, least_null), 0.2)
    runs = {seed: Answered(np.repeat(np.arange(100), 2), kinds, null) for seed in (0, 1)}
    found = Found(SimpleNamespace(seeds=(0, 1)), {"ours": runs}, {})  # type: ignore[arg-type]
    judged = opt_out_above(found, 0.9)
    assert judged.value == pytest.approx(expected - 0.9)
    chance = 2 * 0.9**50  # of 100 patients 50 pairs
    assert (judged.p == pytest.approx(chance)) == (expected == 1.0)


@pytest.mark.parametrize(("hits", "trials"), [(0, 40), (1, 40), (37, 40), (40, 40), (190, 200)])
def test_a_share_of_whole_trials_has_the_interval_of_clopper_and_pearson(hits: int, trials: int) -> None:
    known = binomtest(hits, trials).proportion_ci(0.95, "exact")
    assert clopper_pearson(hits / trials, trials) == pytest.approx((known.low, known.high))
    tails = [binomtest(hits, trials, 0.95, alternative=side).pvalue for side in ("greater", "less")]
    assert exact(hits / trials, 0.95, trials) == pytest.approx(min(1.0, 2 * min(tails)))


@pytest.mark.parametrize("failed", [(0,), (0, 100), (7, 31), (7, 131), (0, 1, 2, 100, 101, 102)])
def test_a_share_with_failures_is_never_surer_than_one_without(failed: tuple[int, ...]) -> None:
    passed, flawless = np.ones(2 * 100), judged(np.ones(2 * 100), 100)
    passed[list(failed)] = 0.0
    found = judged(passed, 100)
    assert found.low < flawless.low
    assert found.p > flawless.p


def test_a_share_far_from_1_is_judged_as_every_mean() -> None:
    passed = np.tile(np.arange(400) % 2 * 1.0, 2)  # each patient half
    passed[:200] = 0.0
    found = judged(passed, 100)
    whose = np.tile(np.arange(400) % 100, 2)
    plain = estimate(mean_of(passed - 0.95, whose, np.repeat([0, 1], 400)))
    assert (found.low, found.p) == pytest.approx((max(plain.low, -0.95), plain.p), rel=1e-6)


@pytest.mark.parametrize(("patients", "surely"), [(40, False), (200, True)])
def test_maps_of_which_none_moves_are_still_no_surer_than_their_patients_allow(patients, surely) -> None:
    """Rule of three: of 40 patients whose maps stay, one in twelve of all others may have one that moves."""
    nothing_varies = Estimate(0.03, 0.03, 0.03, np.nan, np.nan, np.nan, n=5 * patients, patients=patients, runs=5)
    found = frozen(nothing_varies, 0.03)
    assert found.high == 0.03
    assert found.low == pytest.approx(0.03 - (1 - 0.025 ** (1 / patients)))
    assert found.p == pytest.approx(min(1.0, 2 * 0.97**patients))
    assert (found.p < 0.05) is surely
