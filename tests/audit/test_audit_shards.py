from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pellucid.audit import shard
from pellucid.errors import DataError
from pellucid.finding import Finding


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = shard.path_of(tmp_path, 3, "a/b: ç")
    finding = Finding("a/b: ç", "p", "I10", "true positive", "m", "auroc", "", math.nan, 0, "why")
    shard.write(path, "key", {"case": "a/b: ç", "n": 2}, {"scores/m": np.arange(6.0).reshape(2, 3)}, [finding])
    return path


def test_shard_returns_what_was_put_in(written: Path) -> None:
    whole = shard.read(written)
    assert whole.facts == {"case": "a/b: ç", "n": 2}
    np.testing.assert_array_equal(whole.array("scores/m"), [[0, 1, 2], [3, 4, 5]])
    row = whole.findings().to_pylist()[0]
    assert (row["note"], math.isnan(row["value"])) == ("why", True)


def test_shard_belongs_to_one_audit(written: Path) -> None:
    assert shard.is_whole(written, "key")
    assert not shard.is_whole(written, "another")
    assert not shard.is_whole(written.with_name("none.npz"), "key")


@pytest.mark.parametrize("where", range(0, 900, 90))
def test_any_damage_is_noticed_or_changes_nothing_that_is_read(written: Path, where: int) -> None:
    before = shard.read(written)
    held = (before.facts, before.array("scores/m").tolist(), before.findings())
    data = bytearray(written.read_bytes())
    data[where % len(data)] ^= 0xFF
    written.write_bytes(data)
    if shard.is_whole(written, "key"):
        after = shard.read(written)
        assert (after.facts, after.array("scores/m").tolist()) == held[:2]
        assert after.findings().equals(held[2])


def test_cut_shard_is_not_whole(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:-20])
    assert not shard.is_whole(written, "key")
    with pytest.raises(DataError, match="damaged"):
        shard.read(written)


def test_shards_sort_in_the_order_of_the_cases(tmp_path: Path) -> None:
    paths = [shard.path_of(tmp_path, i, f"case {i}") for i in range(120)]
    assert sorted(paths) == paths
