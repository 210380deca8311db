"""Studies: strategies of training x seeds x methods of explanation on one data set, to tables with intervals and tests."""

from pellucid.studies.running import run as run
from pellucid.studies.running import unfinished as unfinished
from pellucid.studies.study import Part as Part
from pellucid.studies.study import Study as Study
from pellucid.studies.writing import write as write
