from __future__ import annotations

import gc
import json
import resource
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.case import Boxes, Case, Lazy, Spans
from pellucid.datasets import Exclusion, Prepared, StoredDataset, open_dataset, write
from pellucid.errors import DataError, StorageError

TEXT = "Señora con fiebre 🤒 y naïve coeur.\r\nI10 — œdème"


def case(number: int, **changes: object) -> Case:
    made = Case(
        id=f"c{number:03}",
        patient=f"p{number // 2}",
        inputs={"text": TEXT + f" {number}"},
        labels=frozenset({"I10", "R50.9"} if number % 2 else {"I10"}),
        evidence=(Spans.of((11, 17), (0, 6), label="I10", confidence=0.5, source="map"), Spans.of((18, 19))),
        causes=(Spans.of((3, 9), label="I10"),),
        meta={"número": number, "list": [1, None, "x"]},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def prepared(cases: list[Case] | None = None, **changes: object) -> Prepared:
    about = {"licence": "CC0"}
    return replace(Prepared("made_up", cases or [case(i) for i in range(40)], about=about), **changes)  # type: ignore[arg-type]


def facts(item: Case) -> tuple[object, ...]:
    marks = [[(e.label, e.confidence, e.source, e.spans.tolist()) for e in kind] for kind in (item.evidence, item.causes)]  # type: ignore[attr-defined]
    return item.id, item.patient, item.text, item.labels, marks, dict(item.meta)


@pytest.fixture
def stored(tmp_path: Path) -> StoredDataset:
    return write(tmp_path / "set", prepared())


def test_cases_come_back_as_they_were(stored: StoredDataset) -> None:
    assert [facts(item) for item in open_dataset(stored.path)] == [facts(case(i)) for i in range(40)]
    assert stored.labels == ("I10", "R50.9")
    assert stored.name == "made_up"
    assert facts(stored["c007"]) == facts(case(7))


def test_a_question_beside_the_text_comes_back_and_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    def asked(question: str) -> StoredDataset:
        made = [case(0, inputs={"text": TEXT, "question": question, "hint": "naïve 🤒"}), *(case(i) for i in range(1, 40))]
        return write(tmp_path / "set", prepared(made))

    data = open_dataset(asked("why?").path)
    assert data["c000"].inputs["question"] == "why?"
    assert data["c000"].inputs["hint"] == "naïve 🤒"
    assert list(data["c001"].inputs) == ["text"]
    data.verify()
    assert data.fingerprint != asked("how?").fingerprint


def test_a_data_set_of_texts_alone_has_the_format_and_the_fingerprint_that_it_always_had(stored: StoredDataset) -> None:
    assert stored.fingerprint == "a58ab31764cf88ce8896f6881117633d23278698f4ef2e5be9bfb8906a694719"
    with pa.memory_map(str(stored.path / "cases.arrow")) as source:
        assert "inputs" not in pa.ipc.open_file(source).schema.names


def test_marks_of_non_ascii_text_still_cover_the_same_words(stored: StoredDataset) -> None:
    item = stored["c001"]
    assert [item.text[a:b] for a, b in item.evidence[0].spans] == ["fiebre", "Señora"]  # type: ignore[attr-defined]


@st.composite
def cases(draw: st.DrawFn) -> list[Case]:
    texts = draw(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip), min_size=1, max_size=8)
    )
    made = []
    for number, text in enumerate(texts):
        labels = draw(st.frozensets(st.sampled_from(["A", "B", "ñ"])))
        starts = draw(st.lists(st.integers(0, len(text) - 1), max_size=3))
        spans = [(start, draw(st.integers(start + 1, len(text)))) for start in starts]
        evidence = tuple(Spans.of(span, label=label) for span in spans for label in labels)
        made.append(Case(str(number), draw(st.sampled_from("xyz")), {"text": text}, labels, evidence))
    return made


