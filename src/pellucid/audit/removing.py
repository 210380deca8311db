"""What is judged and what is taken away, in words: a figure of faithfulness means nothing without it."""

from __future__ import annotations

from pellucid.audit.plan import Plan
from pellucid.audit.wording import listed
from pellucid.predictor import Filler, Modality

_BECOMES: dict[Modality, dict[Filler, str]] = {
    "image": {
        "mask": "the mean colour",
        "blur": "a wide blur of the image",
        "noise": "noise around the mean colour",
        "inpaint": "what the pixels around go on to",
    },
    "table": {"mask": "the mean of the training cases"},
    "signal": {"mask": "the mean of the lead", "inpaint": "the line between the samples around it"},
}


def removal(plan: Plan) -> str:
    """What an audit judges, what it takes away, and what takes its place; nothing of text, where words are both."""
    if plan.modality == "text":
        return ""
    unit = {"feature": "measurement"}.get(plan.unit, plan.unit)
    becomes = listed([f"{_BECOMES[plan.modality][filler]} ({filler})" for filler in plan.fillers])
    return f"Explanations are judged {unit} by {unit}. What is taken away {_whole(plan)} becomes {becomes}."


def _whole(plan: Plan) -> str:
    if plan.modality == "table":
        return "is one measurement after the other; it"
    if plan.modality == "signal":
        return f"are stretches of single leads, {plan.across} to a lead; each"
    if plan.regions == "patch":
        return f"are patches, {plan.across} along each side; each"
    return f"are superpixels, about as many as {plan.across} patches along each side would be; each"
