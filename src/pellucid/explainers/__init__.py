"""Methods of explanation, one idea a file. Importing the package registers all of them, in the order of this list."""

# ruff: noqa: I001
from pellucid.explainers import attention as attention
from pellucid.explainers import rollout as rollout
from pellucid.explainers import input_x_gradient as input_x_gradient
from pellucid.explainers import gradient_x_difference as gradient_x_difference
from pellucid.explainers import attingrad as attingrad
from pellucid.explainers import gim as gim
from pellucid.explainers import integrated_gradients as integrated_gradients
from pellucid.explainers import jacobian as jacobian
from pellucid.explainers import released as released
from pellucid.explainers import occlusion as occlusion
from pellucid.explainers import lime as lime
from pellucid.explainers import kernel_shap as kernel_shap
from pellucid.explainers import nemt as nemt
from pellucid.explainers import fastshap as fastshap
from pellucid.explainers import baselines as baselines
from pellucid.explainers import saliency as saliency
from pellucid.explainers import smoothgrad as smoothgrad
from pellucid.explainers import features as features
from pellucid.explainers import segments as segments
from pellucid.explainers import images as images
from pellucid.explainers import sentences as sentences
