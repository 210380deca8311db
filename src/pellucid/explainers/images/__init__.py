"""Methods for images alone: by gradients, feature maps, attention and perturbation; and baselines that know no model."""
