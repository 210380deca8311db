"""`pellucid data prepare` and `describe` on rows of tables and signals."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from typer.testing import CliRunner, Result

from pellucid.case import Case, Mask
from pellucid.cli.app import app
from pellucid.cli.contents import contents, signal_range
from pellucid.datasets import Prepared, write
from pellucid.measurements import Measurements
from pellucid.picture import Picture
from pellucid.signals import STANDARD_LEADS, Signal

ROW = Measurements(np.array([100.0, 5.0]), ("glucose", "sex"), ("mg/dl", ""), np.array([2.9, np.nan]))


def run(*words: object) -> Result:
    done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.stderr
    return done


def ecg(count: int = 1000, leads: int = 12, rate: float = 100.0) -> Signal:
    return Signal(np.zeros((count, leads), dtype=np.float32), rate, STANDARD_LEADS[:leads])


def described(folder: Path, *cases: Case) -> str:
    write(folder / "set", Prepared("made_up", cases), fractions=(1, 0, 0))
    return run("data", "describe", folder / "set").stdout


def test_a_shipped_table_is_prepared_and_described_without_words_or_pixels(tmp_path: Path) -> None:
    done = run("data", "prepare", "diabetes", "--out", tmp_path / "set", "--set", "threshold=200")
    shown = run("data", "describe", tmp_path / "set").stdout
    assert shown == done.stdout
    assert re.search(r"rows +442 of 10 measurements", shown)
    assert re.search(r"fast progression +1\d\d +0 +-", shown)
    assert re.search(r"glucose +mg/dl +91 +58 +124 +2.64", shown)
    assert re.search(r"blood pressure +mmHg +93 +62 +133 +not known", shown)
    assert re.search(r"age +years +50 +19 +79 +0\b", shown)
    for absent in ("words a note", "pixels across", "samples a lead", "images"):
        assert absent not in shown


def test_signals_are_described_by_samples_leads_rate_and_marks(tmp_path: Path) -> None:
    mask = np.zeros((1000, 12), dtype=bool)
    mask[:250] = True
    cases = [Case(str(i), str(i), {"signal": ecg()}, frozenset({"MI"}), (Mask(mask, "MI"),)) for i in range(4)]
    shown = described(tmp_path, *cases)
    assert re.search(r"signals +4 of 1,000 samples x 12 leads at 100 Hz", shown)
    assert re.search(r"cases +samples a lead +labels a case +marks a case", shown)
    assert re.search(r"MI +4 +4 +25.0 % \(25.0 %\)", shown)
    assert "Share of the signal inside the marks" in shown


def test_marks_of_rows_are_shares_of_their_features(tmp_path: Path) -> None:
    case = Case("a", "p", {"table": ROW}, frozenset({"high"}), (Mask(np.array([True, False]), "high"),))
    assert re.search(r"high +1 +1 +50.0 % \(50.0 %\)", described(tmp_path, case))


def test_marks_of_a_row_beside_an_image_do_not_count_as_parts_of_the_image(tmp_path: Path) -> None:
    picture = Picture(np.zeros((4, 4, 1), dtype=np.uint8))
    marks = (Mask(np.eye(4, dtype=bool), "A"), Mask(np.array([True, True]), "A"))
    case = Case("a", "p", {"image": picture, "table": ROW}, frozenset({"A"}), marks)
    assert contents(case).areas == {"A": 0.25}
    assert re.search(r"A +1 +1 +25.0 % \(25.0 %\)", described(tmp_path, case))


def test_images_rows_and_signals_together_are_counted_as_cases(tmp_path: Path) -> None:
    picture = Picture(np.zeros((4, 4, 1), dtype=np.uint8))
    inputs = ({"image": picture}, {"table": ROW}, {"signal": ecg()}, {"text": "two words"})
    shown = described(tmp_path, *(Case(str(i), str(i), one, frozenset({"A"})) for i, one in enumerate(inputs)))
    assert "Share of the image or row or signal inside the marks" in " ".join(shown.split())
    assert re.search(r"words a note +pixels across +samples a lead", shown)
    assert re.search(r"A +3 +0 +-", shown)


def test_signals_of_several_kinds_are_described_by_their_range() -> None:
    found = [contents(Case("c", "p", {"signal": one}, frozenset())) for one in (ecg(), ecg(5000, 8, 500.0), ecg(10, 1, 0.5))]
    assert signal_range(found[:1]) == "1,000 samples x 12 leads at 100 Hz"
    assert signal_range(found) == "10 to 5,000 samples x 1 to 12 leads at 0.5 to 500 Hz"


def test_of_a_table_with_thousands_of_columns_the_first_are_shown(tmp_path: Path) -> None:
    row = Measurements(np.arange(2000.0), tuple(f"gene {i}" for i in range(2000)))
    shown = described(tmp_path, Case("a", "p", {"table": row}, frozenset()))
    assert "1,940 more are not shown" in shown
    assert "gene 59" in shown
    assert "gene 60" not in shown
