"""There as not there, and not there as there.

Only sentences that say one thing are turned. What is joined by "and", "but" or commas is left alone, for a "no" would reach
further than it should, and so is "X has resolved", whose opposite is not "X". How much there is goes with what is denied: a
large effusion is no small one, either.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pellucid.case import Phrase
from pellucid.rewording.base import Change, Context, Reworded, applied, reworded, rewording
from pellucid.rewording.editing import capital, small
from pellucid.rewording.lexicon import FINDINGS, negated, whole
from pellucid.rewording.severity import AMOUNT

_SEVERAL = re.compile(r"[;:<>]|\b(?:and|but|however|although|though|except|apart from|other than|which|that)\b", re.IGNORECASE)
_VERB = whole(
    r"is|are|was|were|has|have|had|may|might|can|cannot|could|should|be|exclude[sd]?|there|shows?|showed|demonstrate[sd]?|reveal(?:s|ed)?"
    r"|suggest(?:s|ed)?|indicate[sd]?|represent(?:s|ed)?|appear(?:s|ed)?|remain(?:s|ed)?|extend(?:s|ed)?|obscure[sd]?"
    r"|persist(?:s|ed)?|forms|involve[sd]?|contain(?:s|ed)?|occup(?:y|ies|ied)|measures?|lies?|blunts|obliterate[sd]?|project(?:s|ed)?"
)
_FINDING = whole(FINDINGS)
_NORMAL = whole(r"normal|clear|unremarkable|intact|stable|unchanged|resolved|improved|no|not")
_UNSURE = whole(  # "no possible pneumonia", "no larger effusion" and "no right-greater-than-left effusions" deny something else
    r"possibl[ey]|probabl[ey]|likely|questionable|suspected|persistent|residual|(?:increas|decreas|improv|worsen|resolv)(?:ed|ing)"
    r"|larger|smaller|than|old|known"
)
_AMOUNT = rf"(?:(?:very )?{AMOUNT}(?:(?: to |-to-| or ){AMOUNT})? )?"  # goes: a moderate one is no small one, either
_UNTURNED = r"longer|(?:significant |relevant |interval )*(?:change|difference)|prior|previous|comparison|other|more"
_ADVERB = r"also|now|again|still|not|been|only|likely|probably|possibly|otherwise|persistent|continued|at|n't"

_PLACE = r"^(?:(?:in|at|on) [^,;:]+? )?"
_THERE_IS_NO = re.compile(rf"{_PLACE}there (?:is|are|was|were) (no )(?!(?:{_UNTURNED})\b)", re.IGNORECASE)
_THERE_IS = re.compile(rf"{_PLACE}there (?:is|are|was|were) ((?:(?:an?|some) )?{_AMOUNT})(?!(?:no|{_ADVERB})\b)", re.IGNORECASE)
_NO = re.compile(rf"^no (?!(?:{_UNTURNED})\b)\w", re.IGNORECASE)
_SEEN = re.compile(r"\b(?:is|are|was|were) (not )?(?=(?:seen|present|identified|noted|visuali[sz]ed|evident|demonstrated)\b)")
_HEAD = re.compile(rf"(?:an? )?{_AMOUNT}", re.IGNORECASE)
_BARE = re.compile(  # what may stand before "with": an image or a place, of which nothing is said
    r"(?:(?:the|an?|portable|frontal|ap|pa|lateral|chest|left|right|upper|lower|lungs?|zones?|lobes?|hemithorax|thorax"
    r"|radiographs?|x-?ray|film|image)\b[\s-]*)+",
    re.IGNORECASE,
)
_WITH = re.compile(r"\bwith(out)?\b")


def single(text: str) -> bool:
    """Whether a text says one thing only."""
    return _SEVERAL.search(text) is None


def nominal(text: str) -> bool:
    """Whether a text is a finding without a verb ("Small left effusion."), all of one piece.

    >>> nominal("Small left effusion."), nominal("The heart is enlarged."), nominal("Effusion, nodule.")
    (True, False, False)
    """
    joined = "," in text or "with" in text.lower() or not single(text)
    return not joined and _FINDING.search(text) is not None and not _VERB.search(text) and not _NORMAL.search(text)


@rewording("negation", "decrease", "what is there as not there, and the other way round")
def negation(phrase: Phrase, context: Context) -> Reworded | None:
    """None where the sentence says several things, some there and some not, or has no form that turns safely."""
    if len({there for _, there in phrase.conditions}) > 1 or not single(phrase.text):
        return None
    found = next((change for form in _FORMS if (change := form(phrase.text))), None)
    if found is None or (negated(phrase.text) and negated(applied(phrase.text, [found]))):
        return None
    turned = tuple((name, not there) for name, there in phrase.conditions)
    return reworded(phrase.text, [found], conditions=turned or None)


def _there_is_no(text: str) -> Change | None:
    match = _THERE_IS_NO.search(text)
    return Change(*match.span(1), match[1], "") if match else None


def _there_is(text: str) -> Change | None:
    said = "," in text or negated(text) or _WITH.search(text) or _UNSURE.search(text)
    match = None if said else _THERE_IS.search(text)
    return Change(*match.span(1), match[1], "no ") if match else None


def _no(text: str) -> Change | None:
    match = _NO.search(text)
    return Change(*match.span(), match[0], capital(match[0][-1])) if match else None


def _seen(text: str) -> Change | None:
    match = _SEEN.search(text)
    if match is None or not _FINDING.search(text, 0, match.start()) or _WITH.search(text) or _UNSURE.search(text):
        return None
    return Change(*match.span(1), match[1], "") if match[1] else Change(match.end(), match.end(), "", "not ")


def _with(text: str) -> Change | None:
    """Where nothing is said before it: "Chest without effusion."."""
    found = list(_WITH.finditer(text))
    if len(found) != 1 or "," in text:
        return None
    bare = _BARE.fullmatch(text, 0, found[0].start())
    safe = bare and _FINDING.search(text, found[0].end()) and not _NORMAL.search(text)
    return None if not safe else Change(*found[0].span(), found[0][0], "with" if found[0][1] else "without")


def _nominal(text: str) -> Change | None:
    if not nominal(text) or negated(text) or _UNSURE.search(text) or text.startswith("The "):
        return None
    head = _HEAD.match(text)
    stop = head.end() if head else 0
    return Change(0, stop + 1, text[: stop + 1], f"No {small(text[stop:])[:1]}")


_FORMS: tuple[Callable[[str], Change | None], ...] = (_there_is_no, _there_is, _no, _seen, _with, _nominal)
