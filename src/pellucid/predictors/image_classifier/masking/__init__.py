"""Mask networks: a small decoder over the maps that a frozen image model makes anyway, which says where it looks."""

from pellucid.predictors.image_classifier.masking.attached import evidence_masks as evidence_masks
from pellucid.predictors.image_classifier.masking.attached import lacking as lacking
from pellucid.predictors.image_classifier.masking.attached import shapley_grids as shapley_grids
from pellucid.predictors.image_classifier.masking.masker import Masker as Masker
from pellucid.predictors.image_classifier.masking.masker import MaskSettings as MaskSettings
