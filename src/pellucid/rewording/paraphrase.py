"""The same in other words.

Each way of rewriting keeps sides, heights, findings and what is negated; one of those that fit is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pellucid.case import Phrase
from pellucid.rewording.base import Change, Context, Reworded, reworded, rewording
from pellucid.rewording.editing import capital, cased, exchanged, small
from pellucid.rewording.familiar import familiar
from pellucid.rewording.lexicon import whole
from pellucid.rewording.negation import nominal
from pellucid.rewording.synthetic import plural

_NAME = "paraphrase"
_SAME = {
    "pleural effusion": "pleural fluid collection",
    "pleural effusions": "pleural fluid collections",
    "pleural fluid collection": "pleural effusion",
    "cardiomegaly": "enlargement of the heart",
    "enlargement of the heart": "cardiomegaly",
    "the heart is enlarged": "the cardiac silhouette is enlarged",
    "the cardiac silhouette is enlarged": "the heart is enlarged",
    "opacity": "density",
    "opacities": "densities",
    "density": "opacity",
    "densities": "opacities",
    "nodule": "round lesion",
    "nodules": "round lesions",
    "round lesion": "nodule",
    "round lesions": "nodules",
    "pulmonary edema": "edema of the lungs",
    "basilar": "basal",
    "bibasilar": "bibasal",
    "basal": "basilar",
    "bibasal": "bibasilar",
    "costophrenic angle": "costophrenic sulcus",
    "costophrenic sulcus": "costophrenic angle",
    "left sided": "left-sided",
    "right sided": "right-sided",
}
_SYNONYM = whole(rf"(?<!-)(?:{'|'.join(sorted(_SAME, key=len, reverse=True))})")
_SEEN = {
    "seen": "present",
    "present": "seen",
    "noted": "seen",
    "identified": "noted",
    "visualized": "seen",
    "visualised": "seen",
}
_SEEN_WORD = re.compile(
    rf"(?<=\bis )(?:{'|'.join(_SEEN)})\b(?! (?:to|as|by))|(?<=\bare )(?:{'|'.join(_SEEN)})\b(?! (?:to|as|by))"
)
_WHERE = r"( (?:in|at|on) (?:the|both) [^,;:.]+)?"
_THERE = re.compile(rf"There (is|are) (?!(?:also|now|again|still|not)\b)([^,;:.]+?){_WHERE}(\.?)\s*")
_IS_SEEN = re.compile(rf"((?:An?|No|Small|Large|Mild|Left|Right) [^,;:.]+) (is|are) (?:seen|present|noted){_WHERE}(\.?)\s*")
_FRONTED = re.compile(r"((?:In|At|On) (?:the|both) [^,;:.]+?) there (is|are) ([^,;:.]+)(\.?)\s*")
_ENDS = r"(?=[.,;]|$| (?:and|or|with|is|are|was|were)\b)"
_OF_SIDE = re.compile(rf"\b([Tt]he) (left|right) (?:lung (base|apex)|(upper|middle|lower) lobe|lung){_ENDS}")
_SIDED = re.compile(  # of two sides that are compared ("right-greater-than-left effusions") none is sided alone
    r"(?<![<>] )(?<!than[ -])(?<!than the )\b(left|Left|right|Right)(-sided)?"
    r"(?= (?:pleural |pericardial )?(?:effusions?|pneumothora\w+|opacit\w+|nodules?)\b)"
)
_LOBES = {"U": "upper lobe", "L": "lower lobe"}
_LOBE = re.compile(r"(?<![^\W_])([LR])([UL])L(?![^\W_])")
_HEAD = re.compile(r"^(.*?\w)(?=\s(?:in|of|at|within|on|along|to|above|below|throughout|involving|over|near)\b|\.?\s*$)")


@rewording(_NAME, "invariance", "a synonym, or the same said in another order")
def paraphrase(phrase: Phrase, context: Context) -> Reworded | None:
    """None where no way of rewriting fits."""
    found = [changes for way in _WAYS if (changes := way(phrase.text))]
    if not found:
        return None
    known = familiar(found, lambda changes: " ".join(change.after for change in changes), phrase, context)
    return reworded(phrase.text, known[int(context.draws(_NAME).integers(len(known)))])


def _synonyms(text: str) -> list[Change]:
    return exchanged(text, _SYNONYM, lambda match: cased(match[0], _SAME[match[0].lower()]))


def _seen(text: str) -> list[Change]:
    return exchanged(text, _SEEN_WORD, lambda match: _SEEN[match[0]])


def _there(text: str) -> list[Change]:
    """There is X in Y. → X is seen in Y."""
    match = _THERE.fullmatch(text)
    if match is None or not nominal(_positive(match[2])):
        return []
    return [Change(0, len(text), text, f"{capital(match[2])} {match[1]} seen{match[3] or ''}{match[4]}")]


def _is_seen(text: str) -> list[Change]:
    """X is seen in Y. → There is X in Y."""
    match = _IS_SEEN.fullmatch(text)
    if match is None or not nominal(_positive(match[1])):
        return []
    return [Change(0, len(text), text, f"There {match[2]} {small(match[1])}{match[3] or ''}{match[4]}")]


def _fronted(text: str) -> list[Change]:
    """In Y there is X. → There is X in Y."""
    match = _FRONTED.fullmatch(text)
    if match is None or not nominal(_positive(match[3])):
        return []
    return [Change(0, len(text), text, f"There {match[2]} {match[3]} {small(match[1])}{match[4]}")]


def _nominal(text: str) -> list[Change]:
    """X. → X is seen."""
    head = _HEAD.search(text)
    if head is None or not nominal(_positive(text)) or re.search(r"[.:(]\s*\S", text):
        return []
    end = len(text.rstrip(". "))
    return [Change(end, end, "", " are seen" if plural(head[1]) else " is seen")]


def _of_side(text: str) -> list[Change]:
    """The left lung → the lung on the left; the left upper lobe → the upper lobe of the left lung."""

    def turned(match: re.Match[str]) -> str:
        if match[3] or match[4]:
            return f"{match[1]} {match[3] or f'{match[4]} lobe'} of the {match[2]} lung"
        return f"{match[1]} lung on the {match[2]}"

    return exchanged(text, _OF_SIDE, turned)


def _sided(text: str) -> list[Change]:
    return exchanged(text, _SIDED, lambda match: match[1] if match[2] else f"{match[1]}-sided")


def _spelled_out(text: str) -> list[Change]:
    """LLL → left lower lobe."""

    def spelled(match: re.Match[str]) -> str:
        name = f"{'left' if match[1] == 'L' else 'right'} {_LOBES[match[2]]}"
        return name if match.start() else capital(name)

    return exchanged(text, _LOBE, spelled)


def _positive(text: str) -> str:
    """What a "no" at the beginning is about."""
    return re.sub(r"^no ", "", text, flags=re.IGNORECASE)


_WAYS: tuple[Callable[[str], list[Change]], ...] = (
    _synonyms,
    _seen,
    _there,
    _is_seen,
    _fronted,
    _nominal,
    _of_side,
    _sided,
    _spelled_out,
)
