from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pellucid.case import Case
from pellucid.datasets.images import lazy_image
from pellucid.errors import DataError
from pellucid.imaging import save_png
from pellucid.picture import Picture

pytest.importorskip("PIL.Image", reason="images need pillow (the extra `image`)")
GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_an_image_is_read_when_asked_for_and_never_kept(tmp_path: Path) -> None:
    save_png(tmp_path / "x.png", GREY)
    case = Case("c", "p", {"image": lazy_image(tmp_path / "x.png")}, frozenset())
    picture = case.input("image")
    assert isinstance(picture, Picture)
    np.testing.assert_array_equal(picture.pixels[..., 0], GREY)
    (tmp_path / "x.png").unlink()
    with pytest.raises(DataError, match=r"x.png does not exist"):
        case.input("image")


def test_choices_are_kept_for_the_reading(tmp_path: Path) -> None:
    save_png(tmp_path / "x.png", GREY)
    with pytest.raises(DataError, match=r"has no frame 3"):
        lazy_image(tmp_path / "x.png", frame=3).read()
    with pytest.raises(DataError, match=r"more than the limit of 11"):
        lazy_image(tmp_path / "x.png", most_pixels=11).read()
    with pytest.raises(DataError, match=r"read it without a window"):
        lazy_image(tmp_path / "x.png", window=(1, 2)).read()
