"""An explanation on a terminal: short texts whole, long ones as the lines around the evidence."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from pellucid.api.explanation import Explanation
from pellucid.api.highlights import LEVELS, Highlight, Stretch, stretches

WHOLE = 1000
"""Characters up to which a text is shown whole."""

CONTEXT = 90
"""Characters shown on either side of a piece of evidence of a longer text."""

_STYLES = {
    3: "bold #000000 on #56b4e9",
    2: "#000000 on #a5d5f2",
    -3: "bold #000000 on #e69f00",
    -2: "#000000 on #f2cd80",
}


def shown(explanation: Explanation, *, plain: bool) -> Iterator[RenderableType]:
    """What a terminal prints, one block a label.

    Args:
        plain: the terminal has no colours; the strongest words then stand in brackets.
    """
    for note in explanation.notes:
        yield Text(f"Note: {note}", "yellow")
    for label, probability in explanation.probabilities.items():
        heading = Text.assemble((label, "bold"), f"  probability {probability:.2f}, {explanation.method}")
        yield Rule(heading, align="left", style="dim")
        yield _listed("for", explanation.spans(label))
        if explanation.attribution.signed:
            yield _listed("against", explanation.against(label))
        pieces = stretches(explanation.units, explanation.scores(label), explanation.attribution.signed)
        yield Padding(_body(explanation.text, pieces, plain), (1, 2))


def _listed(side: str, found: list[Highlight]) -> Text:
    items = [Text.assemble(" ".join(h.text.split()), (f" {h.score:.0%}", "dim")) for h in found]
    return Text.assemble((f"Evidence {side}: ", "dim"), Text(" · ").join(items) if items else "none")


def _body(text: str, pieces: list[Stretch], plain: bool) -> Text:
    body = Text()
    for start, end in _windows(text, pieces):
        body.append("… " if start else "")
        for piece in pieces:
            a, b = max(piece.start, start), min(piece.end, end)
            if a < b:
                body.append_text(_shaded(text[a:b], piece.level, plain))
        body.append(" …\n" if end < len(text) else "")
    body.rstrip()
    return body


def _shaded(words: str, level: int, plain: bool) -> Text:
    if plain:
        bracket = {len(LEVELS): "[{}]", -len(LEVELS): "({})"}.get(level, "{}")
        return Text(bracket.format(words))
    return Text(words, _STYLES.get(level, ""))


def _windows(text: str, pieces: list[Stretch]) -> list[tuple[int, int]]:
    """The ranges of the text that are shown."""
    if len(text) <= WHOLE:
        return [(0, len(text))]
    windows: list[tuple[int, int]] = []
    for piece in pieces:
        if abs(piece.level) == len(LEVELS):
            start, end = _before(text, piece.start), _after(text, piece.end)
            if windows and start <= windows[-1][1]:
                start, _ = windows.pop()
            windows.append((start, end))
    return windows


def _before(text: str, at: int) -> int:
    """Where the context of a piece that starts `at` begins: at a word, if there is a blank."""
    start = max(0, at - CONTEXT)
    return start and max(start, text.find(" ", start, at) + 1)


def _after(text: str, at: int) -> int:
    """Where the context of a piece that ends `at` ends: after a word, if there is a blank."""
    end = at + CONTEXT
    if end >= len(text):
        return len(text)
    blank = text.rfind(" ", at, end)
    return blank if blank >= 0 else end