@settings(max_examples=25, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_any_text_and_marks_survive_and_order_does_not_matter(made: list[Case], shuffler: object) -> None:
    shuffled = list(made)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        first = write(Path(folder) / "a", Prepared("x", made), fractions=(1, 0, 0))
        second = write(Path(folder) / "b", Prepared("x", shuffled), fractions=(1, 0, 0))
        assert {item.id: facts(item) for item in first} == {item.id: facts(item) for item in made}
        assert first.fingerprint == second.fingerprint
        assert (first.path / "cases.arrow").read_bytes() == (second.path / "cases.arrow").read_bytes()
        second.verify()


def test_the_fingerprint_sees_text_marks_labels_and_splits(tmp_path: Path) -> None:
    def fingerprint(changed: Case | None = None, **options: object) -> str:
        made = [case(i) for i in range(40)]
        made[0] = changed or made[0]
        return write(tmp_path / "set", prepared(made), **options).fingerprint  # type: ignore[arg-type]

    marks = (Spans.of((0, 5), label="I10"),)
    different = [
        case(0, inputs={"text": TEXT}),
        case(0, evidence=marks),
        case(0, causes=marks),
        case(0, meta={}),
        case(0, patient="q"),
    ]
    all_prints = [fingerprint(item) for item in different] + [
        fingerprint(seed=5),
        fingerprint(min_train_cases=20),
        fingerprint(),
    ]
    assert len(set(all_prints)) == len(all_prints)
    assert fingerprint() == all_prints[-1]


def test_splits_are_stored_and_part_the_patients(stored: StoredDataset) -> None:
    record = json.loads((stored.path / "splits.json").read_text())
    assert (record["seed"], record["fractions"], record["published"]) == (0, [0.7, 0.1, 0.2], False)
    parts = {name: list(stored.split(name)) for name in ("train", "validation", "test")}
    assert {name: [item.id for item in part] for name, part in parts.items()} == {name: record[name] for name in parts}
    assert {name: len(part) for name, part in parts.items()} == {"train": 28, "validation": 4, "test": 8}
    patients = [{item.patient for item in part} for part in parts.values()]
    assert sum(map(len, patients)) == len(set().union(*patients)) == stored.about["patients"]


def test_published_splits_are_kept(tmp_path: Path) -> None:
    assigned = {f"c{i:03}": "train" if i < 30 else "test" for i in range(40)}
    data = write(tmp_path / "set", prepared(assigned=assigned))
    assert [item.id for item in data.split("test")] == [f"c{i:03}" for i in range(30, 40)]
    assert len(data.split("validation")) == 0


def test_published_splits_that_share_a_patient_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Patient p0"):
        write(tmp_path / "set", prepared(assigned={f"c{i:03}": "train" if i else "test" for i in range(40)}))


def test_a_split_is_a_lazy_sequence(stored: StoredDataset) -> None:
    train = stored.split("train")
    assert isinstance(train[0].inputs["text"], Lazy)
    assert [item.id for item in train[2:5]] == [train[i].id for i in (2, 3, 4)]
    assert train[-1].id == train[len(train) - 1].id
    with pytest.raises(IndexError):
        train[len(train)]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system has no /proc that lists open files")
def test_no_file_stays_open_and_the_map_goes_with_its_last_reader(tmp_path: Path) -> None:
    file = str(tmp_path / "set" / "cases.arrow")

    def open_files() -> list[str]:
        return [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.exists()]

    def mapped() -> bool:
        gc.collect()
        return file in Path("/proc/self/maps").read_text()

    readers = [write(tmp_path / "set", prepared())["c003"].inputs["text"]]
    assert file not in open_files()
    assert mapped()
    assert readers[0].read().endswith(" 3")
    readers.clear()
    assert not mapped()


def test_opening_and_indexing_decode_no_text(stored: StoredDataset) -> None:
    data = (stored.path / "cases.arrow").read_bytes()
    needle = TEXT.encode() + b" 5"
    # The text of case 5 becomes something that is not UTF-8: whoever decodes it would fail.
    (stored.path / "cases.arrow").write_bytes(data.replace(needle, b"\xff" * len(needle), 1))
    broken = open_dataset(stored.path)
    item = broken["c005"]
    assert item.labels == {"I10", "R50.9"}
    with pytest.raises(DataError, match=r"Row 5 of .*cases.arrow is damaged"):
        _ = item.text
    with pytest.raises(DataError, match="damaged"):
        broken.verify()


def test_a_changed_text_is_found_by_verification(stored: StoredDataset) -> None:
    stored.verify()
    file = stored.path / "cases.arrow"
    file.write_bytes(file.read_bytes().replace(b"fiebre", b"tos.xx", 1))
    with pytest.raises(DataError, match="fingerprint"):
        open_dataset(stored.path).verify()


def test_rare_labels_are_chosen_by_training_cases_alone(tmp_path: Path) -> None:
    # "T" is frequent, but only outside of the training split; "R" occurs twice in it.
    made = [case(i, labels=frozenset({"I10", "R"} if i < 2 else {"I10"} if i < 20 else {"I10", "T"})) for i in range(40)]
    made[0] = replace(made[0], evidence=(*made[0].evidence, Spans.of((0, 6), label="R")))
    assigned = {item.id: "train" if i < 20 else "test" for i, item in enumerate(made)}
    data = write(tmp_path / "set", prepared(made, assigned=assigned), min_train_cases=3)
    assert data.labels == ("I10",)
    assert {label for item in data for label in item.labels} == {"I10"}
    assert {mark.label for item in data for mark in item.evidence} == {"I10", None}
    assert data.about["exclusions"] == {"label of fewer than 3 training cases": 2}
    assert data.about["excluded"] == [[name, "label of fewer than 3 training cases"] for name in "RT"]
    kept = write(tmp_path / "set", prepared(made, assigned=assigned), min_train_cases=2)
    assert kept.labels == ("I10", "R")
    assert set(write(tmp_path / "set", prepared(made, assigned=assigned)).labels) == {"I10", "R", "T"}


def test_a_case_without_labels_left_stays_as_a_negative(tmp_path: Path) -> None:
    made = [case(i, labels=frozenset({"R"} if i == 0 else {"I10"}), evidence=(), causes=()) for i in range(40)]
    data = write(tmp_path / "set", prepared(made), min_train_cases=2)
    assert data["c000"].labels == frozenset()
    assert data.about["cases_without_labels"] == 1


def test_a_least_number_that_no_label_reaches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No label has 99 training cases"):
        write(tmp_path / "set", prepared(), min_train_cases=99)


def test_a_negative_least_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is -4; give 0 or more"):
        write(tmp_path / "set", prepared(), min_train_cases=-4)


def test_empty_notes_are_left_out_and_counted(tmp_path: Path) -> None:
    made = [case(i) for i in range(40)]
    made[4], made[9] = (
        case(4, inputs={"text": " \n"}, evidence=(), causes=()),
        case(9, inputs={"text": ""}, evidence=(), causes=()),
    )
    data = write(tmp_path / "set", prepared(made, exclusions=[Exclusion("a.tsv row 3", "a reason")]))
    assert len(data) == 38
    assert data.about["exclusions"] == {"the note is empty": 2, "a reason": 1}
    assert ["c004", "the note is empty"] in data.about["excluded"]
    assert data.about["licence"] == "CC0"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"evidence": (Spans.of((0, 1000), label="I10"),)},
            r"Case c000 has evidence for I10 at \[\[0, 1000\]\], outside its text",
        ),
        ({"evidence": (Spans.of((-1, 3)),)}, "evidence for the whole case at"),
        ({"causes": (Spans.of((5, 5), label="I10"),)}, "Case c000 has causes for I10"),
        ({"evidence": (Spans.of(label="I10"),)}, "or empty"),
        ({"evidence": (Spans.of((0, 3), label="Z99"),)}, "Case c000 has evidence for the label Z99, which it lacks"),
        ({"evidence": (Spans.of((0, 3), confidence=0.0),)}, "confidence 0.0"),
        ({"evidence": (Boxes(np.zeros((1, 4))),)}, "Case c000 has evidence of the kind Boxes"),
        ({"inputs": {"text": "a", "image": 1}}, "Case c000 has the input .image. of the kind int"),
        ({"inputs": {"text": TEXT, "question": "half \ud83e"}}, "half a character .* at offset 5"),
        ({"inputs": {"text": "half \ud83e"}, "evidence": (), "causes": ()}, "half a character .* at offset 5"),
        ({"meta": {"a": float("nan")}}, "Case c000 has a meta that is not JSON"),
        ({"id": "c001"}, "The case id c001 occurs 2 times"),
    ],
)
def test_a_case_that_cannot_be_right_is_refused_by_name(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        write(tmp_path / "set", prepared([case(0, **changes), *(case(i) for i in range(1, 40))]))
    assert list(tmp_path.iterdir()) == []


def test_no_cases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="made_up has no case with a text"):
        write(tmp_path / "set", prepared([case(0, inputs={"text": " "})]))


