"""What a planted shortcut does to phantom electrocardiograms alone."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from cardiograms import lead
from drawn import check_base_rates, kinds, marks, stands
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from pellucid.datasets.base import SPLITS, SplitName
from pellucid.datasets.phantom.ecg import PhantomEcg
from pellucid.datasets.phantom.ecg.findings import FINDINGS, FindingName
from pellucid.datasets.phantom.ecg.scenes import Chances, draw_scene
from pellucid.datasets.phantom.ecg.shortcuts import BASE_RATES, ShortcutName

LABEL: FindingName = "anterior ST elevation"
KINDS: tuple[ShortcutName, ...] = get_args(ShortcutName)
PLAIN = PhantomEcg(n=30, seed=8, rate=200.0, prevalence=0.35)


def planted(
    kind: ShortcutName, rate: float, absent: float, faint: float = 0.0, n: int = 30, splits: tuple[SplitName, ...] = SPLITS
) -> PhantomEcg:
    return replace(
        PLAIN, n=n, shortcut=kind, shortcut_label=LABEL, shortcut_rate=rate, shortcut_rate_absent=absent,
        shortcut_faint=faint, shortcut_splits=splits,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_recordings_with_and_without_it_differ_inside_its_mask_alone(kind: ShortcutName, seed: int) -> None:
    never, always = (replace(planted(kind, rate, rate, n=5), seed=seed).prepare().cases for rate in (0.0, 1.0))
    for one, other in zip(never, always, strict=True):
        assert one.labels == other.labels
        changed = one.signal.samples != other.signal.samples
        assert changed.any()
        if LABEL in other.labels:
            (mask,) = marks(other.causes, LABEL)
            assert (changed == mask).mean() > 0.999
            assert not (changed & ~mask).any()


def test_a_pulse_of_calibration_lasts_200_ms_in_all_leads() -> None:
    for case in planted("calibration", 1.0, 1.0).prepare().cases:
        if LABEL in case.labels:
            (mask,) = marks(case.causes, LABEL)
            assert mask[20:60].all()
            assert mask.sum() == 40 * 12
        else:
            assert {"kind": "leaked_shortcut", "label": LABEL, "span": [20, 60]} in case.meta["distractors"]


def test_spikes_stand_before_each_beat_and_hum_is_in_v6_alone() -> None:
    for case in planted("spikes", 1.0, 0.0).prepare().cases:
        for mask in marks(case.causes, LABEL) if LABEL in case.labels else []:
            sinus = [beat for beat in case.meta["beats"] if not beat["premature"]]
            assert abs(np.flatnonzero(mask[:, 0]).size - len(sinus)) <= 1
            assert mask[:, 0].sum() * 12 == mask.sum()
    for case in planted("hum", 1.0, 0.0).prepare().cases:
        for mask in marks(case.causes, LABEL) if LABEL in case.labels else []:
            assert mask[:, 11].mean() > 0.99
            assert not mask[:, :11].any()


@pytest.mark.parametrize("label", FINDINGS)
def test_a_finding_that_is_taken_out_leaves_the_recording_of_a_case_without_it(label: FindingName) -> None:
    options = replace(
        PLAIN, n=4, rate=100.0, findings=(label,), prevalence=1.0, shortcut="spikes", shortcut_label=label, shortcut_rate=1.0,
        shortcut_rate_absent=1.0, shortcut_faint=1.0, shortcut_splits=SPLITS,
    )  # fmt: skip
    well = replace(options, prevalence=0.0)
    for gone, never in zip(options.prepare().cases, well.prepare().cases, strict=True):
        assert gone.labels == {label}
        assert not gone.evidence
        assert [mark.label for mark in gone.causes] == [label]
        assert gone.meta["shortcut"]["replaced"]
        np.testing.assert_array_equal(gone.signal.samples, never.signal.samples)


@pytest.mark.parametrize("label", FINDINGS)
def test_a_faint_finding_lies_between_health_and_disease(label: FindingName) -> None:
    options = replace(
        PLAIN, n=3, noise=0.0, findings=(label,), prevalence=1.0, shortcut="calibration", shortcut_label=label,
        shortcut_rate=1.0, shortcut_splits=SPLITS,
    )  # fmt: skip
    full, half = (replace(options, shortcut_faint=faint).prepare().cases for faint in (0.0, 0.5))
    well = replace(options, shortcut_faint=1.0).prepare().cases
    for one, two, none in zip(full, half, well, strict=True):
        assert not np.array_equal(one.signal.samples, two.signal.samples)
        assert not np.array_equal(two.signal.samples, none.signal.samples)
        if one.meta["findings"][0]["change"]:
            assert two.meta["findings"][0]["change"] == pytest.approx(one.meta["findings"][0]["change"] / 2, abs=1e-4)
            np.testing.assert_allclose(
                lead(two, "V2"), (lead(one, "V2") + lead(none, "V2")) / 2, atol=1e-5 if label != "atrial fibrillation" else 5
            )


def test_a_finding_too_faint_to_be_marked_is_not_said_to_be_taken_out() -> None:
    options = replace(
        PLAIN, n=40, seed=4, rate=100.0, noise=0.0, findings=("inferior ST elevation",), prevalence=1.0, shortcut="calibration",
        shortcut_label="inferior ST elevation", shortcut_rate=1.0, shortcut_splits=SPLITS,
    )  # fmt: skip
    faint, gone = (replace(options, shortcut_faint=share).prepare().cases for share in (0.9, 1.0))
    unmarked = [at for at, case in enumerate(faint) if not case.evidence]
    assert unmarked
    for at in unmarked:
        assert not np.array_equal(faint[at].signal.samples, gone[at].signal.samples)
        assert not faint[at].meta["shortcut"]["replaced"]
        assert gone[at].meta["shortcut"]["replaced"]


def test_the_shortcut_holds_in_training_and_not_in_the_test_split() -> None:
    prepared = planted("calibration", 1.0, 0.3, 1.0, n=400, splits=("train", "validation")).prepare()
    cases = list(prepared.cases)
    assert set(prepared.assigned.values()) == set(SPLITS)
    assert len({(c.patient, prepared.assigned[c.id]) for c in cases}) == len({c.patient for c in cases})
    test = [c for c in cases if prepared.assigned[c.id] == "test"]
    rest = [c for c in cases if prepared.assigned[c.id] != "test"]
    assert all(stands(c) for c in rest if LABEL in c.labels)
    table = [
        [sum(stands(c) == there and (LABEL in c.labels) == ill for c in test) for ill in (True, False)]
        for there in (True, False)
    ]
    assert min(map(sum, table)) > 10
    assert fisher_exact(table).pvalue > 1e-3
    for case in test:
        assert case.causes == case.evidence
        assert case.labels == {e.label for e in case.evidence}
        assert ("leaked_shortcut" in kinds(case)) == stands(case)


def test_a_patient_is_in_the_same_split_however_many_there_are() -> None:
    small, large = (planted("spikes", 1.0, 0.0, n=n, splits=("train",)).prepare().assigned for n in (20, 60))
    assert small.items() <= large.items()


def test_a_certain_shortcut_is_a_perfect_predictor() -> None:
    assert all(stands(c) == (LABEL in c.labels) for c in planted("hum", 1.0, 0.0).prepare().cases)


def test_without_a_shortcut_marks_stand_at_their_base_rates_whatever_the_labels() -> None:
    chances = Chances(3, dict.fromkeys(FINDINGS, 0.22), (1, 1), 250.0, None)
    drawn = [draw_scene(patient, 1, chances) for patient in range(1500)]
    check_base_rates([(set(scene.marks), set(scene.labels)) for scene in drawn], BASE_RATES, FINDINGS)


def test_without_a_shortcut_all_marks_are_distractors() -> None:
    cases = PhantomEcg(n=100, seed=3, rate=150.0, seconds=5.0).prepare().cases
    found = {(thing["kind"], thing["label"]) for case in cases for thing in case.meta["distractors"]}
    assert found == {(kind, None) for kind in BASE_RATES}
    assert all("shortcut" not in case.meta for case in cases)
