"""Methods for images alone: by perturbation of regions and masks, and baselines that know nothing of the model."""
