"""Random numbers belong to what they are drawn for."""

from __future__ import annotations

import numpy as np

from pellucid.randomness import stream


def test_a_stream_is_named_by_seed_and_subject():
    assert np.array_equal(stream(0, "case", "I10").random(4), stream(0, "case", "I10").random(4))
    others = [stream(1, "case", "I10"), stream(0, "case", "I11"), stream(0, "caseI10"), stream(0, "I10", "case")]
    first = stream(0, "case", "I10").random(4)
    assert not any(np.array_equal(first, other.random(4)) for other in others)


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    stream(0, "x").random(10)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
