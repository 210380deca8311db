"""What holds for every metric that judges explanations of images."""

import numpy as np
import pytest
from hypothesis import given, settings
from image_readings import marked_images, reading

from pellucid.metrics.base import Budget, Curves, Intervention, Orders, Subsets, Undefined, modalities_of
from pellucid.registry import metrics
from pellucid.testing import check_metric

IMAGE = [name for name in metrics if "image" in modalities_of(metrics.factory(name))]
ONLY_IMAGE = {
    "relevance_mass", "relevance_mass_gain", "evidence_share", "relevance_mass_on_others", "relevance_rank",
    "pointing_game", "pointing_game_15", "top_intersection_2", "iou", "dice", "iou_otsu", "dice_otsu", "cnr", "cnr_absolute",
    "k90_share", "infidelity", "infidelity_scale", "sensitivity_n", "faithfulness_correlation",
    "gaze_information_gain", "gaze_kld", "gaze_nss", "gaze_cc", "gaze_sim", "gaze_emd", "gaze_auc", "gaze_auc_judd",
    "gaze_sauc", "gaze_shuffled_nss", "gaze_shuffled_cc",
}  # fmt: skip
ONLY_TEXT = {
    "token_precision", "token_recall", "token_f1", "precision_at_5", "recall_at_5", "evidence_of_other_labels_at_5", "k90",
    "span_precision", "span_recall", "span_f1", "span_hit_recall", "punctuation_share", "punctuation_at_5",
    "match_exact", "match_proximate", "match_partial", "match_none", "match_empty",
}  # fmt: skip


def whole(scores: np.ndarray, truth: np.ndarray):
    """A reading that lacks nothing."""
    random = np.random.default_rng(scores.size)
    done = Intervention(3, 0.9, 0.4, 0.7, "probability", "blur")
    return reading(
        scores,
        truth,
        0.0123456789,
        others=~truth.ravel(),
        budget=Budget(3, 0.0123456789),
        curves=Curves(np.array([0, 1, 2]), random.random(3), random.random(3), "probability", "blur", 0.0),
        orders=Orders(0.5, 0.2, 0.1, 0.6, exact=True, gap=0.0),
        intervention=done,
        control=done,
        subsets=Subsets(random.random((20, scores.size)) < 0.5, random.normal(size=20), "probability", "blur"),
    )


def test_metrics_say_what_they_are_about():
    text = {name for name in metrics if "text" in modalities_of(metrics.factory(name))}
    assert set(IMAGE) - text == ONLY_IMAGE
    assert text - set(IMAGE) == ONLY_TEXT
    assert modalities_of(metrics.create("iou")) == modalities_of(metrics.factory("iou")) == ("image", "table", "signal")
    assert modalities_of(object()) == ("text",)


def test_what_judges_images_judges_signals_and_rows_but_for_gaze_and_distances_in_pixels():
    of = {kind: {n for n in metrics if kind in modalities_of(metrics.factory(n))} for kind in ("image", "signal", "table")}
    gaze = {name for name in of["image"] if name.startswith("gaze_")}
    assert of["image"] - of["signal"] == gaze | {"pointing_game_15"}
    assert of["signal"] - of["table"] == {"top_intersection_2", "k90_share"}  # shares of so few units say little
    assert of["signal"] <= of["image"]
    assert of["table"] - of["signal"] == {"k90"}


@pytest.mark.parametrize("name", IMAGE)
@settings(max_examples=15, deadline=None)  # the first call imports scipy.ndimage
@given(case=marked_images())
def test_it_keeps_what_every_metric_promises(name, case):
    check_metric(metrics.create(name), [whole(*case)])


@pytest.mark.parametrize("name", sorted(ONLY_IMAGE))
def test_it_says_who_it_is_and_where_it_comes_from(name):
    metric = metrics.create(name)
    assert metric.name == name
    assert metric.cites
    assert metric.range[0] < metric.range[1]


@pytest.mark.parametrize(
    "name", sorted(ONLY_IMAGE - {"infidelity", "infidelity_scale", "sensitivity_n", "faithfulness_correlation"})
)
def test_a_score_that_is_no_number_is_refused(name):
    scores = np.ones((3, 3))
    scores[1, 1] = np.nan
    with pytest.raises(Undefined, match="not finite"):
        metrics.create(name)(whole(scores, np.eye(3, dtype=bool)))


def test_what_only_texts_have_is_refused_of_an_image():
    with pytest.raises(Undefined, match="not those of a text"):
        metrics.create("punctuation_share")(reading(np.ones((2, 2))))
