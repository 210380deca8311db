"""PTB-XL, on small files of the published layout."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import wfdb
from published_images import save_table

from pellucid.datasets import PtbXl, open_dataset, write
from pellucid.datasets.recordings import read_record
from pellucid.errors import CapabilityError, DataError
from pellucid.signals import STANDARD_LEADS

LEADS = ["I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6"]
HEAD = "ecg_id,patient_id,age,sex,height,device,scp_codes,strat_fold,filename_lr,filename_hr,validated_by_human"
STATEMENTS_HEAD = ",description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass"
STATEMENTS = [
    ("NORM", "normal ECG", "1.0", "", "", "NORM", "NORM"),
    ("IMI", "inferior myocardial infarction", "1.0", "", "", "MI", "IMI"),
    ("ASMI", "anteroseptal myocardial infarction", "1.0", "", "", "MI", "AMI"),
    ("LVH", "left ventricular hypertrophy", "1.0", "", "", "HYP", "LVH"),
    ("ABQRS", "abnormal QRS", "", "1.0", "", "", ""),
    ("SR", "sinus rhythm, as read", "", "", "1.0", "", ""),
]
CODES = {
    1: "{'NORM': 100.0, 'SR': 0.0}",
    2: "{'IMI': 35.0, 'LVH': 100.0, 'ABQRS': 0.0}",
    3: "{'IMI': 0.0, 'ASMI': 15.0}",
    4: "{'SR': 0.0}",
    12: "{'NORM': 80.0}",
}
FOLDS = {1: 1, 2: 8, 3: 9, 4: 3, 12: 10}


def samples(number: int, rate: int) -> np.ndarray:
    return np.random.default_rng(number).normal(0, 0.4, (10 * rate, 12))


def record(root: Path, number: int, rate: int = 100, **changes: object) -> Path:
    """The two files of a recording; those without `changes` are as published."""
    folder = root / f"records{rate}" / "00000"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{number:05}_{'lr' if rate == 100 else 'hr'}"
    made = {"fs": rate, "units": ["mV"] * 12, "sig_name": LEADS, "p_signal": samples(number, rate), "fmt": ["16"] * 12}
    wfdb.wrsamp(name, write_dir=str(folder), **{**made, **changes})
    return folder / name


def row(number: int, **changes: object) -> list[object]:
    path = f"00000/{number:05}"
    cells = {
        "ecg_id": number,
        "patient_id": f"{1000 + (number + 1) // 2}.0",
        "age": "56.0",
        "sex": number % 2,
        "height": "",
        "device": "CS-12   E",
        "scp_codes": CODES[number],
        "strat_fold": FOLDS[number],
        "filename_lr": f"records100/{path}_lr",
        "filename_hr": f"records500/{path}_hr",
        "validated_by_human": "True",
    }
    return list({**cells, **changes}.values())


def tables(root: Path, rows: list[list[object]] | None = None) -> Path:
    save_table(root / "ptbxl_database.csv", HEAD, rows or [row(number) for number in CODES])
    save_table(root / "scp_statements.csv", STATEMENTS_HEAD, STATEMENTS)
    return root


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tables(tmp_path_factory.mktemp("published"))
    for number in CODES:
        record(root, number)
    return root


@pytest.fixture
def root(published: Path, tmp_path: Path) -> Path:
    """A copy of the folder, to be broken."""
    return Path(shutil.copytree(published, tmp_path / "ptb-xl"))


def test_recordings_are_those_that_wfdb_reads_in_the_usual_order_and_spelling_of_leads(root: Path, tmp_path: Path) -> None:
    reversed_leads = {"sig_name": LEADS[::-1], "p_signal": samples(2, 100)[:, ::-1]}
    record(root, 2, **reversed_leads)
    data = write(tmp_path / "set", PtbXl(root).prepare())
    for case in open_dataset(data.path):
        found = wfdb.rdrecord(str(root / "records100" / "00000" / f"{case.id}_lr"))
        assert case.signal.leads == STANDARD_LEADS
        assert (case.signal.rate, case.signal.unit, case.signal.duration) == (100.0, "mV", 10.0)
        for lead in STANDARD_LEADS:
            expected = found.p_signal[:, found.sig_name.index(lead.upper())]
            np.testing.assert_array_equal(case.signal.lead(lead), expected.astype(np.float32))
        np.testing.assert_allclose(case.signal.samples, samples(int(case.id), 100), atol=1e-3)


def test_labels_are_the_superclasses_of_all_diagnostic_statements_and_folds_are_kept(root: Path, tmp_path: Path) -> None:
    prepared = PtbXl(root).prepare()
    data = write(tmp_path / "set", prepared)
    labels = {case.id: set(case.labels) for case in data}
    assert labels == {"00001": {"NORM"}, "00002": {"MI", "HYP"}, "00003": {"MI"}, "00012": {"NORM"}}
    assert [[case.id for case in data.split(name)] for name in ("train", "validation", "test")] == [
        ["00001", "00002"],
        ["00003"],
        ["00012"],
    ]
    assert data.about["excluded"] == [["00004", "no statement that is one of the labels"]]
    first = data["00001"]
    assert first.patient == "1001"
    assert first.meta == {"age": "56.0", "sex": "female", "device": "CS-12   E", "validated_by_human": "True"}
    assert not data.about.get("exclusive", False)


def test_statements_may_be_labels_themselves_and_only_diagnoses_have_a_likelihood(root: Path) -> None:
    made = {case.id: set(case.labels) for case in PtbXl(root, labels="scp").prepare().cases}
    assert made["00002"] == {"IMI", "LVH", "ABQRS"}
    assert made["00004"] == {"SR"}
    sure = {case.id: set(case.labels) for case in PtbXl(root, labels="scp", likelihood=50).prepare().cases}
    assert sure == {"00001": {"NORM", "SR"}, "00002": {"LVH", "ABQRS"}, "00004": {"SR"}, "00012": {"NORM"}}
    superclasses = {case.id: set(case.labels) for case in PtbXl(root, likelihood=15).prepare().cases}
    assert superclasses["00003"] == {"MI"}
    assert "00003" not in {case.id for case in PtbXl(root, likelihood=15.5).prepare().cases}


def test_the_recordings_of_500_samples_a_second_are_read_where_asked_for(root: Path, tmp_path: Path) -> None:
    record(root, 1, 500)
    data = write(tmp_path / "set", PtbXl(root, rate=500).prepare(), fractions=(1, 0, 0))
    assert [case.id for case in data] == ["00001"]
    assert data["00001"].signal.samples.shape == (5000, 12)
    assert data.about["exclusions"]["the record is missing"] == 3


def test_nothing_of_a_recording_is_read_before_it_is_asked_for(root: Path) -> None:
    cases = PtbXl(root).prepare().cases
    for file in (root / "records100").rglob("*.dat"):
        file.write_bytes(b"")
    with pytest.raises(DataError, match="00001_lr is not a WFDB record that can be read"):
        _ = cases[0].signal


def broken(root: Path, number: int, how: str) -> None:
    path = root / "records100" / "00000" / f"{number:05}_lr"
    header, values = path.with_suffix(".hea"), samples(number, 100)
    if how == "missing":
        path.with_suffix(".dat").unlink()
    elif how == "no header":
        header.write_bytes(b"\xff\xfe no header")
    elif how == "cut":
        path.with_suffix(".dat").write_bytes(path.with_suffix(".dat").read_bytes()[:777])
    elif how == "gap":
        values[17, 3] = np.nan
        record(root, number, p_signal=values)
    elif how == "huge":
        header.write_text(header.read_text().replace(" 1000\n", " 999999999999\n", 1))
    else:
        changes: dict[str, dict[str, object]] = {
            "rate": {"fs": 250},
            "short": {"p_signal": values[:900]},
            "uV": {"units": ["uV"] * 12},
            "leads": {"sig_name": [*LEADS[:-1], "V7"]},
            "few": {"p_signal": values[:, :8], "sig_name": LEADS[:8], "units": ["mV"] * 8, "fmt": ["16"] * 8},
        }
        record(root, number, **changes[how])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "the record is missing"),
        ("no header", "the signal cannot be read"),
        ("cut", "the signal cannot be read"),
        ("gap", "samples of the record are missing"),
        ("huge", "the record has another length than published"),
        ("rate", "the record has another rate than the one asked for"),
        ("short", "the record has another length than published"),
        ("uV", "the record is in another unit than mV"),
        ("leads", "the record has other leads than the standard twelve"),
        ("few", "the record has other leads than the standard twelve"),
    ],
)
def test_a_recording_that_cannot_be_used_is_left_out_and_counted(root: Path, tmp_path: Path, how: str, reason: str) -> None:
    broken(root, 3, how)
    data = write(tmp_path / "set", PtbXl(root).prepare())
    assert [case.id for case in data] == ["00001", "00002", "00012"]
    assert ["00003", reason] in data.about["excluded"]
    data.verify()


def test_the_sentence_about_an_unusable_recording_names_its_file_and_the_remedy(root: Path) -> None:
    with pytest.raises(DataError, match=r"00001_lr cannot be used: the record has another rate .*; replace it or leave"):
        read_record(root / "records100" / "00000" / "00001_lr", rate=500, seconds=10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scp_codes": "{'XYZ': 100.0}"}, "row 2 has the statement 'XYZ', which is not in scp_statements.csv"),
        ({"scp_codes": "{'NORM': }"}, "row 2 has scp_codes that cannot be read"),
        ({"scp_codes": "{'NORM': nan}"}, "row 2 has scp_codes that cannot be read"),
        ({"scp_codes": "{'NORM': NaN}"}, "row 2 has scp_codes that cannot be read"),
        ({"scp_codes": "{'NORM': -1.0}"}, "row 2 has scp_codes that cannot be read"),
        ({"scp_codes": "{'NORM': 1" + "0" * 400 + "}"}, "row 2 has scp_codes that cannot be read"),
        ({"scp_codes": "['NORM']"}, "row 2 has scp_codes that cannot be read"),
        ({"scp_codes": "[" * 100_000}, "row 2 has scp_codes that cannot be read"),
        ({"scp_codes": "{'NORM': '__import__(1)'}"}, "row 2 has scp_codes that cannot be read"),
        ({"strat_fold": 11}, "row 2 has the fold 11; it must be one of 1 to 10"),
        ({"strat_fold": 2.5}, "row 2, column strat_fold, holds 2.5 instead of a whole number"),
        ({"patient_id": ""}, "row 2, column patient_id, holds '' instead of a number"),
        ({"ecg_id": "one"}, "row 2, column ecg_id, holds 'one' instead of a number"),
    ],
)
def test_a_row_that_is_not_what_it_should_be_is_refused(root: Path, changes: dict[str, object], message: str) -> None:
    tables(root, [row(1, **changes)])
    with pytest.raises(DataError, match=f"ptbxl_database.csv {message}"):
        PtbXl(root).prepare()


def test_a_diagnosis_of_no_known_class_is_refused(root: Path) -> None:
    save_table(root / "scp_statements.csv", STATEMENTS_HEAD, [*STATEMENTS, ("AX", "axis", "1.0", "", "", "AXIS", "")])
    with pytest.raises(DataError, match=r"scp_statements.csv row 8 has the diagnostic class 'AXIS'"):
        PtbXl(root).prepare()


def test_missing_files_and_impossible_options_are_refused_with_the_remedy(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        PtbXl(tmp_path / "nowhere").prepare()
    with pytest.raises(DataError, match="option labels of ptb_xl is 'rhythm'"):
        PtbXl(root, labels="rhythm")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="option rate of ptb_xl is '250'"):
        PtbXl(root, rate=250)  # type: ignore[arg-type]
    for likelihood in (-1.0, 101.0, float("nan")):
        with pytest.raises(DataError, match="option likelihood of ptb_xl"):
            PtbXl(root, likelihood=likelihood)
    (root / "scp_statements.csv").unlink()
    with pytest.raises(DataError, match=r"has no scp_statements.csv"):
        PtbXl(root).prepare()


def test_without_wfdb_the_extra_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(CapabilityError, match=r"pip install 'pellucid\[ecg\]'"):
        PtbXl(root).prepare()
