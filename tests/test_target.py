"""Targets are weighted sums of logits, found by the names of labels."""

from __future__ import annotations

import pytest

from pellucid.errors import PellucidError
from pellucid.target import Target, resolve

LABELS = ("A", "B", "C")


def test_labels_are_found_by_name_in_any_order():
    resolved = resolve([Target.label("C"), Target.label("A")], LABELS)
    assert resolved.outputs == (0, 2)
    assert resolved.weights.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert resolved.plain


def test_a_contrast_weighs_one_label_against_the_other():
    resolved = resolve([Target.contrast("B", "A")], LABELS)
    assert resolved.weights.tolist() == [[-1.0, 1.0]]
    assert not resolved.plain


def test_the_same_label_twice_adds_up():
    assert resolve([Target("2B", (("B", 1.0), ("B", 1.0)))], LABELS).weights.tolist() == [[2.0]]


def test_unknown_labels_and_no_targets_are_refused():
    with pytest.raises(PellucidError, match="does not know the label 'X'"):
        resolve([Target.label("X")], LABELS)
    with pytest.raises(PellucidError, match="at least one target"):
        resolve([], LABELS)
