"""Objectives: what training minimises, one idea a file.

An objective is a frozen dataclass of its parameters with one call on a :class:`~pellucid.training.step.Step`;
:func:`objective` reads a weighted sum of registered ones.
"""

from pellucid.training.objectives import bce as bce
from pellucid.training.objectives import consensus as consensus
from pellucid.training.objectives import distil as distil
from pellucid.training.objectives import energy as energy
from pellucid.training.objectives import evidence as evidence
from pellucid.training.objectives import gaze as gaze
from pellucid.training.objectives import gaze_prediction as gaze_prediction
from pellucid.training.objectives import gradmask as gradmask
from pellucid.training.objectives import igr as igr
from pellucid.training.objectives import jacobian as jacobian
from pellucid.training.objectives import pairs as pairs
from pellucid.training.objectives import pgd as pgd
from pellucid.training.objectives import reliance as reliance
from pellucid.training.objectives import rrr as rrr
from pellucid.training.objectives import tm as tm
from pellucid.training.objectives.base import Objective as Objective
from pellucid.training.objectives.base import Sum as Sum
from pellucid.training.objectives.base import named as named
from pellucid.training.objectives.base import objective as objective
