"""Charts show what they are given: leads in their order, marks under their lead, the first measurement at the top."""

from __future__ import annotations

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from pellucid.charts import bars, leads, png_url
from pellucid.overlay import AGAINST_HEX, CAUSE, FOR_HEX, MARKED


def drawn(scores: np.ndarray | None = None, marked: np.ndarray | None = None, cause: np.ndarray | None = None) -> Figure:
    samples = np.outer(np.sin(np.arange(20.0)), [1.0, 2.0, 0.0])
    figure = Figure()
    leads(figure.subplots(), samples, ["I", "II", "V1"], 10.0, "mV", scores, marked, cause)
    return figure


def test_leads_stand_below_each_other_with_the_strongest_score_in_full_colour() -> None:
    scores = np.zeros((20, 3))
    scores[4, 1], scores[9, 2] = 3.0, -1.0
    axes = drawn(scores).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["I", "II", "V1"]
    assert axes.yaxis_inverted()
    (heat,) = axes.images
    assert np.array_equal(heat.get_array(), scores.T)
    assert heat.get_clim() == (-3.0, 3.0)
    assert [to_hex(heat.cmap(end)) for end in (0.0, 1.0)] == [AGAINST_HEX, FOR_HEX]


def test_no_score_and_no_mark_leave_the_leads_alone() -> None:
    axes = drawn(np.zeros((20, 3)), np.zeros((20, 3), dtype=bool)).axes[0]
    assert not np.asarray(axes.images[0].get_array()).any()
    assert all(not len(c.get_segments()) for c in axes.collections if isinstance(c, LineCollection))
    assert not drawn().axes[0].images


def test_a_bar_lies_under_each_stretch_that_is_marked_or_planted() -> None:
    marked, cause = np.zeros((2, 20, 3), dtype=bool)
    marked[2:5, 1] = marked[17:, 1] = cause[0:4, 2] = True
    found = [
        c for c in drawn(None, marked, cause).axes[0].collections if isinstance(c, LineCollection) and len(c.get_segments())
    ]
    spans = [[(round(s[0, 0], 3), round(s[1, 0], 3), round(float(s[0, 1]))) for s in c.get_segments()] for c in found]
    assert spans == [[(0.2, 0.5, 1), (1.7, 2.0, 1)], [(0.0, 0.4, 2)]]
    colours = [tuple(round(255 * part) for part in c.get_color()[0][:3]) for c in found]
    assert colours == [MARKED, CAUSE]


def test_the_first_measurement_is_at_the_top_and_signs_have_colours() -> None:
    figure = Figure()
    axes = figure.subplots()
    bars(axes, ["glucose 90", "age 61"], np.array([0.5, -2.0]))
    assert axes.yaxis_inverted()
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [FOR_HEX, AGAINST_HEX]


def test_a_picture_is_the_same_on_every_run() -> None:
    assert png_url(drawn(), 40) == png_url(drawn(), 40)
    assert png_url(drawn(), 40).startswith("data:image/png;base64,")
