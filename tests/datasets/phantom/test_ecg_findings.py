"""Facts of cardiology that phantom electrocardiograms hold to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cardiograms import clean, complexes, extremes, gaps, lead, part, runs, sokolow, st, upright
from drawn import marks
from hypothesis import given, settings
from hypothesis import strategies as strategy
from scipy.stats import binomtest

from pellucid.case import Case
from pellucid.datasets.phantom.ecg import PhantomEcg
from pellucid.datasets.phantom.ecg.findings import APART, FINDINGS, LASTING
from pellucid.datasets.phantom.ecg.scenes import Chances, draw_scene
from pellucid.signals import STANDARD_LEADS


@pytest.fixture(scope="module")
def healthy() -> list[Case]:
    return clean(n=24)


@settings(max_examples=10, deadline=None)
@given(strategy.integers(0, 2**40), strategy.sampled_from([0.0, 1.0]))
def test_einthoven_and_goldberger_hold_with_noise_as_without(seed: int, noise: float) -> None:
    for case in PhantomEcg(n=3, seed=seed, noise=noise, prevalence=0.4).prepare().cases:
        if case.meta["distractors"]:
            continue
        one, two = lead(case, "I"), lead(case, "II")
        for name, told in (("III", two - one), ("aVR", -(one + two) / 2), ("aVL", one - two / 2), ("aVF", two - one / 2)):
            np.testing.assert_allclose(lead(case, name), told, atol=2e-6)


def test_a_healthy_heart_has_the_intervals_of_healthy_adults(healthy: list[Case]) -> None:
    for case in healthy:
        assert 120 <= case.meta["pr"] <= 200
        assert 70 <= case.meta["qrs"] <= 110
        assert 350 <= case.meta["qt"] / np.sqrt(60 / case.meta["heart_rate"]) <= 450
        assert 50 <= case.meta["heart_rate"] <= 100
        assert -30 <= case.meta["axis"] <= 90


def test_healthy_p_and_t_waves_point_to_the_left_leg_and_away_from_avr(healthy: list[Case]) -> None:
    for case in healthy:
        for wave in ("P wave", "T wave"):
            assert all(upright(case, name, wave) for name in ("I", "II", "V4", "V5", "V6"))
            assert not upright(case, "aVR", wave)


def test_r_grows_from_v1_to_v5_and_s_shrinks_from_v3_to_v5(healthy: list[Case]) -> None:
    for case in healthy:
        r = [extremes(case, f"V{i}")[1] for i in (1, 3, 5)]
        s = [-extremes(case, f"V{i}")[0] for i in (3, 4, 5)]
        assert r == sorted(r)
        assert s == sorted(s, reverse=True)
        assert not upright(case, "V1")
        assert upright(case, "V6")


def test_a_healthy_heart_is_silent_between_its_waves(healthy: list[Case]) -> None:
    for case in healthy:
        assert np.abs(case.signal.samples[part(case, "baseline")]).max() < 0.12
        assert all(abs(st(case, name)) < 0.1 for name in STANDARD_LEADS)


def test_the_axis_is_where_the_limb_leads_point(healthy: list[Case]) -> None:
    for case in healthy:
        net = {name: np.mean([lead(case, name)[a:b].sum() for a, b in complexes(case)]) for name in ("I", "aVF")}
        measured = np.degrees(np.arctan2(net["aVF"] * 2 / np.sqrt(3), net["I"]))
        assert abs(measured - case.meta["axis"]) < 6


def test_qt_grows_with_the_root_of_the_time_between_beats() -> None:
    cases = clean(n=30, recordings_per_patient=(3, 3))
    for one, other in itertools.combinations(cases, 2):
        if one.patient == other.patient:
            expected = np.sqrt(gaps(one).mean() / gaps(other).mean())
            assert one.meta["qt"] / other.meta["qt"] == pytest.approx(expected, rel=0.02)


def test_a_sinus_rhythm_breathes_a_little(healthy: list[Case]) -> None:
    spread = np.array([gaps(case).std() / gaps(case).mean() for case in healthy])
    assert spread.min() > 0.004
    assert spread.max() < 0.06


def test_anterior_st_elevation_is_seen_in_v1_to_v4_and_not_in_the_limb_leads() -> None:
    for case in clean("anterior ST elevation"):
        assert all(st(case, f"V{i}") >= 0.1 for i in (1, 2, 3, 4))
        assert all(abs(st(case, name)) < 0.1 for name in ("I", "II", "III", "aVF"))
        assert set(case.meta["findings"][0]["leads"]) >= {"V1", "V2", "V3", "V4"}
        assert not set(case.meta["findings"][0]["leads"]) & {"II", "III", "aVF"}


def test_inferior_st_elevation_is_seen_in_leads_two_three_and_avf_and_not_in_v1() -> None:
    for case in clean("inferior ST elevation"):
        assert all(st(case, name) >= 0.1 for name in ("II", "III", "aVF"))
        assert all(st(case, name) <= -0.05 for name in ("I", "aVL"))
        assert abs(st(case, "V1")) < 0.05
        (mask,) = marks(case.causes, "inferior ST elevation")
        assert not mask[:, STANDARD_LEADS.index("V1")].any()
        assert mask[part(case, "ST segment")][:, STANDARD_LEADS.index("III")].mean() > 0.95


def test_left_bundle_branch_block_is_wide_and_its_t_waves_are_discordant() -> None:
    for case in clean("left bundle branch block"):
        assert case.meta["qrs"] >= 120
        for name in ("I", "V1", "V2", "V5", "V6"):
            assert upright(case, name) == (name not in ("V1", "V2"))
            assert upright(case, name, "T wave") != upright(case, name)
        for start, end in complexes(case):  # without a septal q
            assert all(lead(case, name)[start : (start + end) // 2].min() > -0.05 for name in ("I", "V6"))
        assert st(case, "V1") > 0.05 > -0.02 > st(case, "V6")


def test_only_first_degree_av_block_has_a_pr_interval_above_200_ms() -> None:
    for case in PhantomEcg(n=80, seed=3, prevalence=0.3).prepare().cases:
        if "atrial fibrillation" in case.labels:
            assert case.meta["pr"] is None
        else:
            assert (case.meta["pr"] > 200) == ("first-degree AV block" in case.labels)


@pytest.mark.parametrize("bundle", [False, True])
def test_av_block_is_in_the_stretch_from_p_to_qrs_in_all_leads(bundle: bool) -> None:
    findings = ("first-degree AV block", *(("left bundle branch block",) if bundle else ()))
    for case in clean(*findings):
        (mask,) = marks(case.causes, "first-degree AV block")
        assert (mask == mask[:, :1]).all()
        for start, end in runs(mask[:, 0]):
            assert (end - start) * 1000 / case.signal.rate == pytest.approx(case.meta["pr"], abs=3)
            assert part(case, "P wave")[start]
            assert part(case, "QRS complex")[end]
            assert not part(case, "T wave")[start:end].any()


def test_fibrillation_has_no_p_waves_and_irregular_beats(healthy: list[Case]) -> None:
    for case in clean("atrial fibrillation"):
        assert not part(case, "P wave").any()
        assert gaps(case).std() / gaps(case).mean() > 0.08
    assert all(part(case, "P wave").any() for case in healthy)


def test_fibrillatory_waves_come_four_to_nine_times_a_second_and_are_largest_in_v1() -> None:
    for case in clean("atrial fibrillation"):
        quiet = part(case, "baseline")
        assert lead(case, "V1")[quiet].std() > 0.02
        assert lead(case, "V1")[quiet].std() > lead(case, "V6")[quiet].std()
        start, end = max(runs(quiet), key=lambda run: run[1] - run[0])
        flutter = lead(case, "V1")[start:end] - lead(case, "V1")[start:end].mean()
        crossings = (np.diff(np.sign(flutter)) != 0).sum() * case.signal.rate / (end - start) / 2
        assert 3 < crossings < 12


def test_hypertrophy_is_what_meets_the_criterion_of_sokolow_and_lyon() -> None:
    ill = clean("left ventricular hypertrophy", n=30) + clean("left ventricular hypertrophy", "anterior ST elevation", n=15)
    assert min(map(sokolow, ill)) >= 3.5
    others = [name for name in FINDINGS if name not in ("left ventricular hypertrophy", "premature ventricular beats")]
    well = [case for name in others for case in clean(name, n=12, seed=9)] + clean(n=40, seed=9)
    assert max(map(sokolow, well)) < 3.5


def test_hypertrophy_meets_the_criterion_at_the_usual_rate_too() -> None:
    assert min(map(sokolow, clean("left ventricular hypertrophy", n=40, rate=100.0))) >= 3.5
    assert max(map(sokolow, clean(n=40, rate=100.0))) < 3.5


@pytest.mark.parametrize("rhythm", ["sinus", "fibrillation"])
def test_a_premature_ventricular_beat_is_early_wide_and_followed_by_a_pause(rhythm: str) -> None:
    beside = ("atrial fibrillation",) if rhythm == "fibrillation" else ()
    for case in clean("premature ventricular beats", *beside, n=20):
        early = [i for i, beat in enumerate(case.meta["beats"]) if beat["premature"]]
        assert early
        apart = gaps(case)
        for i in early:
            if rhythm == "sinus":
                usual = np.median(apart)
                assert i == 0 or apart[i - 1] < 0.8 * usual
                assert i == len(apart) or apart[i] > 1.1 * usual
        widths = [(b - a) / case.signal.rate for a, b in complexes(case)]
        assert max(widths) >= 0.12


def test_before_a_premature_beat_there_is_no_p_wave_and_its_mask_ends_with_its_t_wave() -> None:
    for case in clean("premature ventricular beats", n=20):
        (mask,) = marks(case.causes, "premature ventricular beats")
        p, qrs, t = (part(case, name) for name in ("P wave", "QRS complex", "T wave"))
        for start, end in runs(mask[:, 0]):
            assert not p[start - round(0.06 * case.signal.rate) : end].any()
            assert qrs[start]
            assert t[end - 1]
            assert not t[end]


def test_t_waves_are_inverted_in_the_lateral_leads_and_upright_there_without_the_finding(healthy: list[Case]) -> None:
    for case in clean("T-wave inversion"):
        assert all(extremes(case, name, "T wave")[0] < -0.1 for name in ("I", "aVL", "V5", "V6"))
        (mask,) = marks(case.causes, "T-wave inversion")
        assert not mask[part(case, "QRS complex")].any()
        assert mask[:, STANDARD_LEADS.index("V6")].any()
    assert all(upright(case, name, "T wave") for case in healthy for name in ("V5", "V6"))


def test_what_excludes_each_other_never_occurs_together_and_all_else_does() -> None:
    chances = Chances(2, dict.fromkeys(FINDINGS, 0.4), (1, 1), 100.0, None)
    found = [set(draw_scene(patient, 1, chances).labels) for patient in range(1500)]
    for one, other in itertools.combinations(FINDINGS, 2):
        assert any({one, other} <= labels for labels in found) == (frozenset((one, other)) not in APART)


def test_a_finding_alone_is_as_common_as_asked_for() -> None:
    for name in FINDINGS:
        chances = Chances(5, {name: 0.3}, (1, 1), 100.0, None)
        there = sum(draw_scene(patient, 1, chances).labels == (name,) for patient in range(1000))
        assert binomtest(there, 1000, 0.3).pvalue > 1e-4


def test_lasting_findings_stay_with_the_patient_and_others_come_and_go() -> None:
    chances = Chances(4, dict.fromkeys(FINDINGS, 0.35), (2, 2), 100.0, None)
    pairs = [[set(draw_scene(patient, number, chances).labels) for number in (1, 2)] for patient in range(200)]
    lasting = set(LASTING)
    assert all(one & lasting == other & lasting for one, other in pairs)
    for name in set(FINDINGS) - lasting:
        assert sum((name in one) != (name in other) for one, other in pairs) > 15
