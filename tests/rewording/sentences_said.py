"""Sentences for the tests of rewording: some as radiologists write them, and many made of pieces."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pellucid.case import Boxes, Phrase

SAID = (
    "Small left pleural effusion.",
    "No pneumothorax.",
    "There is a small right-sided pleural effusion.",
    "There is no evidence of pneumonia.",
    "A nodule is seen in the left upper lobe.",
    "No pleural effusion or pneumothorax is seen.",
    "LLL opacity.",
    "The heart is enlarged.",
    "Moderate bibasilar atelectasis.",
    "An opacity in the RUL.",
    "The left lung is clear.",
    "Right retrocardiac opacity is not seen.",
    "Chest without effusion.",
)
"""Each of them is reworded by at least one rewording."""

_PIECES = (
    *(
        "left",
        "Right",
        "LEFT",
        "right-sided",
        "leftward",
        "bilateral",
        "both lungs",
        "bright",
        "upright",
        "all right",
        "left in place",
    ),
    *(
        "LLL",
        "RUL",
        "RML",
        "L",
        "R",
        "Rt.",
        "2 L",
        "on the",
        "was",
        "right away",
        "left",
        "the",
        "a",
        "an",
        "no",
        "No",
        "There is",
    ),
    *(
        "upper",
        "lower",
        "Apical",
        "bases",
        "superior vena cava",
        "mid",
        "lobe",
        "lung",
        "zone",
        "perihilar",
        "retrocardiac",
        "middle",
    ),
    *(
        "opacity",
        "opacities",
        "Pleural effusion",
        "nodule",
        "pneumothorax",
        "edema",
        "cardiomegaly",
        "consolidation",
        "small",
        "mild",
    ),
    *(
        "and",
        "with",
        "without",
        "is seen",
        "are noted",
        "not",
        ".",
        ",",
        "[MASK]",
        "3.",
        "\n",
        "Å",
        "horizontal fissure",
        "lingula",
    ),
)
TEXTS = st.lists(st.sampled_from(_PIECES), max_size=9).map(" ".join) | st.sampled_from(SAID) | st.text(max_size=20)
"""Of words that matter here, in an order that nobody would write; and of any characters."""

REGIONS = ("left lung", "right lung", "left lower lung zone", "right_upper_lung_zone", "cardiac silhouette", "mediastinum")
CONDITIONS = ("pleural effusion", "lung opacity", "pneumothorax", "enlarged cardiac silhouette", "normal", "abnormal")


def phrase(text: str, *regions: str, **said: bool) -> Phrase:
    """A sentence of these regions; what it says of them is named with underscores."""
    conditions = tuple((name.replace("_", " "), there) for name, there in said.items())
    return Phrase(text, Boxes(np.zeros((0, 4))), regions=regions, conditions=conditions)


@st.composite
def phrases(draw: st.DrawFn) -> Phrase:
    """A sentence with regions and conditions that need not fit it."""
    regions = draw(st.lists(st.sampled_from(REGIONS), max_size=3, unique=True))
    conditions = draw(st.lists(st.tuples(st.sampled_from(CONDITIONS), st.booleans()), max_size=2))
    return Phrase(draw(TEXTS), Boxes(np.zeros((0, 4))), regions=tuple(regions), conditions=tuple(conditions))
