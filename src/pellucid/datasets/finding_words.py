"""The words by which radiologists speak of a finding, and whether a sentence says that it is there.

The table is short and was written by hand: patterns of beginnings of words, for the labels of the data sets of gaze.
Negation is read simply. A sentence is cut into clauses at "but", "however", "although", "though", "except" and semicolons. What
follows a negating word in its clause is not said to be there, nor is anything in a clause that says that something is absent
or gone ("is not seen", "has resolved").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pellucid.rewording.lexicon import DENYING, whole

_HEART = r"cardiomegal|enlarged (?:heart|cardi)|(?:heart|cardiac|cardiomediastinal|silhouette)\b.*\b(?:enlarg|big|large)"
_FLOW = r"cephali[sz]ation|(?:vascular|vessel|flow).*\b(?:engorge|redistribut)"
_EDEMA = rf"o?edema|congest|kerley|fluid overload|{_FLOW}"
_DENSITY = r"opaci|infiltrat|air ?space|hazy|haziness|densit"
_VOLUME = r"emphysem|hyper-?(?:inflat|aerat|expan)|flatten|(?:high|large|increased) lung vol"

WORDS: Mapping[str, str] = {
    # the diagnoses of EGD-CXR; "Normal" is no finding that is spoken of
    "CHF": rf"failure|chf\b|effusion|{_EDEMA}|{_HEART}",
    "pneumonia": rf"pneumoni|consolidat|{_DENSITY}",
    # findings of EGD-CXR, of REFLACX, or of both
    "abnormal mediastinal contour": r"mediastin.*\b(?:wide|broad|contour|abnormal|shift|mass)|(?:wide|broad).*\bmediastin",
    "acute fracture": r"fractur",
    "airway wall thickening": r"(?:airway|bronch\w*).*\bthick|cuffing",
    "atelectasis": r"atelecta|volume loss",
    "consolidation": r"consolidat|pneumoni|air ?space",
    "elevated hemidiaphragm": r"(?:elevat|rais).*\b(?:hemi)?diaphragm|(?:hemi)?diaphragm.*\b(?:elevat|rais)",
    "enlarged cardiac silhouette": _HEART,
    "enlarged hilum": r"hil(?:ar|um|a)\b",
    "groundglass opacity": rf"ground ?-?glass|{_DENSITY}",
    "hiatal hernia": r"herni",
    "high lung volume / emphysema": rf"copd|{_VOLUME}",
    "hyperaeration": _VOLUME,
    "interstitial lung disease": r"interstiti|reticul|fibro|honeycomb",
    "lobar or segmental collapse": r"collaps|volume loss",
    "lung nodule or mass": r"nodul|mass(?:es)?\b|lesion|granuloma",
    "opacity": _DENSITY,
    "pleural abnormality": r"effusion|pleural|blunt",
    "pneumothorax": r"pneumothora",
    "pulmonary edema": _EDEMA,
    "support devices": r"tube|lines?\b|catheter|pacemaker|picc\b|wire|device|valve|leads?\b|port\b|clip",
    "vascular redistribution": _FLOW,
}
"""Label to a pattern that begins at the beginning of a word; a label that is not here is never spoken of."""

_CLAUSES = re.compile(r";|\b(?:but|however|although|though|except)\b")
_NEGATION = whole(DENYING)
_GONE = re.compile(r"\b(?:(?:is|are|was|were) (?:not|no longer)|not (?:seen|present|identified)|absent|resolved|cleared)\b")


def mentions(label: str, sentence: str) -> bool:
    """Whether a sentence says that the finding of this label is there; false for a label without words."""
    if label not in WORDS:
        return False
    pattern = re.compile(rf"\b(?:{WORDS[label]})")
    return any(pattern.search(said) for said in _asserted(sentence.lower()))


def _asserted(sentence: str) -> list[str]:
    """The part of each clause that is said to be so."""
    clauses = (clause for clause in _CLAUSES.split(sentence) if not _GONE.search(clause))
    return [_NEGATION.split(clause, maxsplit=1)[0] for clause in clauses]
