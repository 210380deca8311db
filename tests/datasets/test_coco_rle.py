"""Masks as runs in the text of COCO, against examples worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pellucid.datasets.coco_rle import mask_of, runs
from pellucid.errors import DataError


def written(lengths: list[int]) -> str:
    """The encoder, spelt out from the description of the format."""
    text = ""
    for place, length in enumerate(lengths):
        value = length - lengths[place - 2] if place > 2 else length
        while True:
            group, value = value & 31, value >> 5
            more = value != (-1 if group & 16 else 0)
            text += chr(48 + (group | (32 if more else 0)))
            if not more:
                break
    return text


def test_small_numbers_are_one_character_each() -> None:
    # 6 -> chr(54), 1 -> chr(49); the fourth number is written as its difference to the second.
    assert runs("611") == [6, 1, 1]
    assert runs("6112") == [6, 1, 1, 3]
    assert runs("6210") == [6, 2, 1, 2]


def test_a_number_above_fifteen_takes_a_second_group() -> None:
    # 16 = 0b10000 would read as a negative group of five: 16 | 32 = 48 -> chr(96), then 0 -> chr(48).
    assert runs("`0") == [16]
    # 40 = 1 * 32 + 8: 8 | 32 = 40 -> chr(88), then 1 -> chr(49).
    assert runs("X1") == [40]


def test_a_difference_may_be_negative() -> None:
    # 5, 9, 2, then 4 as 4 - 9 = -5: its lowest five bits are 27 -> chr(75), the sign bit is set, nothing follows.
    assert runs("592K") == [5, 9, 2, 4]


def test_empty_masks_of_known_sizes_are_one_run() -> None:
    assert runs("PVWX6") == [2320 * 2828]
    assert runs("nefl3") == [2022 * 2021]
    assert runs("") == []


def test_a_mask_is_read_column_after_column() -> None:
    # 3 x 4: two unmarked, two marked (the end of column 0 and the start of column 1), the rest unmarked.
    expected = np.zeros((3, 4), dtype=bool)
    expected[2, 0] = expected[0, 1] = True
    np.testing.assert_array_equal(mask_of([2, 2, 8], (3, 4)), expected)
    np.testing.assert_array_equal(mask_of([0, 6], (2, 3)), np.ones((2, 3), dtype=bool))


@given(arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_any_mask_survives_encoder_and_decoder(mask: np.ndarray) -> None:
    flat = mask.T.ravel()
    bounds = [0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist(), len(flat)]
    lengths = [0] * bool(flat[0]) + np.diff(bounds).tolist()
    np.testing.assert_array_equal(mask_of(runs(written(lengths)), mask.shape), mask)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 10**7), max_size=12))
def test_any_runs_survive_encoder_and_decoder(lengths: list[int]) -> None:
    assert runs(written(lengths)) == lengths


@pytest.mark.parametrize(
    ("counts", "message"),
    [("6 1", "the character ' '"), ("X", "ends inside a number"), ("1110N", "negative run"), ("é", "the character 'é'")],
)
def test_text_that_is_none_of_the_code_is_refused(counts: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        runs(counts)


def test_runs_that_do_not_fill_the_image_are_refused() -> None:
    with pytest.raises(DataError, match="holds 5 pixels, not 2 x 3"):
        mask_of([2, 3], (2, 3))
    for size in ((-2, -3), (0, 6), (10**6, 10**6)):
        with pytest.raises(DataError, match="announces"):
            mask_of([size[0] * size[1]], size)
