"""The study of McInerney et al. 2022 again: does the map of an image-text model listen to the sentence?"""

from pellucid.studies.alignment.running import run as run
from pellucid.studies.alignment.running import unfinished as unfinished
from pellucid.studies.alignment.study import AlignmentStudy as AlignmentStudy
from pellucid.studies.alignment.variants import VARIANTS as VARIANTS
from pellucid.studies.alignment.writing import write as write
