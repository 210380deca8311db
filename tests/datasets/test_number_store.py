"""Stored rows of tables and signals, and the masks on them."""

from __future__ import annotations

import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pellucid.case import Boxes, Case, Evidence, Fixations, Lazy, Mask, Spans
from pellucid.datasets import Prepared, StoredDataset, open_dataset, write
from pellucid.datasets.rows import row_digest, to_row
from pellucid.datasets.unreadable import UnusableSignal
from pellucid.errors import CapabilityError, DataError
from pellucid.measurements import Measurements
from pellucid.picture import Picture
from pellucid.signals import STANDARD_LEADS, Signal

ALL = (1, 0, 0)
NAMES = ("LDL", "glucose", "sex")
IMPRECISION = np.array([4.5, np.nan, 0.0])


def row(number: int = 0, **changes: object) -> Measurements:
    values = np.random.default_rng(number).normal(100, 20, 3)
    return replace(Measurements(values, NAMES, ("mg/dl", "mg/dl", ""), IMPRECISION), **changes)  # type: ignore[arg-type]


def signal(number: int = 0, **changes: object) -> Signal:
    samples = np.random.default_rng(number).normal(0, 0.3, (50, 12)).astype(np.float32)
    return replace(Signal(samples, 100.0), **changes)  # type: ignore[arg-type]


def measured(number: int, **changes: object) -> Case:
    marks = (Mask(np.array([True, False, True]), "fast", 0.5, "human:R1"),)
    causes = (Mask(np.array([False, True, False]), None, 1.0, "phantom"),)
    made = Case(f"c{number:03}", f"p{number // 2}", {"table": row(number)}, frozenset({"fast"}), marks, causes, {"age": number})
    return replace(made, **changes)  # type: ignore[arg-type]


def region(number: int = 0) -> np.ndarray:
    return np.arange(600).reshape(50, 12) % 7 == number % 7


def recorded(number: int, **changes: object) -> Case:
    marks = (Mask(region(number), "MI", 0.5, "human:R1"),)
    causes = (Mask(region(number + 1), None, 1.0, "phantom"),)
    waves = (Mask(region(number + 2), "QRS", source="phantom"),)
    inputs = {"signal": signal(number)}
    made = Case(f"c{number:03}", f"p{number // 2}", inputs, frozenset({"MI"}), marks, causes, {"site": 1}, anatomy=waves)
    return replace(made, **changes)  # type: ignore[arg-type]


def facts(item: Case) -> tuple[object, ...]:
    def fact(mark: Evidence) -> tuple[object, ...]:
        assert isinstance(mark, Mask)
        return mark.label, mark.confidence, mark.source, mark.mask.dtype, mark.mask.shape, mark.mask.tobytes()

    numbers: list[object] = []
    if "table" in item.inputs:
        found = item.measurements
        spread = None if found.imprecision is None else found.imprecision.tobytes()
        numbers += [found.values.dtype, found.values.tobytes(), found.names, found.units, spread]
    if "signal" in item.inputs:
        heard = item.signal
        numbers += [heard.samples.dtype, heard.samples.shape, heard.samples.tobytes(), heard.rate, heard.leads, heard.unit]
    marks = [[fact(mark) for mark in kind] for kind in (item.evidence, item.causes, item.anatomy)]
    return item.id, item.patient, sorted(item.inputs), numbers, item.labels, marks, dict(item.meta)


def stored(folder: Path, *cases: Case) -> StoredDataset:
    return write(folder / "set", Prepared("made_up", cases), fractions=ALL)


def columns(data: StoredDataset) -> list[str]:
    with pa.memory_map(str(data.path / "cases.arrow")) as source:
        names: list[str] = pa.ipc.open_file(source).schema.names
    return names


