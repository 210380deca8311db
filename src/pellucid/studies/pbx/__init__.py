"""What the Jacobian of a model tells of it: of a shortcut it has learned, and of how it was trained."""

from pellucid.studies.pbx.running import run as run
from pellucid.studies.pbx.running import unfinished as unfinished
from pellucid.studies.pbx.study import PbxStudy as PbxStudy
from pellucid.studies.pbx.study import Weights as Weights
from pellucid.studies.pbx.writing import write as write
