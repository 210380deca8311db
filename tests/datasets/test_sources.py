from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pellucid.datasets.sources import decode, sources
from pellucid.errors import DataError


def test_folders_and_archives_read_alike(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_bytes("a\r\nñ".encode())
    with zipfile.ZipFile(tmp_path / "sub" / "texts.zip", "w") as archive:
        archive.writestr("in/b.txt", "b\r\n")
    with sources(tmp_path) as files:
        assert {file.parts: (file.name, file.text()) for file in files} == {
            ("sub", "a.txt"): ("sub/a.txt", "a\r\nñ"),
            ("sub", "in", "b.txt"): ("sub/texts.zip!in/b.txt", "b\r\n"),
        }


def test_one_archive_is_a_root(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("train/a.txt", "a")
    with sources(tmp_path / "all.zip") as files:
        assert [(file.parts, file.stem) for file in files] == [(("train", "a.txt"), "a")]


def test_an_unpacked_file_goes_before_the_same_file_in_the_archive(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("corrected")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.txt", "released")
    with sources(tmp_path) as files:
        assert [file.text() for file in files] == ["corrected"]


def test_hidden_files_of_a_file_manager_are_no_data(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("__MACOSX/train/text_files/._a.txt", b"\0")
        archive.writestr("train/text_files/a.txt", "a")
    with sources(tmp_path) as files:
        assert [file.name for file in files] == ["all.zip!train/text_files/a.txt"]


def test_bytes_that_are_not_utf8_are_named() -> None:
    with pytest.raises(DataError, match=r"a.txt is not UTF-8: byte 3 is 0xe9"):
        decode(b"caf\xe9 noir", "a.txt")


def test_a_binary_file_is_no_text_even_where_its_bytes_are_utf8() -> None:
    with pytest.raises(DataError, match=r"a.txt is not text: byte 1 is zero; .* UTF-16"):
        decode("fever".encode("utf-16-le"), "a.txt")


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"all.zip is not a zip archive"), sources(tmp_path):
        pass


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.txt", "clinical case " * 10)
    data = bytearray((tmp_path / "all.zip").read_bytes())
    data[60] ^= 255
    (tmp_path / "all.zip").write_bytes(bytes(data))
    with sources(tmp_path) as files, pytest.raises(DataError, match=r"all.zip!a.txt cannot be read"):
        files[0].text()


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere does not exist"), sources(tmp_path / "nowhere"):
        pass
