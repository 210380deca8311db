"""Files are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import subprocess
import sys
import textwrap

import pytest

from pellucid.errors import DataError, StorageError
from pellucid.files import (
    digest,
    digest_folder,
    digest_json,
    finite,
    make_folder,
    read_json,
    replacing,
    replacing_directory,
    write_json,
    write_text,
)


class Interrupted(Exception):
    """Something goes wrong while a file is written."""


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with contextlib.suppress(Interrupted), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise Interrupted
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    with replacing_directory(tmp_path / "m") as folder:
        (folder / "w").write_text("old")
    with contextlib.suppress(Interrupted), replacing_directory(tmp_path / "m") as folder:
        (folder / "w").write_text("half")
        raise Interrupted
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m" / "w").read_text() == "old"


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    for name in ("old", "new"):
        with replacing_directory(tmp_path / "m") as folder:
            (folder / name).write_text(name)
    assert [p.name for p in (tmp_path / "m").iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_killed_in_the_middle_of_a_write_the_old_file_is_whole(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    script = f"""
    import os, signal
    from pathlib import Path
    from pellucid.files import replacing
    with replacing(Path({str(tmp_path / "a.txt")!r})) as temporary:
        temporary.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -9
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_full_disk_is_said_in_one_sentence_that_names_the_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"a\.json: No space left on device; free space"):
        write_json(tmp_path / "a.json", {})
    assert list(tmp_path.iterdir()) == []


def test_the_words_are_the_systems_whatever_a_library_says(tmp_path):
    with pytest.raises(StorageError, match=r"a\.arrow: No space left on device; free space"), replacing(tmp_path / "a.arrow"):
        raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space left on device")


def test_a_file_in_the_place_of_a_folder_is_said_to_be_one(tmp_path):
    write_text(tmp_path / "report", "a page")
    for place in (tmp_path / "report" / "a.json", tmp_path / "report" / "below" / "a.json"):
        with pytest.raises(StorageError, match="should be a folder is a file"):
            write_json(place, {})
        with pytest.raises(StorageError, match="should be a folder is a file"):
            make_folder(place)


def test_files_are_readable_by_those_whom_the_umask_allows(tmp_path):
    mask = os.umask(0o022)
    try:
        write_text(tmp_path / "a.txt", "x")
        with replacing_directory(tmp_path / "m") as folder:
            (folder / "w").touch(mode=0o600)
    finally:
        os.umask(mask)
    assert [oct(p.stat().st_mode & 0o777) for p in (tmp_path / "a.txt", tmp_path / "m", tmp_path / "m" / "w")] == [
        "0o644",
        "0o755",
        "0o644",
    ]


def test_what_is_no_finite_number_becomes_null_however_deep(tmp_path):
    given = {"a": (1.0, math.nan, [math.inf, {"b": -math.inf}]), "n": 3, "flag": True, "text": "nan"}
    made = finite(given)
    assert made == {"a": [1.0, None, [None, {"b": None}]], "n": 3, "flag": True, "text": "nan"}
    write_json(tmp_path / "made.json", made)
    assert read_json(tmp_path / "made.json") == made


def test_json_that_is_missing_or_broken_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.json does not exist"):
        read_json(tmp_path / "gone.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(DataError, match=r"bad\.json is not a JSON file"):
        read_json(tmp_path / "bad.json")
    for place in (tmp_path, tmp_path / "bad.json" / "below.json"):
        with pytest.raises(DataError, match=f"{place.name} cannot be read .*; check the path"):
            read_json(place)


def test_line_ends_survive(tmp_path):
    write_text(tmp_path / "a.txt", "a\r\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == b"a\r\nb\n"


def test_digests_tell_where_one_part_ends():
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a") == digest(b"a")
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})


def test_a_folder_is_told_from_another_by_names_and_contents_alone(tmp_path):
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name / "in").mkdir(parents=True)
        (tmp_path / name / "in" / "file").write_text(text)
    digests = [digest_folder(tmp_path / name) for name in "abc"]
    assert digests[0] == digests[1] != digests[2]
    (tmp_path / "b" / "in" / "file").rename(tmp_path / "b" / "in" / "other")
    assert digest_folder(tmp_path / "b") != digests[0]
