"""Methods for images alone: by gradients, feature maps, attention and perturbation; and baselines that know no model."""

# ruff: noqa: I001
from pellucid.explainers.images import guided_backpropagation as guided_backpropagation
from pellucid.explainers.images import deep_lift as deep_lift
from pellucid.explainers.images import cam as cam
from pellucid.explainers.images import score_cam as score_cam
from pellucid.explainers.images import eigen_cam as eigen_cam
from pellucid.explainers.images import relevancy as relevancy
from pellucid.explainers.images import captum_bridge as captum_bridge
from pellucid.explainers.images import occlusion as occlusion
from pellucid.explainers.images import lime as lime
from pellucid.explainers.images import kernel_shap as kernel_shap
from pellucid.explainers.images import rise as rise
from pellucid.explainers.images import relax as relax
from pellucid.explainers.images import extremal as extremal
from pellucid.explainers.images import baselines as baselines
