"""The study of Moeller et al. 2025 on mask networks (NEMt), again: methods compared on the same image models."""

from pellucid.studies.masks.running import Event as Event
from pellucid.studies.masks.running import run as run
from pellucid.studies.masks.running import unfinished as unfinished
from pellucid.studies.masks.study import MaskStudy as MaskStudy
from pellucid.studies.masks.writing import write as write
