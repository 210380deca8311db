"""Training: objectives, and the loop that turns a data set and a recipe into a model."""

from pellucid.training import masks as masks
from pellucid.training import objectives as objectives
from pellucid.training import presets as presets
from pellucid.training.loop import train as train
from pellucid.training.news import Event as Event
from pellucid.training.recipe import Recipe as Recipe
