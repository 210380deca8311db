"""Tables and folders of published images."""

from __future__ import annotations

from pathlib import Path

import pytest
from published_images import pixels, save

from pellucid.datasets.image_files import Folder, lines, table
from pellucid.errors import DataError


def rows(path: Path, content: bytes) -> list[tuple[str, dict[str, str]]]:
    (path / "t.csv").write_bytes(content)
    return [(where, dict(row)) for where, row in table(path / "t.csv", ["a"])]


def test_rows_are_named_as_a_spreadsheet_numbers_them(tmp_path: Path) -> None:
    expected = [("t.csv row 2", {"a": "1", "b": "x, y"}), ("t.csv row 4", {"a": "", "b": "2"})]
    assert rows(tmp_path, b'\xef\xbb\xbfa , b\r\n1,"x, y"\r\n\r\n ,2\r\n') == expected
    assert rows(tmp_path, b"a,b\n") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.csv has no column 'a'; it has none"),
        (b"b,c\n1,2\n", "t.csv has no column 'a'; it has b, c"),
        (b"a,b\n1\n", "t.csv row 2 has 1 columns instead of 2"),
        (b'a,b\n"1,2\n3,4\n', "t.csv row 3 has 1 columns instead of 2"),
        (b"a,b\n\xff,2\n", "t.csv is not UTF-8: byte 4"),
        (b"a,b\n1,\0\n", "t.csv is not text: byte 6 is zero"),
        (b"a,b\n" + b"1" * 200_000 + b",2\n", "t.csv row 2 cannot be read"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows(tmp_path, content)


def test_lists_may_end_lines_in_any_way(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_bytes(b"a.png\r\nb.png\n\n")
    assert lines(tmp_path / "l.txt") == {"a.png", "b.png"}


def test_images_are_found_in_all_folders_and_hidden_files_and_masks_are_none(tmp_path: Path) -> None:
    for name in ("2/x.png", "1/x.png", "1/y.JPG", "1/._z.png", "m/x_segmentation.png"):
        save(tmp_path / name, pixels())
    folder = Folder(tmp_path, "something")
    assert folder.images(".png", ".jpg") == {"x": tmp_path / "1/x.png", "y": tmp_path / "1/y.JPG"}
    assert folder.masks() == {"x": tmp_path / "m/x_segmentation.png"}
    with pytest.raises(DataError, match=r"has no images \(\*.dcm\); give the unpacked folder of something"):
        folder.images(".dcm")
