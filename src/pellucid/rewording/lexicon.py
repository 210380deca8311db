"""Words of chest radiography, as beginnings of words: anatomy, findings, heights and devices. Written by hand, and short.

Each pattern stands for whole words: `opaci` for "opacity", "opacities" and "opacified". :func:`whole` closes it.
"""

from __future__ import annotations

import re

LUNG = (
    r"lungs?|lob(?:e|es|ar)|zones?|lingula\w*|hemithora\w+|pleura\w*|subpleural|costophrenic|(?:hemi)?diaphragm\w*"
    r"|pulmonary|(?:peri|supra|infra)?hil(?:ar|um|a)|retrocardiac|airspaces?|alveol\w+|interstiti\w+|bronch\w+|fissur\w+"
    r"|subsegment\w*|segment\w*|parenchym\w*|vascula\w+|(?:mid)?zone"
)
HEART = (
    r"heart|card(?:iac|iomediastin\w+|iomegaly)|pericardi\w+|(?:pneumo)?mediastin\w+|pneumopericardium|aort\w+|ventric\w+"
    r"|atri(?:um|al|a)|cava|cavoatrial|trachea\w*|carina\w*|paratracheal|azygos|svc|silhouette"
)
BONES = (
    r"bon(?:e|es|y)|osseous|ribs?|clavic\w+|spin(?:e|al)|vertebra\w*|shoulders?|scapula\w*|humer\w+|sternum|sternal|thoracic"
)
ABDOMEN = r"abdom\w+|stomach|gastric|bowel|liver|spleen|subdiaphragmatic|diaphragmatic"
ANATOMY = rf"{LUNG}|{HEART}|{BONES}|{ABDOMEN}|chest|thora(?:x|cic)|neck|angles?|sulc(?:us|i)"

LUNG_FINDINGS = (
    r"opaci\w+|consolidat\w+|infiltrat\w+|pneumoni\w+|atelecta\w+|nodul\w+|mass(?:es)?|lesions?|densit\w+|shadow\w*"
    r"|o?edema\w*|emphysem\w+|bulla\w*|cavit\w+|effusions?|pneumothora\w+|hydrothorax|h(?:a)?emothorax|thicken\w+|blunt\w+"
    r"|congest\w+|collaps\w+|fibro\w+|granuloma\w*|ground-?glass|reticul\w+|haz(?:e|y|iness)|volume|hyperinflat\w+|aspiration"
    r"|airways?|fluid|pleural air|scar\w*|bronchogram\w*|tubercul\w+|metasta\w+|tumou?rs?|ards|copd"
)
BONE_FINDINGS = r"fractur\w+|scoliosis|degenerat\w+|dislocat\w+|osteo\w+"
FINDINGS = (
    rf"{LUNG_FINDINGS}|{BONE_FINDINGS}|cardiomegaly|enlarg\w+|pneumopericardium|pneumomediastinum|herni\w+|lymphadenopath\w+"
    r"|adenopath\w+|calcifi\w+|disease|abnormalit\w+|abnormal|normal|clear"
)
DEVICES = (
    r"tubes?|catheters?|lines?|pacemakers?|leads?|wires?|drains?|stents?|clips?|valves?|ports?|picc|ett|sutures?|prosthe\w+"
    r"|endotracheal|nasogastric|enteric|tracheostomy|cannula\w*"
)
UPPER = r"upper|superior(?:ly)?|(?:bi)?apical|ap(?:ex|ices)|suprahilar"
MIDDLE = r"mid|middle|midzone|(?:peri)?hil(?:ar|um|a)|lingula\w*|(?:minor|horizontal) fissures?"
LOWER = (
    r"lower|inferior(?:ly)?|(?:bi)?basal|(?:bi)?basilar|bas(?:e|es)|infrahilar|costophrenic|(?:hemi)?diaphragm\w*|retrocardiac"
)
LEVELS = rf"{UPPER}|{MIDDLE}|{LOWER}"
CLINICAL = rf"{ANATOMY}|{FINDINGS}|{DEVICES}|{LEVELS}|bilateral(?:ly)?|bihilar|apical|basal"

DENYING = r"no|not|non|without|never|neither|nor|negative for|free of|clear of|absence of|absent|rule[sd]? out"
"""What follows one of these in its clause is said not to be there."""
NEGATING = rf"{DENYING}|cannot|resolved|cleared"


def whole(words: str) -> re.Pattern[str]:
    """A pattern of words, compiled so that it matches whole words only, in any case; an underscore ends a word."""
    return re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.IGNORECASE)


_NEGATING = whole(NEGATING)


def negated(text: str) -> bool:
    """Whether a text says anywhere that something is not there.

    >>> negated("No effusion."), negated("Nodule.")
    (True, False)
    """
    return _NEGATING.search(text) is not None


def negations(text: str) -> list[tuple[int, int]]:
    """Half-open character ranges of the words that negate, several words ("free of") as one."""
    return [match.span() for match in _NEGATING.finditer(text)]
