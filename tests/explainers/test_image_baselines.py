"""Explanations of images that know nothing of the model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from images import FINDINGS, boxed, case, classifier
from scipy import ndimage
from shown import TARGETS

from pellucid.case import Boxes, Case, Fixations, Mask
from pellucid.errors import DataError, PellucidError
from pellucid.explainers.baselines import Prior
from pellucid.explainers.images.baselines import CentrePrior, Edges, Lungs, RandomSmooth
from pellucid.explainers.images.prior import ENOUGH
from pellucid.picture import Picture
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer

SIZE = (16, 20)


def make(name, size=SIZE):
    explainer = explainers.create(name)
    return explainer.fit([case("m", size)]) if name == "prior" else explainer


def explain(explainer, cases, targets=TARGETS, size=SIZE):
    model = classifier(size)
    return explainer(model, model.encode(cases), targets)


@pytest.mark.parametrize(("size", "channels"), [((16, 20), 1), ((12, 12), 3), ((4, 6, 6), 1)])
@pytest.mark.parametrize("name", ["random", "uniform", "random_smooth", "centre_prior", "edges", "prior"])
def test_every_baseline_keeps_its_contract(name, size, channels):
    model = classifier(size, channels)
    assert "image" in make(name, size).modalities
    check_explainer(make(name, size), model, [case("a", size, channels), case("b", size, channels)])


@pytest.mark.parametrize("name", ["random", "random_smooth"])
def test_random_maps_differ_between_targets_and_cases(name):
    first, second = explain(make(name), [case("a"), case("b")])
    maps = [*first.scores, *second.scores]
    assert all(abs(np.corrcoef(maps[i], maps[j])[0, 1]) < 0.6 for i in range(6) for j in range(i))


def test_blurred_noise_is_smooth_and_plain_noise_is_not():
    def roughness(explainer):
        scores = explain(explainer, [case()])[0].scores[0].reshape(SIZE)
        return np.abs(np.diff(scores, axis=0)).mean() / scores.std()

    assert roughness(RandomSmooth(sigma=0.15)) < 0.5 * roughness(make("random"))


def test_the_middle_is_the_top_of_the_centre_prior():
    scores = explain(CentrePrior(), [case(size=(15, 21))], size=(15, 21))[0].scores[0].reshape(15, 21)
    assert np.unravel_index(scores.argmax(), scores.shape) == (7, 10)
    assert np.allclose(scores, scores[::-1, ::-1])
    assert np.isclose(scores[7, 10] / scores[0, 10], np.exp(0.5 * (7 / 15 / 0.25) ** 2))


def test_edges_lie_where_the_image_changes():
    pixels = np.zeros((*SIZE, 1), dtype=np.uint8)
    pixels[:, 8:] = 200
    scores = explain(Edges(), [Case("e", "e", {"image": Picture(pixels)}, frozenset())])[0].scores[0].reshape(SIZE)
    assert set(scores.argmax(1)) <= {7, 8}
    assert np.allclose(scores[:, :5], 0)


def test_edges_of_a_small_image_are_found_too():
    pixels = np.zeros((8, 8, 1), dtype=np.uint8)
    pixels[:, 4:] = 200
    scores = explain(Edges(), [Case("e", "e", {"image": Picture(pixels)}, frozenset())], size=(8, 8))[0].scores[0].reshape(8, 8)
    assert set(scores.argmax(1)) <= {3, 4}
    assert (scores.max(1) > 0.1 * 200 / 255 / 0.25).all()


@pytest.mark.parametrize("kind", [RandomSmooth, CentrePrior, Edges])
def test_a_width_that_is_none_is_refused(kind):
    with pytest.raises(PellucidError, match="must be positive"):
        kind(sigma=0.0)


# Lungs


def breathing(*anatomy, size=SIZE):
    """A case whose anatomy is known."""
    return replace(case("l", size), anatomy=anatomy)


def left_half(size=SIZE):
    mask = np.zeros(size, dtype=bool)
    mask[:, : size[1] // 2] = True
    return mask


def test_lungs_keep_their_contract():
    known = breathing(Mask(left_half(), "lungs"), Mask(~left_half(), "heart"))
    check_explainer(Lungs().fit([known]), classifier(SIZE), [known, case("b")])


def test_lungs_are_one_inside_both_and_zero_elsewhere():
    boxes = [Boxes(np.array([[x, 2.0, x + 4, 10.0]]), f"{side} lung") for x, side in ((1.0, "right"), (12.0, "left"))]
    scores = explain(Lungs(), [breathing(*boxes, Boxes(np.array([[0.0, 0, 20, 16]]), "chest"))])[0].scores.reshape(-1, *SIZE)
    expected = np.zeros(SIZE)
    expected[2:10, 1:5] = expected[2:10, 12:16] = 1
    assert np.array_equal(scores, np.tile(expected, (3, 1, 1)))


def test_lungs_of_a_large_picture_are_shown_at_the_size_of_the_model():
    large = (2 * SIZE[0], 2 * SIZE[1])
    scores = explain(Lungs(), [breathing(Mask(left_half(large), "lungs"), size=large)])[0].scores[0]
    assert np.array_equal(scores.reshape(SIZE), left_half().astype(float))


def test_lungs_that_nobody_drew_are_zeros_beside_a_case_whose_are_known():
    known, unknown = explain(Lungs(), [breathing(Mask(left_half(), "lungs")), case("a")])
    assert known.scores.any()
    assert not unknown.scores.any()


def test_without_any_lungs_there_is_nothing_to_show():
    with pytest.raises(DataError, match="no case says where its lungs lie"):
        Lungs().fit([case("a"), breathing(Mask(left_half(), "heart"))])


# The prior


def marked_at(number, place, label="nodule", size=SIZE):
    """A case with one square marked."""
    mask = np.zeros(size, dtype=bool)
    mask[place : place + 4, place : place + 4] = True
    return Case(f"m{number}", "p", {"image": Picture(np.zeros((*size, 1), np.uint8))}, frozenset({label}), (Mask(mask, label),))


def test_the_prior_is_the_share_of_cases_in_which_a_pixel_is_marked():
    # On an image of as many pixels as the prior has cells nothing is resampled.
    cases = [marked_at(i, 8 * (i % 4), size=(64, 64)) for i in range(8)]
    (found,) = explain(Prior().fit(cases), [case(size=(64, 64))], size=(64, 64))
    share = np.mean([c.evidence[0].mask for c in cases], axis=0).ravel()
    assert np.allclose(found.scores, share, rtol=0, atol=1e-12)


def test_images_of_any_size_are_laid_over_each_other():
    small, large = marked_at(0, 4, size=(16, 16)), marked_at(1, 0, size=(64, 64))
    mask = np.zeros((64, 64), dtype=bool)
    mask[16:32, 16:32] = True
    large = Case("l", "l", large.inputs, large.labels, (Mask(mask, "nodule"),))
    (found,) = explain(Prior().fit([small, large]), [case(size=(16, 16))], size=(16, 16))
    scores = found.scores[0].reshape(16, 16)
    assert np.allclose(scores[5:7, 5:7], 1)
    assert np.allclose(scores[:3], 0)
    assert np.isclose(scores.sum(), 16, rtol=0.1)


def test_a_label_with_enough_evidence_has_a_prior_of_its_own():
    nodules = [marked_at(i, 0, "nodule") for i in range(ENOUGH)]
    others = [marked_at(100 + i, 10, "opacity") for i in range(ENOUGH - 1)]
    (found,) = explain(Prior().fit(nodules + others), [case()])
    maps = dict(zip(FINDINGS, found.scores.reshape(-1, *SIZE), strict=True))
    assert maps["nodule"][10:14, 10:14].max() < 1e-12
    assert maps["opacity"][1, 1] > 0.1  # too few: as every label without evidence it gets that of all
    assert np.array_equal(maps["opacity"], maps["effusion"])


def test_a_contrast_gets_the_prior_of_all_evidence():
    nodules = [marked_at(i, 0, "nodule") for i in range(ENOUGH)] + [marked_at(100, 10, "opacity")]
    targets = [Target.contrast("nodule", "opacity"), Target.label("effusion")]
    (found,) = explain(Prior().fit(nodules), [case()], targets)
    assert np.array_equal(found.scores[0], found.scores[1])


def test_all_boxes_count():
    scores = explain(Prior().fit([boxed()]), [case()])[0].scores[0].reshape(SIZE)
    assert scores[3, 3] > 0.9
    assert scores[10, 12] > 0.9
    assert scores[14, 2] < 0.1


def test_without_evidence_the_prior_is_flat():
    plain = Case("n", "n", {"image": Picture(np.zeros((*SIZE, 1), np.uint8))}, frozenset())
    assert np.ptp(explain(Prior().fit([plain]), [case()])[0].scores) == 0


def test_where_people_looked_is_no_mark_to_the_prior():
    looks = Fixations(np.array([[3.0, 3.0, 0.0, 1.0]]), 2.0, "nodule")
    marked = [marked_at(i, 8) for i in range(3)]
    gazed = [replace(c, evidence=(*c.evidence, looks)) for c in marked]
    assert np.ptp(explain(Prior().fit([replace(case(), evidence=(looks,))]), [case()])[0].scores) == 0
    assert np.array_equal(*(explain(Prior().fit(given), [case()])[0].scores for given in (marked, gazed)))


def test_marks_of_the_whole_case_count_for_each_of_its_labels():
    whole = [Case(f"w{i}", "p", {}, frozenset({"nodule"}), (Boxes(np.array([[0.0, 0, 4, 4]])), Mask(np.eye(16, 20) > 1)))
             for i in range(ENOUGH)]  # fmt: skip
    fitted = Prior().fit([*whole, *[marked_at(i, 10, "opacity") for i in range(ENOUGH)]])
    maps = explain(fitted, [case()])[0].scores.reshape(-1, *SIZE)
    assert maps[1, 1, 1] > 0.9
    assert maps[2, 1, 1] < 1e-12


def test_a_prior_that_has_seen_nothing_is_refused():
    with pytest.raises(PellucidError, match="call fit"):
        explain(Prior(), [case()])


def test_a_prior_of_images_does_not_fit_volumes():
    with pytest.raises(DataError, match="2 axes"):
        explain(Prior().fit([case()]), [case(size=(4, 6, 6))], size=(4, 6, 6))
    with pytest.raises(DataError, match="one kind"):
        Prior().fit([case("a"), case("b", (4, 6, 6))])


def test_settings_of_the_prior_tell_what_it_saw_and_stay_small():
    kept = explain(Prior().fit([case("m")]), [case()])[0].settings
    other = explain(Prior().fit([boxed()]), [case()])[0].settings
    assert kept["cases"] == 1
    assert kept["seen"] != other["seen"]
    assert len(json.dumps(dict(kept))) < 200


def test_blurred_noise_of_one_pixel_is_nothing():
    from pellucid.explainers.images.baselines import _unit

    assert _unit(ndimage.gaussian_filter(np.ones((1, 1)), 1.0)).tolist() == [[0.0]]
