"""Stored sentences of reports: what they say, and the places of which they speak."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.case import Boxes, Case, Fixations, Mask, Phrase
from pellucid.datasets import Prepared, StoredDataset, open_dataset, write
from pellucid.datasets.fitting import fitted
from pellucid.datasets.rows import row_digest, to_row
from pellucid.errors import DataError
from pellucid.measurements import Measurements
from pellucid.picture import Picture
from pellucid.units import PixelUnits

ALL = (1, 0, 0)
BOX = [[1, 2, 5, 7]]


def region() -> np.ndarray:
    mask = np.zeros((8, 12), dtype=bool)
    mask[2:6, 4:8] = True
    return mask


def phrase(text: str = "Small left effusion.", boxes: list[Any] | None = None, **changes: Any) -> Phrase:
    made = Phrase(
        text,
        Boxes(np.array(BOX if boxes is None else boxes, dtype=np.float64).reshape(-1, 4), "effusion", 0.5, "human:R1"),
        "effusion",
        0.5,
        "human:R1",
        regions=("left lung", "left lower zone"),
        conditions=(("effusion", True), ("pneumothorax", False)),
    )
    return replace(made, **changes)


def of(*sentences: Phrase, name: str = "c", pixels: np.ndarray | None = None, **changes: Any) -> Case:
    values = np.arange(96, dtype=np.uint8).reshape(8, 12, 1) if pixels is None else pixels
    made = Case(name, "p", {"image": Picture(values)}, frozenset({"mass"}), sentences=sentences)
    return replace(made, **changes)


def facts(sentence: Phrase) -> tuple[Any, ...]:
    mask = None if sentence.mask is None else (sentence.mask.dtype, sentence.mask.tolist())
    boxes = sentence.boxes
    place = boxes.boxes.dtype, boxes.boxes.shape, boxes.boxes.tolist(), boxes.label, boxes.confidence, boxes.source
    rest = sentence.label, sentence.confidence, sentence.source, sentence.regions, sentence.conditions
    return sentence.text, place, mask, rest, None if sentence.gaze is None else looks(sentence.gaze)


def gaze(*rows: list[float], sigma: Any = 2.0) -> Fixations:
    return Fixations(np.array(rows or [[3, 4, 1, 0.5], [11.5, 7.5, 2, 0.25]]), sigma, "effusion", 0.5, "human:R1")


def looks(gaze: Fixations) -> tuple[Any, ...]:
    return gaze.fixations.tolist(), np.asarray(gaze.sigma).tolist(), gaze.label, gaze.confidence, gaze.source


def stored(folder: Path, *cases: Case, size: int | None = None) -> StoredDataset:
    data = write(folder / "set", Prepared("x", list(cases), size=size), fractions=ALL)
    data.verify()
    return open_dataset(data.path)


def test_sentences_come_back_as_they_were(tmp_path: Path) -> None:
    nowhere = phrase("No pneumothorax.", [], label=None, regions=(), conditions=(("pneumothorax", False),))
    nowhere = replace(nowhere, boxes=replace(nowhere.boxes, label=None))
    said = (phrase(), phrase(mask=region()), phrase("Derrame à gauche.", conditions=()), nowhere, phrase())
    data = stored(tmp_path, of(*said), of(name="d"))
    assert list(map(facts, data["c"].sentences)) == list(map(facts, said))
    assert data["d"].sentences == ()
    assert data["c"].sentences[3].absent


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map("x{}".format),
            st.lists(st.tuples(st.text("+- a", max_size=3), st.booleans()), max_size=3),
            st.lists(st.tuples(*[st.floats(0, 5)] * 2, *[st.floats(6, 8)] * 2), max_size=3),
            st.sampled_from([None, region()]),
            st.sampled_from([1, 0.25, np.float32(0.5)]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_sentence_survives_and_is_verified(parts: list[Any]) -> None:
    said = tuple(
        replace(phrase(text, [list(box) for box in boxes]), conditions=tuple(conditions), mask=mask, confidence=sure)
        for text, conditions, boxes, mask, sure in parts
    )
    with tempfile.TemporaryDirectory() as folder:
        back = stored(Path(folder), of(*said))["c"].sentences
        for one, two in zip(said, back, strict=True):
            assert facts(one)[0] == facts(two)[0]
            assert (one.conditions, one.confidence) == (two.conditions, two.confidence)
            assert one.boxes.boxes.tolist() == two.boxes.boxes.tolist()
            assert (one.covers(PixelUnits(8, 12)) == two.covers(PixelUnits(8, 12))).all()


def test_the_gaze_of_a_sentence_comes_back_as_it_was(tmp_path: Path) -> None:
    said = (phrase(gaze=gaze()), phrase(), phrase(gaze=gaze(sigma=np.array([[1.0, 2], [3, 4]])), mask=region()))
    data = stored(tmp_path, of(*said), of(phrase(), name="d"), of(name="e"))
    assert list(map(facts, data["c"].sentences)) == list(map(facts, said))
    assert data["d"].sentences[0].gaze is None
    assert data["c"].evidence == ()


def test_the_gaze_of_a_sentence_is_kept_beside_signals_and_rows_too(tmp_path: Path) -> None:
    row = Measurements(np.array([60.0]), ("age",), ("years",))
    made = of(phrase(gaze=gaze()))
    data = stored(tmp_path, replace(made, inputs={**made.inputs, "table": row}))
    assert facts(data["c"].sentences[0]) == facts(phrase(gaze=gaze()))


def test_the_gaze_of_a_sentence_is_resized_as_other_gaze_is() -> None:
    case = of(phrase(gaze=gaze()), evidence=(gaze(),), labels=frozenset({"effusion"}))
    for size in (None, 4, 31):
        made = fitted(case, size).case
        assert looks(made.sentences[0].gaze) == looks(made.evidence[0])  # type: ignore[arg-type]


def test_fixations_of_a_sentence_off_the_image_are_left_out_and_counted() -> None:
    off, on = [12.0, 1, 0, 1], [3.0, 4, 1, 0.5]
    made = fitted(of(phrase(gaze=gaze(off, on)), phrase(gaze=gaze(off))), None)
    first, second = made.case.sentences
    assert first.gaze is not None
    assert (first.gaze.fixations.tolist(), second.gaze) == ([on], None)
    told = "of a sentence: a fixation lies off the image"
    assert made.changes == (told, told, "of a sentence: no fixation lies on the image")


def test_places_are_resized_with_the_image() -> None:
    made = fitted(of(phrase(boxes=[[4, 2, 8, 6]], mask=region()), phrase(boxes=[])), 4)
    first, second = made.case.sentences
    np.testing.assert_allclose(first.boxes.boxes, [[4 / 3, 1, 8 / 3, 3]])
    assert first.mask is not None
    assert first.mask.shape == (4, 4)
    np.testing.assert_array_equal(np.argwhere(first.mask), [[1, 1], [1, 2], [2, 1], [2, 2]])
    assert facts(second) == facts(phrase(boxes=[]))
    assert made.changes == ()


def test_a_sentence_is_resized_as_evidence_of_the_same_place_is() -> None:
    boxes, mask = Boxes(np.array([[0.5, 1, 7.25, 8], [3, 3, 12, 5]]), "mass"), Mask(region(), "mass")
    case = of(phrase(boxes=boxes.boxes.tolist(), mask=mask.mask), evidence=(boxes, mask))
    for size in (3, 5, 12, 31):
        made = fitted(case, size).case
        np.testing.assert_array_equal(made.sentences[0].boxes.boxes, made.evidence[0].boxes)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(made.sentences[0].mask, made.evidence[1].mask)  # type: ignore[attr-defined, arg-type]


def test_a_box_beyond_the_image_is_cut_or_lost_and_counted_and_the_sentence_stays(tmp_path: Path) -> None:
    cut, lost, both = [[-2, 1, 5, 20]], [[12, 0, 14, 2]], [[-2, 1, 5, 20], [12, 0, 14, 2]]
    made = fitted(of(phrase(boxes=cut), phrase(boxes=lost), phrase(boxes=both), phrase()), None)
    assert [s.boxes.boxes.tolist() for s in made.case.sentences] == [[[0, 1, 5, 8]], [], [[0, 1, 5, 8]], BOX]
    assert [s.groundable for s in made.case.sentences] == [True, False, True, True]
    assert len(made.changes) == 3
    data = stored(tmp_path, of(phrase(boxes=cut), phrase(boxes=lost)))
    assert [case for case, _ in data.about["excluded"]] == ["c", "c"]
    assert all("reaches beyond the image" in reason for reason in data.about["exclusions"])
    assert data["c"].sentences[1].text == phrase().text


def test_a_place_too_small_to_be_seen_is_lost_and_counted() -> None:
    tiny = np.zeros((8, 12), dtype=bool)
    tiny[0, 0] = True
    made = fitted(of(phrase(boxes=[[0, 0, 0.5, 0.5]], mask=tiny), phrase(mask=np.zeros((8, 12), dtype=bool))), 2)
    first, second = made.case.sentences
    assert (first.boxes.boxes.shape, first.mask, second.mask) == ((0, 4), None, None)
    assert not first.groundable
    assert sorted(made.changes) == [
        "of a sentence: a box is too small to be seen at the size of the data set",
        "of a sentence: a mask is too small to be seen at the size of the data set",
        "of a sentence: a mask marks nothing",
    ]


def test_a_box_with_swapped_corners_is_left_out_for_that_reason_and_not_for_the_border() -> None:
    swapped = [[8.0, 1, 3, 6]]
    made = fitted(of(phrase(boxes=swapped), phrase(boxes=swapped + BOX)), None)
    assert [s.boxes.boxes.tolist() for s in made.case.sentences] == [[], BOX]
    assert made.changes == ("of a sentence: a box is empty or has its corners swapped (it is left out)",) * 2


def test_nothing_of_the_case_given_is_changed() -> None:
    given_boxes, mask = np.array([[-2.0, 1, 5, 20]]), region()
    case = of(phrase(boxes=given_boxes.tolist(), mask=mask))
    fitted(case, 4)
    assert case.sentences[0].boxes.boxes.tolist() == given_boxes.tolist()
    np.testing.assert_array_equal(case.sentences[0].mask, region())  # type: ignore[arg-type]


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(DataError, match="Case c has a mask of 3 x 3 pixels on an image of 8 x 12"):
        fitted(of(phrase(mask=np.ones((3, 3), dtype=bool))), None)
    with pytest.raises(DataError, match="Case c has boxes on a volume"):
        fitted(of(phrase(), pixels=np.zeros((2, 8, 12, 1), dtype=np.uint8)), None)


@pytest.mark.parametrize("text", ["", "  \n\t", "\u200b", "\u00a0\ufeff"])
def test_a_sentence_without_a_visible_character_is_refused_and_nothing_is_written(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Case c has a sentence without any word; leave it out") as refused:
        stored(tmp_path, of(phrase(), phrase(text)))
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"confidence": 0.0}, "Case c has a sentence with confidence 0.0"),
        ({"confidence": float("nan")}, "Case c has a sentence with confidence nan"),
        ({"text": "left \ud800"}, "Case c has half a character"),
    ],
)
def test_what_cannot_be_stored_is_refused(changes: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=told):
        stored(tmp_path, of(phrase(**changes)))


def test_a_text_may_have_sentences_but_no_places(tmp_path: Path) -> None:
    note = of(phrase(boxes=[]), inputs={"text": "Small left effusion."})
    assert stored(tmp_path, note)["c"].sentences[0].regions == ("left lung", "left lower zone")
    for sentence in (phrase(), phrase(boxes=[], mask=region())):
        with pytest.raises(DataError, match="Case c has a sentence with a place but no image"):
            stored(tmp_path, replace(note, sentences=(sentence,)))
    with pytest.raises(DataError, match="Case c has a sentence with gaze but no image"):
        stored(tmp_path, replace(note, sentences=(phrase(boxes=[], gaze=gaze()),)))


def test_the_fingerprint_sees_everything_that_a_sentence_says(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"text": "Small right effusion."},
        {"boxes": [[1, 2, 5, 6]]},
        {"boxes": []},
        {"label": None},
        {"confidence": 0.75},
        {"source": "human:R2"},
        {"mask": region()},
        {"mask": ~region()},
        {"regions": ("left lung",)},
        {"conditions": (("effusion", False), ("pneumothorax", False))},
        {"conditions": ()},
        {"gaze": gaze()},
        {"gaze": gaze([3, 4, 1, 0.5])},
        {"gaze": gaze(sigma=1.0)},
    ]
    different = [stored(tmp_path, of(phrase(**some))).fingerprint for some in changes]
    different += [stored(tmp_path, of(phrase(), phrase())).fingerprint, stored(tmp_path, of()).fingerprint]
    assert len(set(different)) == len(different)
    assert stored(tmp_path, of(phrase())).fingerprint == different[0]


def test_a_case_without_sentences_has_the_digest_that_it_had_before_there_were_any() -> None:
    row = to_row(of(evidence=(Mask(region(), "mass"),), anatomy=(Mask(region(), "lungs"),)))
    before = {key: value for key, value in row.items() if key != "sentences"}
    assert row_digest(row) == row_digest(before) == "7e675772a573d985794ad0ce46c830b607828dadf4781f3173b3d3ab52dca52d"


def test_a_sentence_without_gaze_has_the_digest_that_it_had_before_there_was_any() -> None:
    row = to_row(of(phrase(mask=region())))
    assert row_digest(row) == "1f9cb22b2eb05691635f4443d185b02fc7bd44678399f069edb36d9cc7e99df9"


def test_only_data_sets_with_gaze_of_sentences_have_room_for_it(tmp_path: Path) -> None:
    for cases, there in (([of(phrase())], False), ([of(phrase()), of(phrase(gaze=gaze()), name="d")], True)):
        data = stored(tmp_path, *cases)
        with pa.memory_map(str(data.path / "cases.arrow")) as source:
            kind = pa.ipc.open_file(source).schema.field("sentences").type.value_type
        assert ({"fixations", "sigma"} <= {field.name for field in kind}) == there


def test_only_data_sets_with_sentences_have_a_column_for_them(tmp_path: Path) -> None:
    """Those without keep the columns that they always had, and open as they always did."""
    read = of(evidence=(Fixations(np.array([[1, 1, 0, 0.5]]), 1.0),), name="d")
    for cases, there in (([of()], False), ([read], False), ([of(), read], False), ([of(phrase()), read], True)):
        data = stored(tmp_path, *cases)
        with pa.memory_map(str(data.path / "cases.arrow")) as source:
            assert ("sentences" in pa.ipc.open_file(source).schema.names) == there
        assert [len(case.sentences) for case in data] == [len(case.sentences) for case in cases]


def test_a_sentence_keeps_a_label_that_is_too_rare_for_the_data_set(tmp_path: Path) -> None:
    cases = [of(phrase(), name=f"c{i}", labels=frozenset({"mass"} | ({"effusion"} if i == 0 else set()))) for i in range(3)]
    data = write(tmp_path / "set", Prepared("x", cases), fractions=ALL, min_train_cases=2)
    assert data.labels == ("mass",)
    assert [case.sentences[0].label for case in data] == ["effusion"] * 3
