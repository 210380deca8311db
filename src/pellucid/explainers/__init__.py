"""Methods of explanation, one idea a file. Importing the package registers all of them, in the order of this list."""

# ruff: noqa: I001
from pellucid.explainers import attention as attention
from pellucid.explainers import rollout as rollout
from pellucid.explainers import input_x_gradient as input_x_gradient
from pellucid.explainers import gradient_x_difference as gradient_x_difference
from pellucid.explainers import attingrad as attingrad
from pellucid.explainers import gim as gim
from pellucid.explainers import integrated_gradients as integrated_gradients
from pellucid.explainers import released as released
from pellucid.explainers import occlusion as occlusion
from pellucid.explainers import lime as lime
from pellucid.explainers import kernel_shap as kernel_shap
from pellucid.explainers import nemt as nemt
from pellucid.explainers import fastshap as fastshap
from pellucid.explainers import baselines as baselines
from pellucid.explainers.images import saliency as saliency
from pellucid.explainers.images import smoothgrad as smoothgrad
from pellucid.explainers.images import guided_backpropagation as guided_backpropagation
from pellucid.explainers.images import deep_lift as deep_lift
from pellucid.explainers.images import cam as cam
from pellucid.explainers.images import score_cam as score_cam
from pellucid.explainers.images import eigen_cam as eigen_cam
from pellucid.explainers.images import relevancy as relevancy
from pellucid.explainers.images import captum_bridge as captum_bridge
from pellucid.explainers.images import occlusion as image_occlusion
from pellucid.explainers.images import lime as image_lime
from pellucid.explainers.images import kernel_shap as image_kernel_shap
from pellucid.explainers.images import rise as rise
from pellucid.explainers.images import relax as relax
from pellucid.explainers.images import extremal as extremal
from pellucid.explainers.images import baselines as image_baselines
