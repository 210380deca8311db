"""Defects of boxes, loaders and studies, injected on purpose: each is caught by name, and what is sound passes.

Numbers of defects are those of the released code of McInerney et al. 2022 as the project's notes list them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.alignment.checks import (
    CHECKS,
    Inapplicable,
    Placed,
    absence_as_presence,
    checked_cases,
    copied_edges,
    foreign_frame,
    lost_instances,
    opt_out_unrewarded,
    overwritten_boxes,
    unregistered_boxes,
    unreliable_reading,
)
from pellucid.alignment.optout import opt_out_auroc
from pellucid.alignment.sentences import ABSENT, fitted, sentences
from pellucid.case import Boxes, Case, Phrase
from pellucid.datasets import open_dataset, write
from pellucid.datasets.fitting import fitted as stored
from pellucid.datasets.phantom.chest import PhantomChest
from pellucid.picture import Picture
from pellucid.readers import Rating
from pellucid.units import PixelUnits


@pytest.fixture(scope="module")
def reports() -> list[Case]:
    """Phantom radiographs with reports."""
    return list(PhantomChest(n=24, size=64, reports=True).prepare().cases)


def boxes(count: int = 60, seed: int = 0) -> np.ndarray:
    """Boxes as people draw them, in images of 200 x 300 pixels."""
    rng = np.random.default_rng(seed)
    start, side = rng.integers(0, [200, 120], size=(count, 2)), rng.integers(10, 80, size=(count, 2))
    return np.concatenate([start, start + side], axis=1).astype(np.float64)


# 1. The bottom edge is filled from the right one.


def from_the_wrong_column(rows: np.ndarray) -> np.ndarray:
    """The silver boxes of the released code: y1 is x1."""
    return np.stack([rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 2]], axis=1)


def test_a_bottom_edge_from_the_wrong_column_is_named():
    verdict = copied_edges(from_the_wrong_column(boxes()))
    assert (verdict.name, verdict.passed) == ("copied_edges", False)
    assert "bottom edge repeats the right one in 60 of 60" in verdict.says


def test_it_is_named_where_only_a_part_of_the_boxes_has_it():
    rows = boxes(200)
    rows[:30] = from_the_wrong_column(rows[:30])
    assert not copied_edges(rows).passed


def test_a_top_edge_from_the_left_one_is_named_too():
    rows = boxes()
    rows[:, 1] = rows[:, 0]
    assert "top edge repeats the left one" in copied_edges(rows).says


@given(st.integers(0, 2**16))
def test_boxes_that_people_draw_pass(seed):
    assert copied_edges(boxes(seed=seed), np.tile([200, 300], (60, 1))).passed


def test_boxes_of_whole_square_images_pass_where_sizes_are_known():
    sides = np.arange(100, 140.0)
    rows = np.stack([0 * sides, 0 * sides, sides, sides], axis=1)
    assert copied_edges(rows, np.stack([sides, sides], axis=1)).passed
    assert not copied_edges(rows).passed


@pytest.mark.parametrize(
    ("row", "what"),
    [([9, 2, 4, 8], "empty or upside down"), ([0, 0, 301, 10], "beyond the image"), ([0, 0, np.nan, 4], "not finite")],
)
def test_impossible_boxes_are_counted(row, what):
    verdict = copied_edges(np.vstack([boxes(), row]), np.tile([200, 300], (61, 1)))
    assert not verdict.passed
    assert f"1 of 61 boxes are {what}" in verdict.says


def test_boxes_of_phantom_reports_pass(reports):
    (verdict,) = checked_cases(reports)
    assert verdict.passed
    assert verdict.counts["boxes"] > 20


def test_boxes_of_phantom_reports_with_a_copied_edge_do_not(reports):
    broken = [replace(case, sentences=tuple(copied(phrase) for phrase in case.sentences)) for case in reports]
    (verdict,) = checked_cases(broken)
    assert (verdict.name, verdict.passed) == ("copied_edges", False)


def copied(phrase: Phrase) -> Phrase:
    return replace(phrase, boxes=Boxes(from_the_wrong_column(phrase.boxes.boxes)))


def test_cases_without_boxes_have_nothing_to_check():
    assert checked_cases([]) == []
    with pytest.raises(Inapplicable, match="nothing to look at"):
        copied_edges(np.zeros((0, 4)))


# 2. Image and boxes are cropped apart.


def crop(image: np.ndarray, rows: np.ndarray, seed: int, apart: bool) -> tuple[np.ndarray, np.ndarray]:
    """A random crop of 64 pixels; `apart` draws a second one for the boxes, as the released training split did."""
    rng = np.random.default_rng(seed)
    y, x = rng.integers(0, [image.shape[0] - 63, image.shape[1] - 63])
    shown = image[y : y + 64, x : x + 64]
    if apart:
        y, x = rng.integers(0, [image.shape[0] - 63, image.shape[1] - 63])
    moved = np.clip(rows - [x, y, x, y], 0, 64)
    lost = (moved[:, 2] <= moved[:, 0]) | (moved[:, 3] <= moved[:, 1])
    return shown, np.where(lost[:, None], -1, moved)


def test_crops_drawn_apart_are_named():
    verdict = unregistered_boxes(lambda image, rows, seed: crop(image, rows, seed, apart=True))
    assert (verdict.name, verdict.passed) == ("unregistered_boxes", False)
    assert "one crop" in verdict.says


def test_one_crop_for_both_passes_also_where_it_loses_the_box():
    verdict = unregistered_boxes(lambda image, rows, seed: crop(image, rows, seed, apart=False))
    assert verdict.passed
    assert verdict.counts["boxes gone"] == verdict.counts["squares gone"]


def test_an_image_that_is_mirrored_without_its_boxes_is_named():
    assert not unregistered_boxes(lambda image, rows, seed: (image[:, ::-1], rows)).passed


def test_a_box_that_outlives_its_square_and_one_that_is_dropped_are_named():
    assert "leave it out" in unregistered_boxes(lambda image, rows, seed: (0 * image, rows)).says
    assert "carry it along" in unregistered_boxes(lambda image, rows, seed: (image, np.zeros((0, 4)))).says


def test_pictures_that_are_stored_smaller_take_their_boxes_along():
    def prepared(image, rows, seed):
        phrase = Phrase("Opacity.", Boxes(rows))
        case = Case("a", "p", {"image": Picture.of(image.astype(np.float32))}, frozenset(), sentences=(phrase,))
        made = stored(case, 48 + seed).case
        return made.picture.unit()[..., 0], made.sentences[0].boxes.boxes

    assert unregistered_boxes(prepared).passed


# 5. The loader drops the last batch.


def test_a_last_batch_that_is_dropped_is_named():
    ids = [f"s{i}" for i in range(2507)]
    verdict = lost_instances(ids, ids[: 2507 // 48 * 48])
    assert (verdict.name, verdict.passed) == ("lost_instances", False)
    assert verdict.counts["lost"] == 11


def test_instances_that_are_doubled_or_made_up_are_named():
    assert lost_instances(["a", "b"], ["a", "b", "b"]).counts["too many"] == 1
    assert lost_instances(["a", "b"], ["a", "b", "c"]).counts["unknown"] == 1


def test_a_stored_data_set_gives_back_every_sentence(reports, tmp_path):
    write(tmp_path / "data", PhantomChest(n=24, size=64, reports=True).prepare())
    kept = open_dataset(tmp_path / "data")
    assert lost_instances(map(str, numbered(reports)), map(str, numbered(kept))).passed


def numbered(cases):
    return [(case.id, i) for case in cases for i in range(len(case.sentences))]


# 6. Random boxes keep another image's frame, and boxes of one sentence overwrite those of another.


def test_boxes_kept_in_the_frame_of_another_image_are_named():
    verdict = foreign_frame(lambda box, own, other: box)
    assert (verdict.name, verdict.passed) == ("foreign_frame", False)


def test_places_of_other_patients_are_carried_to_the_audited_picture():
    def carried(box, own, other):
        return fitted(Phrase("Opacity.", Boxes(box[None])), own, PixelUnits(*other)).boxes.boxes[0]

    assert foreign_frame(carried).passed


def test_boxes_stored_by_the_name_of_a_region_are_named(reports):
    rows = placed(reports)
    regions = {(case.id, f"s{i}"): phrase.regions for case in reports for i, phrase in enumerate(case.sentences)}
    table = {(row.image, regions[row.image, row.sentence]): row.boxes for row in rows}
    verdict = overwritten_boxes(rows, lambda image, sentence: table[image, regions[image, sentence]])
    assert (verdict.name, verdict.passed) == ("overwritten_boxes", False)


def test_a_sentence_with_two_entries_is_named():
    row = Placed("a", "s0", boxes(1))
    assert "more than once" in overwritten_boxes([row, row], lambda image, sentence: row.boxes).says


def test_sentences_of_a_case_keep_their_own_boxes(reports):
    of = {case.id: case for case in reports}
    assert overwritten_boxes(placed(reports), lambda i, s: of[i].sentences[int(s[1:])].boxes.boxes).passed


def placed(cases):
    return [Placed(c.id, f"s{i}", phrase.boxes.boxes) for c in cases for i, phrase in enumerate(c.sentences)]


# 11. Absence is scored as presence, and no figure rewards an opt-out.


def test_absent_findings_scored_against_boxes_are_named(reports):
    verdict = absence_as_presence((phrase, "all") for case in reports for phrase in case.sentences)
    assert (verdict.name, verdict.passed) == ("absence_as_presence", False)
    assert verdict.counts["absent"] > 5


def test_the_audit_gives_absent_sentences_a_stratum_of_their_own(reports):
    found = [one for case in reports for one in sentences(case, PixelUnits(32, 32), None, seed=0)]
    assert absence_as_presence([(one.phrase, one.stratum) for one in found], apart=(ABSENT,)).passed
    assert all(one.truth is None for one in found if one.phrase.absent)


def test_a_present_sentence_among_the_absent_is_named():
    assert not absence_as_presence([(Phrase("Effusion.", Boxes(boxes(1))), "absent")]).passed


def test_a_figure_that_never_looks_at_the_opt_out_is_named():
    verdict = opt_out_unrewarded(lambda null, absent: 0.7)
    assert (verdict.name, verdict.passed) == ("opt_out_unrewarded", False)
    assert not opt_out_unrewarded(lambda null, absent: float(null.mean())).passed


def test_the_opt_out_figure_of_the_audit_rewards_it():
    patients = np.arange(40)
    assert opt_out_unrewarded(lambda null, absent: opt_out_auroc(null, absent, patients, 10, 0).value).passed


# 12. One reader, who sees the models' names and rates everything once.


def study(readers=("r1", "r2"), blind=True, repeats=1) -> list[Rating]:
    models = ("baseline", "opt-out")
    return [
        Rating(reader, f"i{i}", model, "recall", 1 + i % 5, alias="AB"[(m + i) % 2] if blind else model, repeat=repeat)
        for reader in readers
        for i in range(6)
        for m, model in enumerate(models)
        for repeat in range(1 + (repeats if i == 0 else 0))
    ]


def test_the_published_design_is_named():
    verdict = unreliable_reading(study(readers=("r1",), blind=False, repeats=0))
    assert (verdict.name, verdict.passed) == ("unreliable_reading", False)
    assert all(word in verdict.says for word in ("one reader", "aliases", "twice"))


def test_each_shortcoming_is_said_by_itself():
    assert unreliable_reading(study(readers=("r1",))).says == "Found: there is one reader; ask a second one."
    assert "aliases do not hide" in unreliable_reading(study(blind=False)).says
    assert "nothing was rated twice" in unreliable_reading(study(repeats=0)).says


def test_an_alias_that_always_stands_for_the_same_model_hides_nothing():
    fixed = [replace(r, alias={"baseline": "A", "opt-out": "B"}[r.model]) for r in study()]
    assert "aliases do not hide" in unreliable_reading(fixed).says


def test_readers_who_share_no_item_are_named():
    split = [r for r in study() if (int(r.item[1:]) < 3) == (r.reader == "r1")]
    assert "no two readers rated the same" in unreliable_reading(split).says


def test_a_blinded_study_of_two_readers_with_repeats_passes():
    assert unreliable_reading(study()).passed


def test_every_check_is_known_by_its_name_and_says_what_it_is_about():
    assert len(CHECKS) >= 12
    assert all(check.name == name and check.about and check.__doc__ for name, check in CHECKS.items())
