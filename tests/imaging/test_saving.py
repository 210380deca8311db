from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import DataError, StorageError
from pellucid.imaging import read, save_png

pytest.importorskip("PIL.Image", reason="images need pillow (the extra `image`)")


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 1), (3, 4, 3)])
def test_what_was_saved_is_read_again(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    save_png(tmp_path / "new" / "x.png", pixels)
    np.testing.assert_array_equal(read(tmp_path / "new" / "x.png").pixels, pixels.reshape(3, 4, -1))
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["x.png"]


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 2)), np.zeros((2, 2, 2), dtype=np.uint8), np.zeros((0, 2), dtype=np.uint8), np.zeros(2, dtype=np.uint8)],
    ids=["floats", "two channels", "empty", "a line"],
)
def test_what_is_no_picture_is_refused_and_leaves_no_file(tmp_path: Path, pixels: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"x.png would hold values of type .*; give 8-bit integers, height x width"):
        save_png(tmp_path / "x.png", pixels)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Cannot write"):
        save_png(tmp_path / "file" / "x.png", np.zeros((2, 2), dtype=np.uint8))
