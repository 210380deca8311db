"""The members of an ensemble, each as a model of its own."""

from __future__ import annotations

from pellucid.predictors.image_classifier.ensemble import members_of, parsed
from pellucid.predictors.image_classifier.model import ImageClassifier


def members_as_models(model: ImageClassifier) -> list[ImageClassifier]:
    """Each network of an ensemble as a model that predicts, explains and is saved by itself; none for a single model.

    The threshold is that of the ensemble, whose figures of validation are none of a member. Weights are shared with it.
    """
    members = members_of(model.module)
    seed = model.about.get("recipe", {}).get("seed", 0)
    architecture = None if model.architecture is None else parsed(model.architecture)[1]
    return [
        ImageClassifier(
            member,
            model.labels,
            exclusive=model.exclusive,
            size=model.size,
            mean=model.mean,
            std=model.std,
            threshold=model.threshold,
            architecture=architecture,
            about={"ensemble": model.fingerprint, "member": index, "seed": seed},
        )
        for index, member in enumerate(members if len(members) > 1 else ())
    ]
