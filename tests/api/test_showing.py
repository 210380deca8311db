"""How an explanation looks in a notebook and on a terminal."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pellucid.api import Explanation
from pellucid.attribution import Attribution
from pellucid.target import Target
from pellucid.units import words

NOTE = 'Denies <script>alert("pain")</script> & fever; known hypertension.'


def explanation(text: str = NOTE, *, signed: bool = False, notes: tuple[str, ...] = (), **scores: float) -> Explanation:
    """An explanation of I10 and E11.9 in which the words named have these scores."""
    units = words(text)
    row = np.array([scores.get(w, 0.0) for w in units.strings])
    targets = (Target.label("I10"), Target.label("E11.9"))
    given = Attribution(np.stack([row, row * 0]), units, targets, "test_method", signed, {}, "f" * 64, "text")
    return Explanation(given, {"I10": 0.93, "E11.9": 0.61}, notes)


class Reader(HTMLParser):
    """Collects tags, the text, and the text inside marks."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text, self.marked = "", ""
        self.links: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        self.links += [v or "" for name, v in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if "mark" in self.open:
            self.marked += data


def printed(e: Explanation, **options: object) -> str:
    file = io.StringIO()
    Console(file=file, width=100, **options).print(e)  # type: ignore[arg-type]
    return file.getvalue()


def test_html_is_balanced_escaped_and_needs_nothing_from_outside() -> None:
    reader = Reader(explanation(hypertension=1.0)._repr_html_())
    assert not reader.open
    assert "script" not in reader.tags
    assert not reader.links
    assert reader.text.count(NOTE) == 2  # once a label
    assert reader.marked == "hypertension"


def test_a_label_or_note_with_markup_is_escaped() -> None:
    units = words("pain")
    given = Attribution(np.ones((1, 1)), units, (Target.label("<b>"),), "m", False, {}, "f", "text")
    page = Explanation(given, {"<b>": 0.5}, ("a <i> note",))._repr_html_()
    assert "&lt;b&gt;" in page
    assert "a &lt;i&gt; note" in page


def test_every_label_has_a_section_and_only_the_first_is_open() -> None:
    page = explanation(hypertension=1.0)._repr_html_()
    assert page.count("<details") == 2
    assert page.count("<details open") == 1
    assert page.index("I10") < page.index("E11.9")


def test_evidence_for_and_against_differ_by_more_than_hue() -> None:
    page = explanation(signed=True, hypertension=1.0, fever=-1.0)._repr_html_()
    assert 'class="s for3"' in page
    assert 'class="s against3"' in page
    assert "solid" in page
    assert "dashed" in page


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    path = explanation(hypertension=1.0).to_html(tmp_path / "new" / "note.html")
    reader = Reader(path.read_text(encoding="utf-8"))
    assert reader.tags[:2] == ["html", "head"]
    assert not reader.open


def test_a_terminal_without_colour_gets_brackets() -> None:
    shown = printed(explanation(hypertension=1.0))
    assert "known [hypertension]." in shown
    assert "I10  probability 0.93" in shown
    assert "\x1b" not in shown


def test_a_terminal_with_colour_gets_no_brackets() -> None:
    shown = printed(explanation(hypertension=1.0), force_terminal=True, color_system="truecolor")
    assert "[hypertension]" not in shown
    assert "48;2;86;180;233m" in shown  # the strongest blue as background


def test_evidence_against_is_listed_apart() -> None:
    shown = printed(explanation(signed=True, hypertension=1.0, fever=-1.0))
    assert "Evidence against: fever 100%" in shown
    assert "(fever)" in shown


def test_a_long_text_is_cut_to_the_lines_around_its_evidence() -> None:
    text = "word " * 1000 + "known hypertension here. " + "more " * 1000
    shown = printed(explanation(text, hypertension=1.0))
    assert "known [hypertension] here." in " ".join(shown.split())
    assert len(shown) < 1500


def test_notes_come_first() -> None:
    shown = printed(explanation(notes=("The model predicts no label.",), hypertension=1.0))
    assert shown.startswith("Note: The model predicts no label.")


@pytest.mark.parametrize("run_of_letters", [400, 5000])
def test_a_text_without_blanks_still_shows_its_evidence(run_of_letters: int) -> None:
    text = "x" * run_of_letters + "." * 3 + "hypertension" + "!" * 3 + "y" * run_of_letters
    assert "[hypertension]" in printed(explanation(text, hypertension=1.0)).replace("\n", "").replace(" ", "")
