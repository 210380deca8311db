"""MDACE with MIMIC, on small made-up files of its exact layout."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mdace_files import ANNOTATED, DEFAULT, NOTE, OTHER, event, inject, lists, mark, mdace, mimic3, mimic4, note

from pellucid.case import Case
from pellucid.datasets import Mdace, Prepared, write
from pellucid.datasets.mdace_json import trim
from pellucid.errors import DataError
from pellucid.registry import datasets


def marked(case: Case) -> set[tuple[str, str]]:
    return {(e.label, case.text[e.spans[0, 0] : e.spans[0, 1]]) for e in case.evidence}  # type: ignore[misc,attr-defined]


def by_id(prepared: Prepared) -> dict[str, Case]:
    return {case.id: case for case in prepared.cases}


def reasons(prepared: Prepared) -> Counter[str]:
    return Counter(exclusion.reason for exclusion in prepared.exclusions)


def test_texts_come_from_noteevents_by_row_id(tmp_path: Path) -> None:
    prepared = Mdace(mdace(tmp_path / "a"), mimic3=mimic3(tmp_path / "b")).prepare()
    cases = by_id(prepared)
    assert list(cases) == ["mdace-1", "mdace-3", "mdace-4"]
    assert cases["mdace-1"].text == NOTE
    assert cases["mdace-1"].labels == {"428.0", "412", "96.71"}
    assert marked(cases["mdace-1"]) == {("428.0", '"CHF"'), ("412", "(s/p MI"), ("96.71", "intubated")}
    assert {case.patient for case in prepared.cases} == {"mimic3-7", "mimic3-8", "mimic3-9"}
    assert reasons(prepared) == {"the category of the note is not asked for": 1, "code of the system CPT": 1}


def test_injected_texts_need_no_mimic(tmp_path: Path) -> None:
    prepared = Mdace(inject(mdace(tmp_path))).prepare()
    assert marked(by_id(prepared)["mdace-1"]) == {("428.0", '"CHF"'), ("412", "(s/p MI"), ("96.71", "intubated")}
    assert by_id(prepared)["mdace-1"].patient == "mimic3-admission-100"
    assert "every admission counts as a patient" in " ".join(prepared.about["notes"])


def test_both_forms_give_the_same_cases(tmp_path: Path) -> None:
    mimic = mimic3(tmp_path / "mimic")
    raw = write(tmp_path / "x", Mdace(mdace(tmp_path / "a"), mimic3=mimic).prepare(), fractions=(1, 0, 0))
    injected = write(tmp_path / "y", Mdace(inject(mdace(tmp_path / "b")), mimic3=mimic).prepare(), fractions=(1, 0, 0))
    assert raw.fingerprint == injected.fingerprint
    assert raw.about["exclusions"] == injected.about["exclusions"]


def test_options_choose_systems_categories_origin_coding_and_setting(tmp_path: Path) -> None:
    root = inject(mdace(tmp_path))
    assert by_id(Mdace(root, systems=("PCS",)).prepare())["mdace-1"].labels == {"96.71"}
    assert "mdace-2" in by_id(Mdace(root, categories=("physician",)).prepare())
    human = Mdace(root, human_only=True).prepare()
    assert {name: case.labels for name, case in by_id(human).items()} == {"mdace-1": {"412"}}
    assert reasons(human)["the code was made by a map, not by a person"] == 4
    assert reasons(human)["no code of the systems asked for is marked in the note"] == 2
    charts = {200: [note(1, mark("CHF", "I50.9", "ICD-10-CM", "Human"), mark("MI", "412", "ICD-9-CM"))]}
    inject(mdace(tmp_path, charts, coding="ICD-10", setting="Profee"))
    stray = Mdace(root, coding="icd10", setting="profee").prepare()
    assert by_id(stray)["mdace-1"].labels == {"I50.9"}
    assert reasons(stray) == {"code of the system ICD-9-CM": 1}


def test_covered_text_that_differs_is_counted_not_used(tmp_path: Path) -> None:
    root = inject(mdace(tmp_path))
    file = root / "data" / "Inpatient" / "ICD-9" / "1.0" / "100-ICD-9.json"
    chart = json.loads(file.read_text())
    chart["notes"][0]["annotations"][0]["covered_text"] = "COPD"
    file.write_text(json.dumps(chart))
    prepared = Mdace(root).prepare()
    assert by_id(prepared)["mdace-1"].labels == {"412", "96.71"}
    where = [e.where for e in prepared.exclusions if e.reason == "the covered text differs from the text at its offsets"]
    assert where == ["100-ICD-9.json note 1 annotation 1"]


def test_a_mark_of_separators_alone_is_counted_and_a_repeated_one_used_once(tmp_path: Path) -> None:
    charts = {100: [note(1, mark(", ", "428.0"), mark("CHF", "428.0"), mark("CHF", "428.0"))]}
    prepared = Mdace(inject(mdace(tmp_path, charts))).prepare()
    assert len(by_id(prepared)["mdace-1"].evidence) == 1
    assert reasons(prepared) == {"nothing but separators is marked": 1}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CHF", "CHF"),
        (" CHF.", "CHF"),
        (") CHF (", "CHF"),
        ("(CHF)", "(CHF)"),
        ("-./,", ""),
        ("h/o CHF,\n\t", "h/o CHF"),
        ("", ""),
    ],
)
def test_trimming_follows_the_rule_of_the_release(text: str, kept: str) -> None:
    begin, end = trim(f"xx{text}yy", 2, 2 + len(text))
    assert f"xx{text}yy"[begin:end] == kept


@given(st.text("aé -.,/()\n\t", max_size=12), st.data())
def test_trimming_equals_taking_characters_one_by_one(text: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, len(text)))
    left, right = begin, end
    while left < end and text[left] in ")-.,/ \n\t":
        left += 1
    while right > left and text[right - 1] in "(-.,/ \n\t":
        right -= 1
    assert trim(text, begin, end) == (left, right)


def test_published_lists_become_splits(tmp_path: Path) -> None:
    splits = lists(tmp_path / "splits", train=[100], val=[101], test=[])
    prepared = Mdace(inject(mdace(tmp_path)), splits=splits).prepare()
    assert prepared.assigned == {"mdace-1": "train", "mdace-3": "validation"}
    assert [e.where for e in prepared.exclusions if e.reason == "the admission is in no published list"] == ["mdace-4"]
    assert len(write(tmp_path / "out", prepared)) == 2


def test_a_patient_of_two_published_lists_stays_in_the_test_list(tmp_path: Path) -> None:
    charts = {**DEFAULT, 103: [note(5, mark("Pneumonia", "486", text=OTHER))]}
    mimic = mimic3(tmp_path / "mimic", [event(5, 7, 103, OTHER)])
    splits = lists(tmp_path / "splits", train=[100, 101], val=[102], test=[103])
    prepared = Mdace(mdace(tmp_path / "in", charts), mimic3=mimic, splits=splits).prepare()
    assert prepared.assigned == {"mdace-3": "train", "mdace-4": "validation", "mdace-5": "test"}
    assert [e.where for e in prepared.exclusions if "later published list" in e.reason] == ["mdace-1"]
    write(tmp_path / "out", prepared)


def test_unannotated_notes_of_mimic3_join_with_their_billed_codes(tmp_path: Path) -> None:
    extra = [
        event(11, 30, 300, "addendum", DESCRIPTION="Addendum"),
        event(12, 30, 300, 'report, said "so"\nline'),
        event(13, 31, 301, "note of an admission without codes"),
        event(14, 32, "", "note without an admission"),
        event(15, 33, 303, "nursing", CATEGORY="Nursing"),
    ]
    mimic = mimic3(tmp_path / "mimic", extra, codes={300: ["4280", "E8859", "V10", ""], 100: ["4019"], 303: ["0389"]})
    prepared = Mdace(mdace(tmp_path / "in"), mimic3=mimic, unannotated=True).prepare()
    case = by_id(prepared)["mimic3-300"]
    assert case.text == 'report, said "so"\nline addendum'
    assert case.labels == {"428.0", "E885.9", "V10", "39.61"}
    assert (case.patient, case.evidence) == ("mimic3-30", ())
    assert prepared.about["sources"] == {"mdace": 3, "mimic3": 1}
    assert by_id(prepared)["mdace-1"].labels == {"428.0", "412", "96.71"}, "annotated notes keep the annotated codes"


def test_unannotated_icd9_notes_follow_the_joint_lists(tmp_path: Path) -> None:
    mimic = mimic3(tmp_path / "mimic", [event(12, 30, 300, "report")], codes={300: ["4280"]})
    splits = lists(tmp_path / "splits", "code-ev", train=[300, 100], val=[101], test=[102])
    prepared = Mdace(mdace(tmp_path / "in"), mimic3=mimic, unannotated=True, splits=splits).prepare()
    assert Counter(prepared.assigned.values()) == {"train": 2, "validation": 1, "test": 1}


def test_unannotated_icd10_notes_come_from_mimic4_and_train(tmp_path: Path) -> None:
    charts = {100: [note(1, mark("CHF", "I50.9", "ICD-10-CM", "Human"))]}
    root = inject(mdace(tmp_path / "in", charts, coding="ICD-10"))
    splits = lists(tmp_path / "splits", train=[], val=[], test=[100])
    made = Mdace(root, mimic4=mimic4(tmp_path / "mimic"), coding="icd10", unannotated=True, splits=splits).prepare()
    case = by_id(made)["mimic4-500"]
    assert (case.text, case.patient) == ("first later", "mimic4-70")
    assert case.labels == {"I50.23", "Z66", "5A1935Z"}
    assert made.assigned == {"mdace-1": "test", "mimic4-500": "train"}
    assert "share patients" in " ".join(made.about["notes"])


def test_a_plain_csv_and_the_folder_of_the_tables_do_as_well(tmp_path: Path) -> None:
    mimic = mimic3(tmp_path / "mimic")
    packed = next(mimic.rglob("NOTEEVENTS.csv.gz"))
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    prepared = datasets.create("mdace", root=mdace(tmp_path / "in") / "data", mimic3=packed.parent).prepare()
    assert len(prepared.cases) == 3


def test_offsets_outside_the_note_are_refused_by_place(tmp_path: Path) -> None:
    charts = {100: [note(1, {**mark("CHF", "428.0"), "end": 9999})]}
    with pytest.raises(DataError, match=r"100-ICD-9.json note 1 annotation 1 has the offsets .* 9999, outside the text"):
        Mdace(inject(mdace(tmp_path, charts))).prepare()


def test_a_note_without_text_asks_for_mimic(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"100-ICD-9.json note 1 has no text; give the folder of MIMIC-III"):
        Mdace(mdace(tmp_path)).prepare()


def test_a_note_that_noteevents_lacks_is_named(tmp_path: Path) -> None:
    charts = {100: [note(77, mark("CHF", "428.0"))]}
    with pytest.raises(DataError, match=r"note 77 is not in NOTEEVENTS"):
        Mdace(mdace(tmp_path / "a", charts), mimic3=mimic3(tmp_path / "b")).prepare()


def test_a_note_of_another_admission_shows_another_release(tmp_path: Path) -> None:
    charts = {999: [note(1, mark("CHF", "428.0"))]}
    with pytest.raises(DataError, match=r"note 1 belongs to another admission"):
        Mdace(mdace(tmp_path / "a", charts), mimic3=mimic3(tmp_path / "b")).prepare()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"begin": "3"}, r"note 1 annotation 1 has no int in the field 'begin'"),
        ({"code": None}, r"note 1 annotation 1 has no str in the field 'code'"),
        ({"covered_text": 5}, r"annotation 1 has no str in the field 'covered_text'"),
    ],
)
def test_a_field_of_another_type_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    charts = {100: [note(1, {**mark("CHF", "428.0"), **change})]}
    with pytest.raises(DataError, match=message):
        Mdace(mdace(tmp_path, charts), mimic3=mimic3(tmp_path / "b")).prepare()


def test_a_chart_that_is_no_object_is_named(tmp_path: Path) -> None:
    root = mdace(tmp_path)
    file = next(root.rglob("101-ICD-9.json"))
    file.write_text("[]")
    with pytest.raises(DataError, match=r"101-ICD-9.json has no int in the field 'hadm_id'"):
        Mdace(root).prepare()
    file.write_text("{")
    with pytest.raises(DataError, match=r"101-ICD-9.json is not a JSON file"):
        Mdace(root).prepare()


def test_missing_folders_and_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder .*data/Inpatient/ICD-10/1.0"):
        Mdace(mdace(tmp_path), coding="icd10").prepare()
    with pytest.raises(DataError, match=r"one NOTEEVENTS.csv.gz below .*, found none"):
        Mdace(tmp_path, mimic3=tmp_path / "data").prepare()
    with pytest.raises(DataError, match="give its folder as the option mimic4"):
        Mdace(inject(mdace(tmp_path, coding="ICD-10")), coding="icd10", systems=("CM",), unannotated=True).prepare()
    with pytest.raises(DataError, match=r"MDace-ev-train.csv does not exist"):
        Mdace(inject(tmp_path), splits=tmp_path).prepare()
    (tmp_path / "empty" / "Inpatient" / "ICD-9" / "1.0").mkdir(parents=True)
    with pytest.raises(DataError, match=r"has no \*.json files"):
        Mdace(tmp_path / "empty").prepare()


def test_an_admission_in_two_lists_is_refused(tmp_path: Path) -> None:
    splits = lists(tmp_path / "splits", train=[100], val=[101], test=[100])
    with pytest.raises(DataError, match=r"MDace-ev-test.csv row 1: admission 100 is in two lists"):
        Mdace(inject(mdace(tmp_path)), splits=splits).prepare()
    (splits / "MDace-ev-test.csv").write_text("hadm_id\n")
    with pytest.raises(DataError, match=r"MDace-ev-test.csv row 1 is not the number of an admission"):
        Mdace(tmp_path, splits=splits).prepare()


def broken_table(tmp_path: Path, content: bytes) -> Mdace:
    mimic3(tmp_path / "b")
    next((tmp_path / "b").rglob("NOTEEVENTS.csv.gz")).write_bytes(content)
    return Mdace(mdace(tmp_path / "a"), mimic3=tmp_path / "b")


def rows_with(text: bytes) -> bytes:
    header = "ROW_ID,SUBJECT_ID,HADM_ID,TEXT\n1,7,100,"
    return gzip.compress(header.encode() + text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "is damaged or not a CSV table"),
        (rows_with(b'"secret"\n')[:-9], "is damaged or not a CSV table"),
        (gzip.compress(b"ROW_ID,SUBJECT_ID,HADM_ID\n1,7,100\n"), "lacks one of the columns ROW_ID, SUBJECT_ID, HADM_ID, TEXT"),
        (rows_with(b'"secret",secret\n'), "row 2 has too few or too many columns"),
        (rows_with(b'"secret \xe9"\n'), "row with ROW_ID 1 column TEXT is not UTF-8: byte 7 is 0xe9"),
    ],
    ids=["no gzip", "cut short", "a column missing", "a column too many", "not UTF-8"],
)
def test_a_broken_table_is_refused_without_a_word_of_its_text(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        broken_table(tmp_path, content).prepare()
    assert "NOTEEVENTS.csv.gz" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_only_rows_asked_for_are_decoded(tmp_path: Path) -> None:
    mimic = mimic3(tmp_path / "b")
    file = next(mimic.rglob("NOTEEVENTS.csv.gz"))
    spoiled = b'9,1,1,"","","","Nursing","Report","","","\xff\xfe"\n'
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()) + spoiled))
    assert len(Mdace(mdace(tmp_path / "a"), mimic3=mimic).prepare().cases) == len(ANNOTATED) - 1


@pytest.mark.parametrize("options", [{"coding": "icd11"}, {"setting": "x"}, {"categories": "Nursing"}, {"systems": ("CPT",)}])
def test_unknown_options_are_refused(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(DataError, match=f"The option {next(iter(options))} of mdace"):
        Mdace(tmp_path, **options)  # type: ignore[arg-type]
