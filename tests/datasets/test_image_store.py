"""Stored pictures, masks and boxes."""

from __future__ import annotations

import gc
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pellucid.case import Boxes, Case, Evidence, Fixations, Lazy, Mask, Phrase, Spans
from pellucid.datasets import Prepared, StoredDataset, open_dataset, write
from pellucid.datasets.marks import UnreadMask
from pellucid.datasets.rows import row_digest, to_row
from pellucid.errors import CapabilityError, DataError
from pellucid.picture import Picture

ALL = (1, 0, 0)


def picture(number: int = 0, **changes: object) -> Picture:
    made = Picture(np.random.default_rng(number).integers(0, 256, (6, 5, 1), dtype=np.uint8), (0.5, 0.25))
    return replace(made, **changes)  # type: ignore[arg-type]


def region(number: int = 0) -> np.ndarray:
    return np.arange(30).reshape(6, 5) % 4 == number % 4


def case(number: int, **changes: object) -> Case:
    made = Case(
        id=f"c{number:03}",
        patient=f"p{number // 2}",
        inputs={"image": picture(number)},
        labels=frozenset({"mass", "edema"} if number % 2 else {"mass"}),
        evidence=(
            Mask(region(number), "mass", 0.5, "human:R1"),
            Boxes(np.array([[0, 0, 5, 6], [1.5, 2, 3, 4.25]]), "mass", 1.0, "map"),
        ),
        causes=(Mask(region(number + 1), None, 1.0, "phantom"),),
        meta={"view": "PA"},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def facts(item: Case) -> tuple[object, ...]:
    def fact(mark: Evidence) -> tuple[object, ...]:
        place = next(getattr(mark, name) for name in ("spans", "boxes", "mask", "fixations") if hasattr(mark, name))
        wide = np.asarray(getattr(mark, "sigma", 0)).tolist()
        return type(mark).__name__, mark.label, mark.confidence, mark.source, place.dtype, place.shape, place.tolist(), wide

    image = item.picture if "image" in item.inputs else None
    seen = None if image is None else (image.pixels.dtype, image.pixels.shape, image.pixels.tobytes(), image.spacing)
    text = item.text if "text" in item.inputs else None
    marks = [[fact(mark) for mark in kind] for kind in (item.evidence, item.causes, item.anatomy)]
    return item.id, item.patient, text, seen, item.labels, marks, dict(item.meta)


def prepared(cases: list[Case], **changes: object) -> Prepared:
    return replace(Prepared("made_up", cases), **changes)  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> StoredDataset:
    return write(tmp_path / "set", prepared([case(i) for i in range(40)]))


def test_images_and_their_marks_come_back_as_they_were(data: StoredDataset) -> None:
    assert [facts(item) for item in open_dataset(data.path)] == [facts(case(i)) for i in range(40)]
    assert list(data["c003"].inputs) == ["image"]
    data.verify()


def test_the_folder_needs_nothing_of_its_source(tmp_path: Path) -> None:
    source = tmp_path / "image.npy"
    np.save(source, picture().pixels)
    lazy = Lazy(lambda: Picture(np.load(source)))
    data = write(tmp_path / "set", prepared([case(0, inputs={"image": lazy})]), fractions=ALL)
    source.unlink()
    np.testing.assert_array_equal(data["c000"].picture.pixels, picture().pixels)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    shape = (*draw(st.lists(st.integers(1, 4), min_size=2, max_size=3)), draw(st.sampled_from([1, 3])))
    kind = draw(st.sampled_from(["uint8", "uint16", "float32"]))
    elements = st.floats(0, 1, width=32) if kind == "float32" else None
    spacing = draw(st.none() | st.tuples(*[st.floats(0.01, 10)] * (len(shape) - 1)))
    return Picture(draw(arrays.arrays(kind, shape, elements=elements)), spacing)


@st.composite
def mixed_cases(draw: st.DrawFn) -> list[Case]:
    made = []
    for number in range(draw(st.integers(1, 5))):
        image, text = draw(st.none() | pictures()), draw(st.none() | st.sampled_from(["nódulo", "x y z"]))
        if image is None and text is None:
            continue
        inputs = {name: value for name, value in (("image", image), ("text", text)) if value is not None}
        marks: list[Evidence] = [Spans.of((0, 3), label="A")] if text else []
        if image is not None:
            marks.append(Mask(draw(arrays.arrays(bool, image.size)), draw(st.sampled_from(["A", None]))))
        if image is not None and len(image.size) == 2:
            marks.append(Boxes(np.array([[0, 0, *image.size[::-1]]], dtype=np.float64) * draw(st.floats(0.1, 1))))
        kept = tuple(mark for mark in marks if not isinstance(mark, Mask) or mark.mask.any())
        made.append(Case(str(number), str(number // 2), inputs, frozenset("A"), kept))
    return made or [case(0)]


@settings(max_examples=30, deadline=None)
@given(mixed_cases(), st.randoms(use_true_random=False))
def test_any_pictures_texts_and_marks_survive_and_order_does_not_matter(made: list[Case], shuffler: object) -> None:
    shuffled = list(made)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        first = write(Path(folder) / "a", Prepared("x", made), fractions=ALL)
        second = write(Path(folder) / "b", Prepared("x", shuffled), fractions=ALL)
        assert {item.id: facts(item) for item in first} == {item.id: facts(item) for item in made}
        assert first.fingerprint == second.fingerprint
        assert (first.path / "cases.arrow").read_bytes() == (second.path / "cases.arrow").read_bytes()
        second.verify()


def test_the_fingerprint_sees_pixels_spacing_type_and_every_kind_of_mark(tmp_path: Path) -> None:
    def fingerprint(**changes: object) -> str:
        return write(tmp_path / "set", prepared([case(0, **changes), case(1)]), fractions=ALL).fingerprint

    other = picture().pixels.copy()
    other[0, 0] ^= 1
    mask = Mask(~region(), "mass")
    different = [
        fingerprint(),
        fingerprint(inputs={"image": picture(pixels=other)}),
        fingerprint(inputs={"image": picture(spacing=None)}),
        fingerprint(inputs={"image": picture(pixels=picture().pixels.astype(np.uint16))}),
        fingerprint(inputs={"image": picture(), "text": ""}),
        fingerprint(inputs={"image": picture(), "question": "where?"}),
        fingerprint(evidence=(mask,)),
        fingerprint(causes=(mask,), evidence=()),
        fingerprint(evidence=(Boxes(np.array([[0, 0, 1, 1.0]]), "mass"),)),
        fingerprint(evidence=(Boxes(np.array([[0, 0, 1, 1.5]]), "mass"),)),
    ]
    assert len(set(different)) == len(different)
    assert fingerprint() == different[0]


LOOKS = np.array([[0.25, 1.5, 0.0, 0.31], [4.75, 5.9, 0.4, 0.2]])


def read_case(number: int) -> Case:
    """A case that two people have read, one of them in a window whose sigma changed."""
    sigma = np.array([[1.5, 0.75], [3.0, 1.5]])
    looks = (Fixations(LOOKS, 1.25, source="human:R1"), Fixations(LOOKS[::-1], sigma, "mass", 0.5, "human:R2"))
    made = case(number)
    return replace(made, evidence=(*made.evidence, *looks), anatomy=(Mask(region(2), "left lung", source="map"),))


def test_looks_and_anatomy_come_back_as_they_were(tmp_path: Path) -> None:
    data = write(tmp_path / "set", prepared([read_case(0), case(1), read_case(2)]), fractions=ALL)
    assert [facts(item) for item in open_dataset(data.path)] == [facts(read_case(0)), facts(case(1)), facts(read_case(2))]
    assert isinstance(data["c000"].evidence[2].sigma, float)  # type: ignore[attr-defined]
    data.verify()


def test_the_fingerprint_sees_looks_and_anatomy(tmp_path: Path) -> None:
    def fingerprint(**changes: object) -> str:
        return write(tmp_path / "set", prepared([replace(read_case(0), **changes)]), fractions=ALL).fingerprint  # type: ignore[arg-type]

    def looks(**changes: object) -> str:
        return fingerprint(evidence=(replace(Fixations(LOOKS, 1.0), **changes),))  # type: ignore[arg-type]

    different = [
        fingerprint(),
        fingerprint(anatomy=()),
        fingerprint(anatomy=(Mask(region(2), "right lung", source="map"),)),
        looks(),
        looks(sigma=2.0),
        looks(sigma=np.ones((2, 2))),
        looks(fixations=LOOKS[::-1]),
        looks(label="mass"),
        looks(source="human:R2"),
    ]
    assert len(set(different)) == len(different)


def test_a_data_set_of_images_without_gaze_has_the_format_and_the_fingerprint_that_it_always_had(tmp_path: Path) -> None:
    data = write(tmp_path / "set", prepared([case(0), case(1)]), fractions=ALL)
    assert data.fingerprint == "83b67e71431ce398c7e58d8e7bf03004e8ebb816c8052baff8806129878300e0"
    with pa.memory_map(str(data.path / "cases.arrow")) as source:
        schema = pa.ipc.open_file(source).schema
    assert "anatomy" not in schema.names
    assert "fixations" not in str(schema)


def test_a_case_without_gaze_keeps_its_digest_beside_one_that_was_read(tmp_path: Path) -> None:
    data = write(tmp_path / "set", prepared([case(0), read_case(1)]), fractions=ALL)
    stored = row_digest({**data._light(0), **data._read(0)})
    assert stored == row_digest(to_row(case(0)))
    assert stored == "45132406a52191fc87a461c1e04446acd4c91e9dea1d9e1e7236919c98bf4a85"


def test_texts_keep_the_fingerprint_of_their_rows_beside_images(tmp_path: Path) -> None:
    note = Case("n", "n", {"text": "fiebre"}, frozenset("A"), (Spans.of((0, 3), label="A"),))
    alone = write(tmp_path / "a", prepared([note]), fractions=ALL)
    beside = write(tmp_path / "b", prepared([note, case(0)]), fractions=ALL)
    assert facts(beside["n"]) == facts(alone["n"])
    names = []
    for folder in "ab":
        with pa.memory_map(str(tmp_path / folder / "cases.arrow")) as source:
            names.append(pa.ipc.open_file(source).schema.names)
    assert "pixels" not in names[0]
    assert "pixels" in names[1]


def test_a_picture_is_read_from_the_map_without_copying(data: StoredDataset) -> None:
    pixels = data["c003"].picture.pixels
    assert not pixels.flags.owndata
    assert not pixels.flags.writeable
    assert np.shares_memory(pixels, data["c003"].picture.pixels)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system has no /proc that lists maps")
def test_the_map_lives_as_long_as_a_picture_of_it(tmp_path: Path) -> None:
    file = str(tmp_path / "set" / "cases.arrow")

    def mapped() -> bool:
        gc.collect()
        return file in Path("/proc/self/maps").read_text()

    held = [write(tmp_path / "set", prepared([case(i) for i in range(3)]), fractions=ALL)["c001"].picture]
    assert mapped()
    np.testing.assert_array_equal(held[0].pixels, picture(1).pixels)
    held.clear()
    assert not mapped()


def test_opening_and_indexing_read_no_pixels(tmp_path: Path) -> None:
    wide = Picture(np.linspace(0, 1, 30, dtype=np.float32).reshape(6, 5, 1))
    data = write(tmp_path / "set", prepared([case(0, inputs={"image": wide})]), fractions=ALL)
    content = (data.path / "cases.arrow").read_bytes()
    # Pixels that are no numbers: whoever made a picture of them would fail.
    (data.path / "cases.arrow").write_bytes(content.replace(wide.pixels.tobytes(), b"\xff" * wide.pixels.nbytes, 1))
    broken = open_dataset(data.path)
    assert broken["c000"].labels == {"mass"}
    with pytest.raises(DataError, match="no numbers"):
        _ = broken["c000"].picture
    with pytest.raises(DataError, match="fingerprint"):
        broken.verify()


def test_few_images_are_held_while_writing(tmp_path: Path) -> None:
    alive, most = set(), [0]

    class Counted(np.ndarray):
        def __del__(self) -> None:
            alive.discard(id(self))

    def read() -> Picture:
        pixels = picture().pixels.copy().view(Counted)
        alive.add(id(pixels))
        most[0] = max(most[0], len(alive))
        return Picture(pixels)

    write(tmp_path / "set", prepared([case(i, inputs={"image": Lazy(read)}) for i in range(100)]), fractions=ALL)
    assert 1 <= most[0] <= 64


def gone() -> Picture:
    raise DataError("x.png is damaged.")


def test_a_case_whose_image_or_mask_cannot_be_read_is_left_out_and_counted(tmp_path: Path) -> None:
    made = [case(i) for i in range(40)]
    made[4] = case(4, inputs={"image": Lazy(gone)})
    made[9] = case(9, evidence=(UnreadMask(gone, "mass"),))  # type: ignore[arg-type]
    data = write(tmp_path / "set", prepared(made))
    assert len(data) == 38
    assert data.about["excluded"] == [["c004", "the image cannot be read"], ["c009", "a mask cannot be read"]]
    without = write(tmp_path / "without", prepared([item for i, item in enumerate(made) if i not in (4, 9)]))
    assert data.fingerprint == without.fingerprint, "splits and labels do not depend on what could not be read"
    data.verify()


def test_labels_are_counted_among_the_images_that_can_be_read(tmp_path: Path) -> None:
    made = [case(i, labels=frozenset({"mass", "rare"} if i < 3 else {"mass"})) for i in range(20)]
    made[2] = replace(made[2], inputs={"image": Lazy(gone)})
    assigned = dict.fromkeys((item.id for item in made), "train")
    assert write(tmp_path / "set", prepared(made, assigned=assigned), min_train_cases=3).labels == ("mass",)
    made[2] = replace(made[2], inputs={"image": picture()})
    assert write(tmp_path / "set", prepared(made, assigned=assigned), min_train_cases=3).labels == ("mass", "rare")


def test_a_missing_library_is_no_damaged_image(tmp_path: Path) -> None:
    def read() -> Picture:
        raise CapabilityError("Images are read with pillow.")

    with pytest.raises(CapabilityError):
        write(tmp_path / "set", prepared([case(0, inputs={"image": Lazy(read)})]), fractions=ALL)
    assert list(tmp_path.iterdir()) == []


def test_no_readable_image_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no case with a text, image, table or signal that can be read"):
        write(tmp_path / "set", prepared([case(0, inputs={"image": Lazy(gone)})]), fractions=ALL)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": {}}, "Case c000 has no text, image, table or signal"),
        ({"inputs": {"question": "where?"}}, "Case c000 has no text, image, table or signal"),
        ({"inputs": {"image": "x.png"}}, "Case c000 has the input 'image' of the kind str"),
        (
            {"inputs": {"image": np.zeros((2, 2), dtype=int)}},
            "image of case c000 cannot be stored. An image has values of type int",
        ),
        ({"evidence": (Mask(np.ones((5, 6), dtype=bool)),)}, "Case c000 has a mask of 5 x 6 pixels on an image of 6 x 5"),
        (
            {"evidence": (Boxes(np.array([[0, 0, 6, 6]])),)},
            "Case c000 has boxes for the whole case .* outside its image of 6 x 5",
        ),
        ({"evidence": (Boxes(np.array([[-0.5, 0, 2, 2]])),)}, "outside its image"),
        ({"evidence": (Boxes(np.array([[2, 2, 2, 4]])),)}, "empty or outside"),
        ({"evidence": (Boxes(np.array([[0, 0, np.nan, 4]])),)}, "empty or outside"),
        ({"causes": (Boxes(np.zeros((0, 4)), "mass"),)}, "Case c000 has boxes for mass at .*empty or outside"),
        ({"evidence": (Mask(region(), "Z99"),)}, "Case c000 has evidence for the label Z99, which it lacks"),
        ({"evidence": (Mask(region(), confidence=2.0),)}, "confidence 2.0"),
        ({"evidence": (Spans.of((0, 1)),)}, "Case c000 has evidence of the kind Spans"),
        (
            {"evidence": (Phrase("a mass", Boxes(np.array([[0, 0, 1, 1.0]]))),)},
            "Case c000 has evidence of the kind Phrase; a stored data set holds .* Masks of images, signals and rows only",
        ),
        ({"evidence": (Fixations(np.ones((1, 4)), 1.0, "Z99"),)}, "evidence for the label Z99, which it lacks"),
        (
            {"inputs": {"text": "a"}, "evidence": (Fixations(np.ones((1, 4)), 1.0),), "causes": ()},
            "Case c000 has evidence of the kind Fixations",
        ),
        ({"inputs": {"text": "a"}, "evidence": (Mask(region()),), "causes": ()}, "Case c000 has evidence of the kind Mask"),
    ],
)
def test_an_image_case_that_cannot_be_right_is_refused_by_name(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        write(tmp_path / "set", prepared([case(0, **changes), case(1)]), fractions=ALL)
    assert list(tmp_path.iterdir()) == []
