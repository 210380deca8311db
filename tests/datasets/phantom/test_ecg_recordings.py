"""Facts about phantom electrocardiograms: reproducibility, patients, masks, noise, options."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cardiograms import clean, everything, lead, part
from drawn import printed_by_two_processes
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.case import Case, Mask
from pellucid.datasets import write
from pellucid.datasets.phantom.ecg import PhantomEcg
from pellucid.datasets.phantom.ecg.findings import FINDINGS, FindingName
from pellucid.datasets.phantom.ecg.planning import Clock
from pellucid.datasets.phantom.ecg.scenes import Chances, draw_scene
from pellucid.datasets.phantom.ecg.tracing import SEEN, trace
from pellucid.errors import DataError
from pellucid.registry import datasets
from pellucid.signals import STANDARD_LEADS, Signal

_PROGRAM = """
from pellucid.datasets.phantom.ecg import PhantomEcg
from pellucid.files import digest
print(digest(*(repr((c.id, c.signal.samples.tobytes(), sorted(c.labels), [e.mask.tobytes() for e in c.evidence], c.meta))
               for c in PhantomEcg(n=12, seed=3, prevalence=0.4).prepare().cases)))
"""
_MOVING = (*FINDINGS[:3], FINDINGS[5], FINDINGS[7])
"""Findings that change the waves of beats whose times stay."""


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """A hundred and fifty recordings of default settings."""
    return list(PhantomEcg(n=150, seed=2).prepare().cases)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**40), st.sampled_from([(100.0, 10.0), (128.0, 5.0), (500.0, 7.3)]))
def test_any_seed_gives_sound_cases(seed: int, clock: tuple[float, float]) -> None:
    rate, seconds = clock
    for case in PhantomEcg(n=4, seed=seed, rate=rate, seconds=seconds, prevalence=0.5).prepare().cases:
        shape = (round(rate * seconds), 12)
        assert isinstance(case.signal, Signal)
        assert (case.signal.samples.shape, case.signal.rate, case.signal.leads) == (shape, rate, STANDARD_LEADS)
        assert np.abs(case.signal.samples).max() < 8
        assert case.labels == {e.label for e in case.evidence}
        for mark in (*case.evidence, *case.anatomy):
            assert isinstance(mark, Mask)
            assert mark.mask.shape == shape
            assert mark.mask.any()
            assert mark.source == "phantom"
        assert case.causes == case.evidence
        assert json.loads(json.dumps(case.meta)) == case.meta


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 9), st.permutations(range(9)))
def test_recordings_are_the_same_in_any_order_and_number(seed: int, few: int, order: list[int]) -> None:
    large = PhantomEcg(n=9, seed=seed).prepare().cases
    small = PhantomEcg(n=few, seed=seed).prepare().cases
    told = {index: everything(large[index]) for index in order}
    assert [told[index] for index in range(few)] == [everything(case) for case in small]
    assert [everything(case) for case in large[2:5]] == [told[index] for index in (2, 3, 4)]


def test_another_process_draws_the_same_bytes() -> None:
    first, second = printed_by_two_processes(_PROGRAM)
    assert first == second != ""


def test_the_global_generator_is_not_touched() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    list(PhantomEcg(n=3).prepare().cases)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_a_recording_is_made_when_it_is_asked_for_and_quickly() -> None:
    start = time.process_time()
    cases = PhantomEcg(n=5000, prevalence=0.4).prepare().cases
    assert time.process_time() - start < 2
    spent = []
    for index in range(0, 5000, 250):
        start = time.process_time()
        _ = cases[index]
        spent.append(time.process_time() - start)
    assert np.median(spent) < 0.020


def test_another_rate_shows_the_same_hearts() -> None:
    slow, fast = (PhantomEcg(n=12, seed=4, rate=rate, noise=0.0, prevalence=0.3).prepare().cases for rate in (100.0, 500.0))
    for one, other in zip(slow, fast, strict=True):
        assert one.labels == other.labels
        assert one.meta["beats"] == other.meta["beats"]
        if not (one.meta["distractors"] or other.meta["distractors"]):
            np.testing.assert_allclose(one.signal.samples, other.signal.samples[::5], atol=1e-5)


def test_a_patient_has_as_many_recordings_as_asked_for(cases: list[Case]) -> None:
    of: dict[str, list[Case]] = defaultdict(list)
    for case in cases[:-3]:  # the last patient may be cut off
        of[case.patient].append(case)
    assert {len(group) for group in of.values()} == {1, 2, 3}
    four = PhantomEcg(n=12, recordings_per_patient=(4, 4)).prepare().cases
    assert [c.patient for c in four] == [f"p{i:06d}" for i in range(3) for _ in range(4)]
    assert [c.id for c in four[:4]] == [f"p000000-{i}" for i in (1, 2, 3, 4)]


def test_recordings_of_a_patient_are_more_alike_than_those_of_two() -> None:
    cases = clean(n=40, recordings_per_patient=(2, 2))
    facts = [(c.patient, c.meta["axis"], c.meta["qrs"], c.meta["pr"]) for c in cases]
    assert len({fact[0] for fact in facts}) == len(set(facts)) > 10


def test_every_sample_is_in_exactly_one_segment(cases: list[Case]) -> None:
    for case in cases:
        covered = np.sum([mark.mask for mark in case.anatomy if isinstance(mark, Mask)], axis=0)
        assert (covered == 1).all()
        assert {mark.label for mark in case.anatomy} >= {"QRS complex", "ST segment", "T wave", "baseline"}


def test_segments_follow_each_other_as_the_heart_works() -> None:
    for case in clean(n=10):
        names = np.array([mark.label for mark in case.anatomy])
        order = names[np.argmax([part(case, name) for name in names], axis=0)]
        heard = [str(a) for a, b in zip(order, np.append(order[1:], ""), strict=True) if a != b]
        cycle = ["P wave", "baseline", "QRS complex", "ST segment", "T wave", "baseline"]
        start = heard.index("P wave")
        for i, name in enumerate(heard[start:]):
            assert name == cycle[i % 6]


@pytest.mark.parametrize("finding", _MOVING)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_mask_holds_exactly_what_the_finding_moves(finding: FindingName, seed: int) -> None:
    scene = draw_scene(0, 1, Chances(seed, {finding: 1.0}, (1, 1), 250.0, None))
    clock = Clock(250.0, 10.0)
    ill, well = trace(scene, clock, 0.0), trace(replace(scene, labels=(), strengths={}), clock, 0.0)
    change = np.abs(ill.clean - well.clean)
    clear = np.abs(change - SEEN) > 1e-9  # what lies at the limit may be rounded to either side
    assert ((change >= SEEN) == ill.findings[finding])[clear].all()
    assert ill.moved[finding] == pytest.approx(change.max())


@pytest.mark.parametrize("finding", ["first-degree AV block", "premature ventricular beats", "atrial fibrillation"])
def test_findings_of_time_are_marked_in_all_leads(finding: FindingName) -> None:
    for case in clean(finding):
        (mark,) = case.causes
        assert isinstance(mark, Mask)
        assert (mark.mask == mark.mask[:, :1]).all()
        assert 0 < mark.mask.mean() < 0.8
        assert case.meta["findings"] == [{"label": finding, "leads": list(STANDARD_LEADS), "change": None}]


def test_fibrillation_is_marked_where_p_waves_would_be_and_on_the_beats_that_are_irregular() -> None:
    for case in clean("atrial fibrillation", "premature ventricular beats"):
        mask = next(e.mask[:, 0] for e in case.causes if isinstance(e, Mask) and e.label == "atrial fibrillation")
        other = next(e.mask[:, 0] for e in case.causes if isinstance(e, Mask) and e.label == "premature ventricular beats")
        assert not (mask & (part(case, "T wave") | part(case, "ST segment") | other)).any()
        assert mask[part(case, "baseline")].all()
        assert mask[part(case, "QRS complex") & ~other].all()


def test_beats_are_where_meta_says() -> None:
    for case in clean(n=8):
        envelope = np.abs(case.signal.samples).max(axis=1)
        for beat in case.meta["beats"]:
            at = round(beat["time"] * case.signal.rate)
            near = slice(max(0, at - 30), at + 30)
            assert envelope[near].max() == pytest.approx(envelope[max(0, at - 100) : at + 100].max())


def test_noise_differs_between_patients_and_its_factor_scales_it() -> None:
    options = {"n": 20, "seed": 3, "prevalence": 0.0, "recordings_per_patient": (1, 1), "rate": 100.0}
    silent, usual, double = (PhantomEcg(noise=noise, **options).prepare().cases for noise in (0.0, 1.0, 2.0))  # type: ignore[arg-type]
    spread = []
    for none, one, two in zip(silent, usual, double, strict=True):
        once, twice = (case.signal.samples - none.signal.samples for case in (one, two))
        np.testing.assert_allclose(twice, 2 * once, atol=1e-5)
        spread.append(once.std())
    assert max(spread) > 2 * min(spread)
    assert 0.01 < np.median(spread) < 0.1


def test_the_mains_are_heard_above_a_hundred_samples_a_second_alone() -> None:
    loud = 0
    for case in PhantomEcg(n=10, seed=1, rate=500.0, prevalence=0.0).prepare().cases:
        power = np.abs(np.fft.rfft(lead(case, "II"))) ** 2  # 0.1 cycles a second each
        loud += bool(power[500] > 10 * np.median(power[400:600]))
    assert loud >= 5


def test_each_finding_has_a_chance_of_its_own() -> None:
    wanted: tuple[FindingName, ...] = ("T-wave inversion", "atrial fibrillation")
    cases = PhantomEcg(n=20, findings=wanted, prevalences=(1.0, 0.0)).prepare().cases
    assert all(case.labels == {"T-wave inversion"} for case in cases)


def test_a_stored_recording_comes_back_as_it_was(tmp_path: Path) -> None:
    prepared = PhantomEcg(n=30, seed=6, prevalence=0.3, shortcut="calibration", shortcut_label="T-wave inversion").prepare()
    stored = write(tmp_path / "ecg", prepared)
    drawn = {case.id: case for case in prepared.cases}
    assert len(stored) == 30
    for case in stored:
        said, kept = everything(drawn[case.id]), everything(case)
        assert said == kept
        assert case.signal.rate == 100.0
        assert case.signal.leads == STANDARD_LEADS
    assert all(prepared.assigned[case.id] == "test" for case in stored.split("test"))


def test_it_is_registered_and_says_what_it_is() -> None:
    prepared = datasets.create("phantom_ecg", n=2).prepare()
    assert prepared.name == "phantom_ecg"
    assert len(prepared.cases) == 2
    assert json.loads(json.dumps(prepared.about))["options"]["rate"] == 100.0
    assert not prepared.assigned
    assert not len(datasets.create("phantom_ecg", n=0).prepare().cases)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": -1}, "n of phantom_ecg is -1"),
        ({"seed": -2}, "seed of phantom_ecg"),
        ({"rate": 50.0}, "give 100 to 1000 samples"),
        ({"rate": float("nan")}, "give 100 to 1000 samples"),
        ({"seconds": 2.0}, "give 5 to 60 seconds"),
        ({"noise": -1.0}, "noise of phantom_ecg is -1.0"),
        ({"prevalence": 1.2}, "give a chance between 0 and 1"),
        ({"prevalence": float("nan")}, "give a chance between 0 and 1"),
        ({"prevalences": (0.5,)}, "1 prevalences for 8 findings"),
        ({"prevalences": (0.5,) * 7 + (1.5,)}, "prevalences of phantom_ecg has 1.5"),
        ({"recordings_per_patient": (0, 2)}, "least number first"),
        ({"recordings_per_patient": (3, 2)}, "least number first"),
        ({"findings": ()}, "no finding at all"),
        ({"findings": ("asystole",)}, "cannot draw 'asystole'"),
        ({"shortcut": "bow tie", "shortcut_label": FINDINGS[0]}, "cannot plant 'bow tie'"),
        ({"shortcut": "spikes"}, "shortcut_label of phantom_ecg is None"),
        ({"shortcut": "spikes", "shortcut_label": FINDINGS[0], "findings": (FINDINGS[1],)}, "choose one of its findings"),
        ({"shortcut_label": FINDINGS[0]}, "no shortcut"),
        ({"shortcut": "hum", "shortcut_label": FINDINGS[0]}, "cannot show the shortcut 'hum'"),
        ({"shortcut": "spikes", "shortcut_label": FINDINGS[0], "shortcut_rate": 1.1}, "shortcut_rate of phantom_ecg is 1.1"),
        ({"shortcut": "spikes", "shortcut_label": FINDINGS[0], "shortcut_rate_absent": -0.1}, "shortcut_rate_absent"),
        ({"shortcut": "spikes", "shortcut_label": FINDINGS[0], "shortcut_faint": float("nan")}, "shortcut_faint"),
        ({"shortcut": "spikes", "shortcut_label": FINDINGS[0], "shortcut_splits": ()}, "shortcut_splits"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said) as refused:
        PhantomEcg(**options)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
