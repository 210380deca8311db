"""An explanation of an image is a coloured picture: in a notebook, in a file, and slice by slice of a volume."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from images import case, classifier

from pellucid.api import ImageExplanation, Model
from pellucid.attribution import Attribution
from pellucid.errors import DataError
from pellucid.imaging import read
from pellucid.overlay import overlay
from pellucid.picture import Picture
from pellucid.target import Target
from pellucid.units import PixelUnits

RANDOM = np.random.default_rng(0)


def explained(scores: dict[str, np.ndarray], **facts: object) -> ImageExplanation:
    """Maps of several labels over one grey image."""
    size = next(iter(scores.values())).shape
    rows = np.array([values.ravel() for values in scores.values()])
    targets = tuple(map(Target.label, scores))
    attribution = Attribution(rows, PixelUnits.of(size), targets, "saliency", True, {}, "model", "case")
    shades = Picture(RANDOM.random((*size, 1)).astype(np.float32))
    return ImageExplanation(attribution, {label: 0.9 - 0.1 * i for i, label in enumerate(scores)}, shades, **facts)  # type: ignore[arg-type]


def test_a_notebook_shows_a_picture_for_each_label_and_what_must_be_known() -> None:
    image = pytest.importorskip("PIL.Image")
    shown = explained({"<b>": RANDOM.normal(size=(8, 6)), "nodule": RANDOM.normal(size=(8, 6))}, notes=("Resampled & so on.",))
    html = shown._repr_html_()
    pictures = [image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall('base64,([^"]+)"', html)]
    assert [picture.size for picture in pictures] == [(228, 304), (228, 304)]
    near = np.asarray(pictures[1]).astype(int) - shown.overlay("nodule")
    assert np.abs(near).mean() < 3  # JPEG
    assert "&lt;b&gt; 0.90" in html
    assert "<b>" not in html
    assert "Resampled &amp; so on." in html


def test_the_file_holds_the_overlay_of_the_most_probable_label_or_of_the_one_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    shown = explained({"effusion": RANDOM.normal(size=(5, 7)), "nodule": RANDOM.normal(size=(5, 7))})
    np.testing.assert_array_equal(read(shown.to_png(tmp_path / "a.png")).pixels, shown.overlay("effusion"))
    np.testing.assert_array_equal(read(shown.to_png(str(tmp_path / "b.png"), "nodule")).pixels, shown.overlay("nodule"))
    np.testing.assert_array_equal(shown.overlay("nodule"), overlay(shown.picture.unit(), shown.map("nodule")))
    with pytest.raises(DataError, match="'opacity' was not explained"):
        shown.to_png(tmp_path / "c.png", "opacity")
    assert not (tmp_path / "c.png").exists()


def test_of_a_volume_the_strongest_slice_is_shown_or_the_one_asked_for() -> None:
    scores = RANDOM.normal(size=(4, 5, 7))
    scores[2, 1, 1] = -9
    shown = explained({"nodule": scores})
    np.testing.assert_array_equal(shown.overlay(), shown.overlay(at=2))
    np.testing.assert_array_equal(shown.overlay(at=0), overlay(shown.picture.unit()[0], scores[0]))


@pytest.mark.parametrize("at", [-1, 4])
def test_a_slice_that_is_not_there_is_refused(at: int) -> None:
    with pytest.raises(DataError, match=f"The image has no slice {at}; it holds 4, counted from 0"):
        explained({"nodule": np.ones((4, 5, 7))}).overlay(at=at)
    with pytest.raises(DataError, match=f"The image has no slice {at}; it is flat"):
        explained({"nodule": np.ones((5, 7))}).overlay(at=at)


def test_the_share_inside_counts_what_speaks_for_the_label_alone() -> None:
    shown = explained({"nodule": np.array([[3.0, 1.0], [-5.0, 0.0]]), "opacity": -np.ones((2, 2))})
    left = np.array([[True, False], [True, False]])
    assert shown.share_inside("nodule", left) == 0.75
    assert shown.share_inside("nodule", ~left) == 0.25
    assert shown.share_inside("opacity", left) == 0
    with pytest.raises(DataError, match=r"The mask has the shape \(2,\) and the image \(2, 2\)"):
        shown.share_inside("nodule", left[0])


@pytest.mark.parametrize(("size", "channels"), [((16, 20), 1), ((16, 20), 3), ((4, 6, 8), 1)])
def test_what_is_shown_is_the_image_in_the_size_that_the_model_read(size: tuple[int, ...], channels: int) -> None:
    model = Model(classifier(size, channels))
    same = model.explain(case("a", size, channels).picture, "nodule", method="grad_cam")
    assert (same.picture.size, same.map("nodule").shape, same.notes) == (size, size, ())
    other = model.explain(case("a", tuple(2 * n for n in size), channels).picture, "nodule", method="grad_cam")
    assert other.picture.size == size
    assert "was resampled to the" in other.notes[0]
