"""Objectives of image-text models: what a pair of image and sentence is to learn."""

from pellucid.training.objectives.pairs import attention_entropy as attention_entropy
from pellucid.training.objectives.pairs import boxes as boxes
from pellucid.training.objectives.pairs import contrastive as contrastive
from pellucid.training.objectives.pairs import divergence as divergence
from pellucid.training.objectives.pairs import laterality as laterality
from pellucid.training.objectives.pairs import level as level
from pellucid.training.objectives.pairs import optout as optout
