"""Mask networks: amortised explanations of a frozen image model, trained once and asked in one pass."""

from pellucid.training.masks.loop import attach as attach
from pellucid.training.masks.loop import train_masks as train_masks
from pellucid.training.masks.presets import MaskPreset as MaskPreset
from pellucid.training.masks.recipe import OBJECTIVES as OBJECTIVES
from pellucid.training.masks.recipe import MaskRecipe as MaskRecipe
