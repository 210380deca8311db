"""Pellucid in three lines of Python.

>>> model = pellucid.load("runs/coder")                                   # doctest: +SKIP
>>> e = model.explain("Longstanding hypertension.", method="attingrad")   # doctest: +SKIP
>>> e.spans("I10")                                                        # doctest: +SKIP
[Highlight(start=13, end=25, text='hypertension', score=0.81)]
"""

from pellucid.api.differentiating import jacobian
from pellucid.api.explanation import Explanation
from pellucid.api.highlights import Highlight
from pellucid.api.image_explanation import ImageExplanation
from pellucid.api.model import Model, Prediction, load
from pellucid.api.signal_explanation import SignalExplanation
from pellucid.api.table_explanation import TableExplanation

__all__ = [
    "Explanation",
    "Highlight",
    "ImageExplanation",
    "Model",
    "Prediction",
    "SignalExplanation",
    "TableExplanation",
    "jacobian",
    "load",
]
