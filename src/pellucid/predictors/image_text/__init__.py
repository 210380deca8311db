"""Models of images and sentences, whose words attend to regions."""

from pellucid.predictors.image_text.comparing import ATTENTIONS as ATTENTIONS
from pellucid.predictors.image_text.comparing import CORRECTED as CORRECTED
from pellucid.predictors.image_text.comparing import PUBLISHED as PUBLISHED
from pellucid.predictors.image_text.comparing import PUBLISHED_NULL as PUBLISHED_NULL
from pellucid.predictors.image_text.comparing import Comparing as Comparing
from pellucid.predictors.image_text.dual import is_dual as is_dual
from pellucid.predictors.image_text.model import ImageText as ImageText
from pellucid.predictors.image_text.questions import ANYTHING as ANYTHING