def test_a_folder_that_is_no_data_set_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="is not a data set"):
        write(tmp_path, prepared())
    assert (tmp_path / "thesis.txt").exists()


def test_a_data_set_is_replaced_whole(stored: StoredDataset) -> None:
    again = write(stored.path, prepared([case(i) for i in range(20)]))
    assert len(again) == len(open_dataset(stored.path)) == 20
    assert len(list(stored)) == 40, "who has the old one open goes on reading the old one"
    assert [path.name for path in stored.path.parent.iterdir()] == ["set"]


def test_a_full_disk_leaves_the_old_data_set_as_it_was(stored: StoredDataset) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = [case(i, inputs={"text": TEXT * 500}) for i in range(40)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # writing beyond fails in the kernel, as on a full disk
    try:
        with pytest.raises(StorageError, match="free space or choose another folder"):
            write(stored.path, prepared(large))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in stored.path.parent.iterdir()] == ["set"]
    open_dataset(stored.path).verify()


KILLED = """
import os, signal, sys
from pathlib import Path
from pellucid.case import Case, Lazy
from pellucid.datasets import Prepared, write
def die(): os.kill(os.getpid(), signal.SIGKILL)
reads = iter(range(10**6))
text = Lazy(lambda: "note" * 2000 if next(reads) < 900 else die())
cases = [Case(f"{i:04}", str(i), {"text": text}, frozenset("A")) for i in range(600)]
write(Path(sys.argv[1]), Prepared("x", cases))
"""


