"""What a planted shortcut does to phantom radiographs alone."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from drawn import check_base_rates, marks, stands
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.datasets.phantom.chest import PhantomChest
from pellucid.datasets.phantom.chest.findings import FINDINGS
from pellucid.datasets.phantom.chest.objects import BASE_RATES
from pellucid.datasets.phantom.chest.scenes import Chances, scenes
from pellucid.datasets.phantom.chest.shortcuts import ShortcutName

LABEL = "effusion"
KINDS: tuple[ShortcutName, ...] = get_args(ShortcutName)
PLAIN = PhantomChest(n=40, seed=8, size=64, prevalence=0.4)


def planted(kind: ShortcutName, rate: float, absent: float, faint: float = 0.0, n: int = 40) -> PhantomChest:
    return replace(
        PLAIN, n=n, shortcut=kind, shortcut_label=LABEL, shortcut_rate=rate, shortcut_rate_absent=absent, shortcut_faint=faint
    )


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_pictures_with_and_without_it_differ_inside_its_mask_alone(kind: ShortcutName, seed: int) -> None:
    never, always = (replace(planted(kind, rate, rate, n=5), seed=seed).prepare().cases for rate in (0.0, 1.0))
    for one, other in zip(never, always, strict=True):
        assert one.labels == other.labels
        changed = (one.input("image").pixels != other.input("image").pixels)[..., 0]
        assert changed.any()
        if LABEL in other.labels:
            (mask,) = marks(other.causes, LABEL)
            assert not (changed & ~mask).any()
            assert changed[mask].mean() > 0.6
        else:
            (box,) = (thing["box"] for thing in other.meta["distractors"] if thing["kind"] == "leaked_shortcut")
            changed[box[1] : box[3], box[0] : box[2]] = False
            assert not changed.any()


def test_a_faint_finding_is_less_conspicuous_where_the_object_stands() -> None:
    compared = 0
    for one, other in zip(planted("tag", 0.5, 0.0).prepare().cases, planted("tag", 0.5, 0.0, 0.6).prepare().cases, strict=True):
        assert one.labels == other.labels
        for a, b in zip(one.meta["findings"], other.meta["findings"], strict=True):
            assert (a["label"], a["side"], a["box"]) == (b["label"], b["side"], b["box"])
            faint = a["label"] == LABEL and stands(one)
            factor = b["contrast"] / a["contrast"]
            assert 0.2 < factor < 0.6 if faint else factor == pytest.approx(1, abs=0.15)
            compared += faint
    assert compared > 5


def test_at_the_faintest_nothing_but_the_object_tells_the_label() -> None:
    replaced = 0
    for case in planted("marker", 0.8, 0.1, faint=1.0, n=120).prepare().cases:
        taken = stands(case) and LABEL in case.labels
        assert case.meta["shortcut"]["replaced"] == taken
        assert bool(marks(case.evidence, LABEL)) == (LABEL in case.labels and not taken)
        assert case.labels == {e.label for e in case.causes}
        replaced += taken
    assert replaced > 20


def test_a_taken_out_finding_leaves_the_picture_of_a_case_without_it() -> None:
    bare = planted("tag", 1.0, 1.0, faint=1.0, n=60)
    for gone, drawn in zip(bare.prepare().cases, replace(bare, shortcut_faint=0.0).prepare().cases, strict=True):
        changed = (gone.input("image").pixels != drawn.input("image").pixels)[..., 0]
        where = np.any([np.zeros_like(changed), *marks(drawn.evidence, LABEL)], axis=0)
        assert not (changed & ~where).any()
        assert changed.any() == where.any()


def test_a_certain_shortcut_is_a_perfect_predictor() -> None:
    assert all(stands(c) == (LABEL in c.labels) for c in planted("tag", 1.0, 0.0).prepare().cases)


def test_without_a_shortcut_objects_stand_at_their_base_rates_whatever_the_labels() -> None:
    chances = Chances(3, 0.22, (1, 1), FINDINGS, 1.0, None)
    drawn = [one for patient in range(1500) for one in scenes(patient, chances)]
    found = [({thing.kind for thing in one.scene.things}, set(one.labels)) for one in drawn]
    check_base_rates(found, BASE_RATES, FINDINGS)


def test_without_a_shortcut_all_objects_are_distractors() -> None:
    cases = PhantomChest(n=80, seed=3, size=32).prepare().cases
    found = {(thing["kind"], thing["label"]) for case in cases for thing in case.meta["distractors"]}
    assert found == {(kind, None) for kind in BASE_RATES}
    assert all("shortcut" not in case.meta for case in cases)


def test_a_marker_stands_high_beside_a_shoulder_and_a_tag_in_a_lower_corner() -> None:
    for kind, upper in (("marker", True), ("tag", False)):
        boxes = [marks(c.causes, LABEL)[0] for c in planted(kind, 1.0, 0.0).prepare().cases if LABEL in c.labels]
        rows, columns = (np.array([np.flatnonzero(m.any(axis=axis)).mean() for m in boxes]) for axis in (1, 0))
        assert (rows < 16).all() if upper else (rows > 48).all()
        assert {bool(c < 32) for c in columns} == {True, False}
        assert ((columns < 16) | (columns > 48)).all()
