"""An explanation as highlighted text for notebooks and browsers: no script, no outside resource, every character escaped.

Blue speaks for a label and orange against it, a pair that colour-blind readers tell apart. The shades differ in lightness, and
the darkest are underlined as well, so that print and screen readers (`<mark>`) keep the difference.
"""

from __future__ import annotations

from html import escape

from pellucid.api.explanation import Explanation
from pellucid.api.highlights import LEVELS, Highlight, Stretch, stretches

_STYLE = """
.pellucid{font:15px/1.6 system-ui,sans-serif;max-width:60em}
.pellucid details{border:1px solid #8886;border-radius:6px;margin:.5em 0;padding:.4em .8em}
.pellucid summary{cursor:pointer}
.pellucid .text{white-space:pre-wrap;overflow-wrap:anywhere;max-height:28em;overflow:auto;margin:.6em 0;padding-right:.5em}
.pellucid small{opacity:.75}
.pellucid mark,.pellucid .s{color:inherit;border-radius:3px;padding:.1em .15em}
.pellucid .for3{background:#0072b28c;border-bottom:2px solid #0072b2}
.pellucid .for2{background:#0072b24d}
.pellucid .for1{background:#0072b21f}
.pellucid .against3{background:#e69f00a6;border-bottom:2px dashed #d55e00}
.pellucid .against2{background:#e69f0059}
.pellucid .against1{background:#e69f0024}
"""

_PAGE_STYLE = "body{margin:2em auto;max-width:62em;padding:0 1em}.pellucid .text{max-height:none!important}"


def fragment(explanation: Explanation) -> str:
    """The explanation as one HTML element; one section a label, the first one open."""
    notes = "".join(f"<p><b>Note.</b> {escape(note)}</p>" for note in explanation.notes)
    sections = "".join(_section(explanation, label, i == 0) for i, label in enumerate(explanation.labels))
    return f'<div class="pellucid"><style>{_STYLE}</style>{notes}{sections}<p><small>{_legend(explanation)}</small></p></div>'


def page(explanation: Explanation) -> str:
    """The explanation as a whole page."""
    title = escape(f"Explanation: {', '.join(explanation.labels)}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_PAGE_STYLE}</style></head><body>{fragment(explanation)}</body></html>\n"
    )


def _section(explanation: Explanation, label: str, is_open: bool) -> str:
    probability = explanation.probabilities[label]
    found = [_listed("Evidence for", explanation.spans(label))]
    if explanation.attribution.signed:
        found.append(_listed("Evidence against", explanation.against(label)))
    pieces = stretches(explanation.units, explanation.scores(label), explanation.attribution.signed)
    text = "".join(_shaded(explanation.text, piece) for piece in pieces)
    return (
        f"<details{' open' if is_open else ''}><summary><b>{escape(label)}</b> "
        f"<small>probability {probability:.2f} · {escape(explanation.method)}</small></summary>"
        f'{"".join(found)}<div class="text">{text}</div></details>'
    )


def _listed(title: str, found: list[Highlight]) -> str:
    items = " · ".join(f"{escape(h.text)} <small>{h.score:.0%}</small>" for h in found) or "none"
    return f"<div><small>{title}:</small> {items}</div>"


def _shaded(text: str, piece: Stretch) -> str:
    words = escape(text[piece.start : piece.end])
    if not piece.level:
        return words
    tag = "mark" if abs(piece.level) == len(LEVELS) else "span"
    side = "for" if piece.level > 0 else "against"
    return f'<{tag} class="s {side}{abs(piece.level)}" title="{piece.share:.0%} of the score {side} the label">{words}</{tag}>'


def _legend(explanation: Explanation) -> str:
    sides = ["for"] + ["against"] * explanation.attribution.signed
    shades = [
        f'<span class="s {side}{len(LEVELS) - i}">{side}: {"half" if mass == 0.5 else f"to {mass:.0%}"}</span>'
        for side in sides
        for i, mass in enumerate(LEVELS)
    ]
    return f"The darkest words hold half of the score, each paler shade the next part. {' '.join(shades)}"