def test_a_writer_killed_halfway_leaves_nothing_that_opens(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "set")], check=False, timeout=120)
    assert result.returncode == -signal.SIGKILL
    left = list(tmp_path.iterdir())
    assert [path.suffix for path in left] == [".part"], "it was killed while it wrote"
    assert (left[0] / "cases.arrow").stat().st_size > 0
    for path in (tmp_path / "set", left[0]):
        with pytest.raises(DataError, match="is not a prepared data set"):
            open_dataset(path)


def damage_truncated(path: Path) -> None:
    (path / "cases.arrow").write_bytes((path / "cases.arrow").read_bytes()[:-100])


def damage_garbled(path: Path) -> None:
    (path / "cases.arrow").write_bytes(b"\0" * (path / "cases.arrow").stat().st_size)


def damage_missing(path: Path) -> None:
    (path / "cases.arrow").unlink()


def damage_splits(path: Path) -> None:
    record = json.loads((path / "splits.json").read_text())
    record["train"].pop()
    (path / "splits.json").write_text(json.dumps(record))


def damage_no_splits(path: Path) -> None:
    (path / "splits.json").unlink()


def damage_json(path: Path) -> None:
    (path / "dataset.json").write_text('{"format": 1')


def damage_field(path: Path) -> None:
    (path / "dataset.json").write_text('{"format": 1, "name": "x", "labels": [], "size": 1, "about": {}}')


def damage_format(path: Path) -> None:
    (path / "dataset.json").write_text('{"format": 99}')


def damage_columns(path: Path) -> None:
    table = pa.table({"id": ["a"]})
    with pa.OSFile(str(path / "cases.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    record = json.loads((path / "dataset.json").read_text())
    record["size"] = (path / "cases.arrow").stat().st_size
    (path / "dataset.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_truncated, "cases.arrow is missing or not .* bytes long"),
        (damage_garbled, "cases.arrow is damaged"),
        (damage_missing, "cases.arrow is missing"),
        (damage_splits, "splits.json does not place every case"),
        (damage_no_splits, "splits.json does not exist"),
        (damage_json, "dataset.json is not a JSON file"),
        (damage_field, "dataset.json lacks the field 'fingerprint'"),
        (damage_format, "dataset.json is not of format 1"),
        (damage_columns, "cases.arrow does not have the columns"),
    ],
)
def test_a_damaged_data_set_is_refused_with_the_file_named(stored: StoredDataset, damage: object, message: str) -> None:
    damage(stored.path)  # type: ignore[operator]
    with pytest.raises(DataError, match=message):
        open_dataset(stored.path)


def test_unknown_cases_and_splits_are_refused(stored: StoredDataset) -> None:
    with pytest.raises(DataError, match="has no case 'zzz'"):
        _ = stored["zzz"]
    with pytest.raises(DataError, match="no split 'dev'"):
        stored.split("dev")  # type: ignore[arg-type]