@pytest.mark.parametrize("make", [measured, recorded])
def test_numbers_and_their_masks_come_back_as_they_were(tmp_path: Path, make: object) -> None:
    cases = [make(i) for i in range(40)]  # type: ignore[operator]
    data = write(tmp_path / "set", Prepared("made_up", cases))
    assert [facts(item) for item in open_dataset(data.path)] == [facts(item) for item in cases]
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [28, 4, 8]
    data.verify()


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def rows(draw: st.DrawFn) -> Measurements:
    called = tuple(draw(st.lists(names, min_size=1, max_size=5, unique=True)))
    values = draw(arrays.arrays(np.float64, len(called), elements=finite))
    spread = st.floats(0, 1e9) | st.just(np.nan)
    units = draw(st.just(()) | st.tuples(*[names] * len(called)))
    return Measurements(values, called, units, draw(st.none() | arrays.arrays(np.float64, len(called), elements=spread)))


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    leads = tuple(draw(st.lists(names, min_size=1, max_size=4, unique=True)))
    shape = (draw(st.integers(1, 9)), len(leads))
    samples = draw(arrays.arrays(np.float32, shape, elements=st.floats(-1e6, 1e6, width=32)))
    return Signal(samples, draw(st.floats(0.1, 1e4)), leads, draw(names))


@st.composite
def marked_cases(draw: st.DrawFn) -> list[Case]:
    made = []
    for number in range(draw(st.integers(1, 5))):
        kinds = draw(st.sampled_from([("table",), ("signal",), ("table", "signal")]))
        inputs = {kind: draw(rows() if kind == "table" else signals()) for kind in kinds}
        shapes = [(len(inputs[kind]),) if kind == "table" else inputs[kind].samples.shape for kind in kinds]  # type: ignore[union-attr, arg-type]
        masks = draw(st.lists(st.sampled_from(shapes).flatmap(lambda shape: arrays.arrays(np.bool_, shape)), max_size=3))
        marks = tuple(Mask(mask, draw(st.sampled_from(["A", None]))) for mask in masks if mask.any())
        made.append(Case(str(number), "x", inputs, frozenset({"A"}), marks, marks[:1]))
    return made


