"""Pellucid makes, improves and proves explanations of medical AI.

>>> import pellucid                                              # doctest: +SKIP
>>> model = pellucid.load("runs/coder")                          # doctest: +SKIP
>>> e = model.explain("Longstanding hypertension.", method="attingrad")   # doctest: +SKIP
>>> e.spans("I10")                                               # doctest: +SKIP

Importing the package is cheap; the deep-learning stack is loaded when something needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid._version import __version__

if TYPE_CHECKING:
    from pellucid.api import Explanation, ImageExplanation, Model, SignalExplanation, TableExplanation, jacobian, load
    from pellucid.case import Boxes, Case, Mask, Spans
    from pellucid.measurements import Measurements
    from pellucid.picture import Picture
    from pellucid.predictors.image_classifier import ImageClassifier
    from pellucid.predictors.numeric import SignalClassifier, TableClassifier
    from pellucid.signals import Signal
    from pellucid.target import Target

_HOMES = {
    "jacobian": "pellucid.api",
    "load": "pellucid.api",
    "Model": "pellucid.api",
    "Explanation": "pellucid.api",
    "ImageExplanation": "pellucid.api",
    "SignalExplanation": "pellucid.api",
    "TableExplanation": "pellucid.api",
    "ImageClassifier": "pellucid.predictors.image_classifier",
    "SignalClassifier": "pellucid.predictors.numeric",
    "TableClassifier": "pellucid.predictors.numeric",
    "Case": "pellucid.case",
    "Spans": "pellucid.case",
    "Boxes": "pellucid.case",
    "Mask": "pellucid.case",
    "Measurements": "pellucid.measurements",
    "Signal": "pellucid.signals",
    "Picture": "pellucid.picture",
    "Target": "pellucid.target",
}

__all__ = [
    "Boxes",
    "Case",
    "Explanation",
    "ImageClassifier",
    "ImageExplanation",
    "Mask",
    "Measurements",
    "Model",
    "Picture",
    "Signal",
    "SignalClassifier",
    "SignalExplanation",
    "Spans",
    "TableClassifier",
    "TableExplanation",
    "Target",
    "__version__",
    "jacobian",
    "load",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
