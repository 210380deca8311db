"""Any image classifier of PyTorch, opened for explanation."""

from pellucid.predictors.image_classifier.hub import is_of_images as is_of_images
from pellucid.predictors.image_classifier.members import members_as_models as members_as_models
from pellucid.predictors.image_classifier.model import ImageClassifier as ImageClassifier