@settings(max_examples=40, deadline=None)
@given(marked_cases())
def test_any_numbers_and_masks_survive_to_the_bit(made: list[Case]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = stored(Path(folder), *made)
        assert [facts(item) for item in open_dataset(data.path)] == [facts(item) for item in made]
        assert stored(Path(folder), *reversed(made)).fingerprint == data.fingerprint
        data.verify()


def test_the_fingerprint_sees_every_part_of_a_row_and_of_a_signal(tmp_path: Path) -> None:
    def of_row(**changes: object) -> str:
        return stored(tmp_path, measured(0, inputs={"table": row(**changes)})).fingerprint

    def of_signal(**changes: object) -> str:
        return stored(tmp_path, recorded(0, inputs={"signal": signal(**changes)})).fingerprint

    other = signal().samples.copy()
    other[3, 3] += 1
    different = [
        of_row(),
        of_row(values=row(1).values),
        of_row(names=("LDL", "glucose", "age")),
        of_row(units=()),
        of_row(imprecision=None),
        of_row(imprecision=np.array([4.5, 0.0, 0.0])),
        of_signal(),
        of_signal(samples=other),
        of_signal(rate=500.0),
        of_signal(leads=STANDARD_LEADS[::-1]),
        of_signal(unit="uV"),
        stored(tmp_path, measured(0, evidence=())).fingerprint,
        stored(tmp_path, recorded(0, causes=())).fingerprint,
    ]
    assert len(set(different)) == len(different)
    assert of_row() == different[0]


def test_rows_have_no_columns_of_images_and_images_none_of_numbers(tmp_path: Path) -> None:
    assert not {"pixels", "signal", "sentences"} & set(columns(stored(tmp_path, measured(0))))
    assert {"signal", "table", "pixels"} <= set(columns(stored(tmp_path, recorded(0))))
    image = Case("i", "i", {"image": Picture(np.zeros((2, 2, 1), dtype=np.uint8))}, frozenset())
    assert not {"table", "signal"} & set(columns(stored(tmp_path, image)))


def test_a_note_keeps_its_digest_beside_rows_and_signals(tmp_path: Path) -> None:
    note = Case("n", "n", {"text": "fiebre"}, frozenset("A"), (Spans.of((0, 3), label="A"),))
    data = stored(tmp_path, note, measured(0), recorded(1))
    index = [item.id for item in data].index("n")
    digest = row_digest({**data._light(index), **data._read(index)})
    assert digest == row_digest(to_row(note)) == "0e2bac25d491004e82849bfc6888ebed9f664834c7636dea55c6a183403b256e"


def test_a_row_may_lie_beside_text_and_image_each_with_marks_of_its_own(tmp_path: Path) -> None:
    picture = Picture(np.arange(16, dtype=np.uint8).reshape(4, 4, 1))
    inputs = {"text": "two words", "image": picture, "table": row(), "signal": signal()}
    marks = (
        Spans.of((0, 3), label="A"),
        Mask(np.eye(4, dtype=bool), "A"),
        Mask(np.array([True, False, False]), "A"),
        Mask(region(), "A"),
        Boxes(np.array([[0, 0, 2, 2.0]]), "A"),
    )
    made = Case("c", "p", inputs, frozenset("A"), marks)
    found = write(tmp_path / "set", Prepared("x", [made], size=8), fractions=ALL)["c"]
    assert sorted(found.inputs) == ["image", "signal", "table", "text"]
    assert found.measurements.names == NAMES
    assert [mark.mask.shape for mark in found.evidence if isinstance(mark, Mask)] == [(8, 8), (3,), (50, 12)]


def test_a_signal_is_read_from_the_map_without_copying(tmp_path: Path) -> None:
    data = stored(tmp_path, *(recorded(i) for i in range(3)))
    samples = data["c001"].signal.samples
    assert not samples.flags.owndata
    assert not samples.flags.writeable
    assert np.shares_memory(samples, data["c001"].signal.samples)


def test_opening_and_indexing_read_no_samples(tmp_path: Path) -> None:
    heard = signal()
    data = stored(tmp_path, recorded(0, inputs={"signal": heard}))
    content = (data.path / "cases.arrow").read_bytes()
    # Samples that are no numbers: whoever made a signal of them would fail.
    (data.path / "cases.arrow").write_bytes(content.replace(heard.samples.tobytes(), b"\xff" * heard.samples.nbytes, 1))
    broken = open_dataset(data.path)
    assert broken["c000"].labels == {"MI"}
    with pytest.raises(DataError, match="no finite numbers"):
        _ = broken["c000"].signal
    with pytest.raises(DataError, match="fingerprint"):
        broken.verify()


def test_few_signals_are_held_while_writing(tmp_path: Path) -> None:
    alive, most = set(), [0]

    class Counted(np.ndarray):
        def __del__(self) -> None:
            alive.discard(id(self))

    def read() -> Signal:
        samples = signal().samples.copy().view(Counted)
        alive.add(id(samples))
        most[0] = max(most[0], len(alive))
        return Signal(samples, 100.0)

    stored(tmp_path, *(recorded(i, inputs={"signal": Lazy(read)}) for i in range(100)))
    assert 1 <= most[0] <= 64


class Drawn(Sequence[Case]):
    """Cases that are made each time they are asked for; counts how often, and how many signals live at a time."""

    def __init__(self, count: int) -> None:
        self.count, self.asked, self.most = count, 0, 0
        self.alive: weakref.WeakSet[Signal] = weakref.WeakSet()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Case:  # type: ignore[override]
        if index >= self.count:
            raise IndexError
        made = recorded(self.count - index)
        self.asked += 1
        self.alive.add(made.signal)
        self.most = max(self.most, len(self.alive))
        return made


def test_cases_that_are_drawn_are_neither_held_nor_drawn_more_often_than_for_planning_and_writing(tmp_path: Path) -> None:
    drawn = Drawn(150)
    data = write(tmp_path / "set", Prepared("made_up", drawn))
    assert drawn.most < 20
    assert drawn.asked == 300
    held = write(tmp_path / "other", Prepared("made_up", list(Drawn(150))))
    assert data.fingerprint == held.fingerprint
    assert (data.path / "cases.arrow").read_bytes() == (held.path / "cases.arrow").read_bytes()


def test_indexing_costs_the_same_however_long_a_signal_is(tmp_path: Path) -> None:
    long = Signal(np.zeros((1_000_000, 12), dtype=np.float32), 100.0)
    data = stored(tmp_path, recorded(0), recorded(1, inputs={"signal": long}, evidence=(), causes=(), anatomy=()))
    spent = []
    for _ in range(5):
        start = time.process_time()
        _ = data["c001"].labels
        spent.append(time.process_time() - start)
    assert np.median(spent) < 0.005  # copying 48 MB takes longer


def test_a_signal_that_cannot_be_read_is_left_out_and_counted_with_its_reason(tmp_path: Path) -> None:
    def gone() -> Signal:
        raise DataError("x.dat is damaged.")

    def odd() -> Signal:
        raise UnusableSignal("x.hea", "the record has another rate")

    made = [recorded(i) for i in range(40)]
    made[4] = recorded(4, inputs={"signal": Lazy(gone)})
    made[9] = recorded(9, inputs={"signal": Lazy(odd)})
    data = write(tmp_path / "set", Prepared("made_up", made))
    assert data.about["excluded"] == [["c004", "the signal cannot be read"], ["c009", "the record has another rate"]]
    rest = [item for number, item in enumerate(made) if number not in (4, 9)]
    assert data.fingerprint == write(tmp_path / "without", Prepared("made_up", rest)).fingerprint


def test_no_signal_that_can_be_read_is_refused_and_a_missing_library_is_no_damaged_signal(tmp_path: Path) -> None:
    def refuse(error: Exception) -> Lazy:
        def read() -> Signal:
            raise error

        return Lazy(read)

    with pytest.raises(DataError, match="no case with a text, image, table or signal that can be read"):
        stored(tmp_path, recorded(0, inputs={"signal": refuse(DataError("damaged"))}))
    with pytest.raises(CapabilityError):
        stored(tmp_path, recorded(0, inputs={"signal": refuse(CapabilityError("Recordings are read with wfdb."))}))
    assert list(tmp_path.iterdir()) == []


def test_a_mask_that_marks_nothing_is_left_out_and_counted(tmp_path: Path) -> None:
    data = stored(tmp_path, recorded(0, evidence=(Mask(np.zeros((50, 12), dtype=bool), "MI"), Mask(region(), "MI"))))
    assert len(data["c000"].evidence) == 1
    assert data.about["excluded"] == [["c000", "a mask marks nothing"]]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            recorded(0, inputs={"signal": np.zeros((5, 12))}),
            "Case c000 has the input 'signal' of the kind ndarray; give a Signal",
        ),
        (measured(0, inputs={"table": [1.0]}), "Case c000 has the input 'table' of the kind list; give a Measurements"),
        (
            recorded(0, evidence=(Mask(region().T, "MI"),)),
            "Case c000 has a mask of 12 x 50 on a signal of 50 x 12 samples; give a mask of the same size",
        ),
        (measured(0, causes=(Mask(np.ones(4, dtype=bool)),)), "Case c000 has a mask of 4 on a row of 3 features"),
        (
            recorded(0, inputs={"signal": signal(), "table": row()}, anatomy=(Mask(np.ones(50, dtype=bool), "P wave"),)),
            "mask of 50 on a signal of 50 x 12 samples and a row of 3 features",
        ),
        (recorded(0, evidence=(Boxes(np.array([[0, 0, 1, 1.0]])),)), "Case c000 has evidence of the kind Boxes"),
        (recorded(0, evidence=(Fixations(np.ones((1, 4)), 1.0),)), "Case c000 has evidence of the kind Fixations"),
        (measured(0, evidence=(Spans.of((0, 1)),)), "Case c000 has evidence of the kind Spans"),
        (
            recorded(0, evidence=(Mask(region().astype(np.float64), "MI"),)),
            "Case c000 has evidence with a mask of float64; give booleans, such as `mask > 0.5`",
        ),
        (measured(0, labels=frozenset(), causes=()), "Case c000 has evidence for the label fast, which it lacks"),
        (measured(0, inputs={"table": row(names=("a", "b", "\ud800"))}), "Case c000 has half a character"),
        (measured(0, inputs={"question": "why?"}), "Case c000 has no text, image, table or signal"),
    ],
)
def test_a_case_of_numbers_that_cannot_be_right_is_refused_by_name(tmp_path: Path, item: Case, message: str) -> None:
    with pytest.raises(DataError, match=message):
        stored(tmp_path, item)
    assert list(tmp_path.iterdir()) == []
