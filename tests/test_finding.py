"""Findings are one number each, and travel as Parquet."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pellucid.errors import DataError
from pellucid.finding import SCHEMA, Finding, concatenate, read, to_table, write

ONE = Finding("c", "p", "I10", "true positive", "attingrad", "average_precision", "", 0.5, 0)
REFUSED = Finding("c", "p", "J18", "false positive", "attingrad", "average_precision", "", math.nan, 0, "no evidence")


def test_they_come_back_from_disk_with_their_reasons(tmp_path):
    write(tmp_path / "f.parquet", to_table([ONE, REFUSED]))
    rows = read(tmp_path / "f.parquet").to_pylist()
    assert Finding(**rows[0]) == ONE
    assert math.isnan(rows[1]["value"])
    assert rows[1]["note"] == "no evidence"


def test_tables_of_other_cases_are_joined():
    joined = concatenate([to_table([ONE]), to_table([REFUSED])])
    assert joined.schema.equals(SCHEMA)
    assert joined["target"].to_pylist() == ["I10", "J18"]


def test_what_is_no_table_of_findings_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "gone.parquet")
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(DataError, match="is not a Parquet file"):
        read(tmp_path / "text.parquet")
    pq.write_table(pa.table({"case": ["c"]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="lacks the column 'explainer'"):
        read(tmp_path / "other.parquet")
