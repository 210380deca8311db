"""Random text of the shape of the evidence."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pellucid.metrics.chance import random_runs
from pellucid.metrics.spans import runs

MARKED = st.lists(st.booleans(), min_size=1, max_size=60).map(lambda bits: np.array(bits, dtype=bool)).filter(np.any)


@given(MARKED, st.integers(0, 9))
def test_every_draw_has_the_size_of_the_evidence_and_lies_outside_it(marked: np.ndarray, seed: int) -> None:
    drawn = random_runs(marked, 5, np.random.default_rng(seed))
    assert len(drawn) == (5 if marked.sum() <= (~marked).sum() else 0)
    assert not (drawn & marked).any()
    assert (drawn.sum(axis=1) == marked.sum()).all()


def test_runs_keep_their_lengths_where_there_is_room() -> None:
    marked = np.zeros(200, dtype=bool)
    marked[10:14] = marked[50:51] = marked[90:97] = True
    for drawn in random_runs(marked, 50, np.random.default_rng(0)):
        lengths = np.diff(runs(drawn), axis=1)[:, 0].tolist()
        assert sum(lengths) == 12
        assert max(lengths) >= 7  # runs may touch, but the longest is never cut


def test_a_run_that_fits_nowhere_is_cut_and_no_unit_is_lost() -> None:
    marked = np.array([0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)  # five marked, stretches of two and four are free
    for drawn in random_runs(marked, 20, np.random.default_rng(0)):
        assert drawn[7:].all()
        assert drawn.sum() == 5


def test_every_free_place_is_drawn_equally_often() -> None:
    marked = np.zeros(12, dtype=bool)
    marked[4:6] = True
    starts = [int(np.argmax(d)) for d in random_runs(marked, 4000, np.random.default_rng(0))]
    share = np.bincount(starts, minlength=12) / 4000
    allowed = [0, 1, 2, 6, 7, 8, 9, 10]
    assert set(np.flatnonzero(share)) == set(allowed)
    assert np.abs(share[allowed] - 1 / 8).max() < 0.03


def test_the_same_generator_gives_the_same_text() -> None:
    marked = np.arange(40) % 9 == 0
    one, other = (random_runs(marked, 3, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, other)
