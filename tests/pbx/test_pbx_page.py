"""The page and the picture of a reading."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from classifiers import classifier as text_model
from classifiers import text
from clinical import ROW, chest, heartbeat, image_model, row_model, signal_model
from PIL import Image

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.pbx import PbxReading, PbxSettings, read, write_page, write_picture
from pellucid.pbx.page import html
from pellucid.pbx.picturing import over_image, per_step, smoothed

QUICK = PbxSettings(samples=20, certificates=("first_order",))


class Reader(HTMLParser):
    """Collects text, addresses, and tags that are open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.fixture(scope="module")
def readings() -> dict[str, PbxReading]:
    beats = heartbeat(rate=50.0)
    row = Case("r", "p", {"table": ROW}, frozenset())
    return {
        "image": read(image_model(), chest(), ["effusion", "nodule"], QUICK),
        "signal": read(signal_model(beats), beats, ["effusion"], QUICK),
        "table": read(row_model(), row, ["effusion", "nodule"], QUICK),
        "text": read(text_model(), text(12), None, QUICK),
    }


@pytest.mark.parametrize("kind", ["image", "signal", "table", "text"])
def test_a_page_is_whole_needs_nothing_else_and_opens_with_what_a_clinician_reads(readings, kind):
    page = html(readings[kind])
    reader = Reader(page)
    assert not reader.open
    assert "script" not in reader.tags
    assert all(address.startswith(("data:", "#")) for address in reader.addresses)
    first = reader.text.index("In one minute")
    parts = (
        "Prediction",
        "Shortcuts",
        "Belief",
        "Scope",
        "What happens to each finding",
        "Where a change moves the model",
        "Reproduce",
    )
    places = [reader.text.index(part, first) for part in parts]
    assert places == sorted(places)
    assert "no cause of disease" in reader.text


@pytest.mark.parametrize("kind", ["image", "signal", "table"])
def test_the_same_reading_gives_the_same_page(readings, kind):
    assert html(readings[kind]) == html(readings[kind])


def test_names_from_outside_are_no_markup(readings):
    reading = readings["table"]
    spoilt = replace(reading, notes=('<script>alert("x")</script>',), maps=replace(reading.maps, case="<b>&"))
    page = html(spoilt)
    assert "<script>" not in page
    assert "&lt;b&gt;&amp;" in page


def test_the_words_of_a_text_stand_in_the_page_as_they_were_written(readings):
    assert readings["text"].maps.units.text in Reader(html(readings["text"])).text


def test_every_absent_part_is_on_the_page_with_its_reason(readings):
    said = Reader(html(readings["table"])).text
    assert all(why in said for why in readings["table"].absent.values())


def test_colour_lies_where_the_map_is_strong_and_nowhere_without_one(readings):
    reading = readings["image"]
    bare, zero = over_image(reading, None), over_image(reading, np.zeros(24 * 30))
    np.testing.assert_array_equal(bare, zero)
    scores = np.zeros((24, 30))
    scores[2:4, 20:24] = 1.0
    drawn, times = over_image(reading, scores.ravel()), bare.shape[0] // 24
    changed = np.abs(drawn.astype(int) - bare).sum(-1) > 60
    assert changed[2 * times : 4 * times, 20 * times : 24 * times].any()
    assert not changed[12 * times :].any()


def test_smoothing_is_for_the_eye_and_keeps_what_is_even(readings):
    even = smoothed(readings["signal"], np.ones(len(readings["signal"].maps.units)))
    np.testing.assert_allclose(even, 1)


def test_bars_of_a_row_are_what_one_standard_deviation_of_the_training_cases_does(readings):
    reading = readings["table"]
    effects, unit = per_step(reading, reading.maps.row("nodule"))
    np.testing.assert_allclose(effects, reading.maps.row("nodule") * np.array(row_model().std))
    assert unit == "standard deviation of the training cases"


@pytest.mark.parametrize("kind", ["image", "signal", "table"])
def test_a_picture_is_written_whole(readings, kind, tmp_path):
    path = write_picture(readings[kind], tmp_path / "picture.png")
    with Image.open(path) as picture:
        picture.load()
        assert min(picture.size) > 300
    assert write_page(readings[kind], tmp_path / "page.html").read_text() == html(readings[kind])


def test_a_text_has_no_picture(readings, tmp_path):
    with pytest.raises(PellucidError, match="A text has no picture"):
        write_picture(readings["text"], tmp_path / "picture.png")
