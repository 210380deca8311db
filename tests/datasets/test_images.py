from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pellucid.case import Case
from pellucid.datasets.images import lazy_image
from pellucid.errors import CapabilityError, DataError


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image_module = pytest.importorskip("PIL.Image", reason="images need pillow (the extra `image`)")
    gray = image_module.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    gray.save(tmp_path / "x.png")
    return tmp_path / "x.png"


def test_an_image_is_read_when_asked_for_and_never_kept(picture: Path) -> None:
    case = Case("c", "p", {"image": lazy_image(picture)}, frozenset())
    pixels = case.input("image")
    assert pixels.shape == (3, 4, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[..., 1], np.arange(12).reshape(3, 4))
    picture.unlink()
    with pytest.raises(DataError, match=r"x.png does not exist"):
        case.input("image")


def test_a_file_that_is_no_image_is_refused(picture: Path) -> None:
    picture.write_bytes(picture.read_bytes()[:40])
    with pytest.raises(DataError, match=r"x.png is not an image"):
        lazy_image(picture).read()


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(CapabilityError, match=r"pellucid\[image\]"):
        lazy_image(tmp_path / "x.png").read()
