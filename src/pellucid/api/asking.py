"""How a model is asked: by which method, and about which labels or sentences."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, cast

from pellucid import registry
from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.base import Explainer, refusals
from pellucid.predictor import Modality, Predictor, missing_capabilities, modality_of
from pellucid.target import Target

USUAL: dict[Modality, str] = {
    "text": "attingrad",
    "image": "layer_cam",
    "table": "integrated_gradients",
    "signal": "integrated_gradients",
}
USUAL_OF_SENTENCES = "local_attention"
"""The method of explanation where none is asked for; the latter of models that hold images against sentences."""


def usual_method(predictor: Predictor) -> str:
    """The method that explains a model where none is asked for."""
    return USUAL_OF_SENTENCES if _reads_sentences(predictor) else USUAL[modality_of(predictor)]


def explainer_for(predictor: Predictor, method: str | Explainer | None) -> Explainer:
    """The explainer of that name, or the usual one.

    Raises:
        UnknownNameError: there is none of that name.
        CapabilityError: the model lacks something that it needs.
    """
    name = usual_method(predictor) if method is None else method
    explainer: Explainer = registry.explainers.create(name) if isinstance(name, str) else name
    missing = refusals(predictor, explainer)
    if missing:
        raise CapabilityError(
            f"The explainer {explainer.name!r} needs a model with {missing[0]}; choose another method for this model."
        )
    return explainer


def asked(predictor: Predictor, wanted: str | Sequence[Target | str] | None) -> Predictor:
    """The same model, asked sentences of your own, where it reads sentences and one that is wanted is no label of it.

    Args:
        wanted: labels, sentences and targets; a single word stands for outputs that have a name ("logits").
    """
    named = [] if wanted is None or isinstance(wanted, str) else [item for item in wanted if isinstance(item, str)]
    if set(named) <= set(predictor.labels) or not _reads_sentences(predictor):
        return predictor
    return cast(Predictor, cast(Any, predictor).ask(named))


def check_known(wanted: set[str], known: Sequence[str]) -> None:
    """Refuse labels that a model does not know, and to explain none.

    Raises:
        PellucidError: there is no label, or one is not known; the message lists near ones.
    """
    if not wanted:
        raise PellucidError("There is nothing to explain: give at least one label, or leave `labels` out.")
    for label in sorted(wanted - set(known)):
        near = difflib.get_close_matches(label, known, n=3, cutoff=0.4) or list(known[:3])
        raise PellucidError(f"The model does not know the label {label!r}; near ones of its {len(known)}: {', '.join(near)}.")


def _reads_sentences(predictor: Predictor) -> bool:
    return not missing_capabilities(predictor, ("sentence_alignment",))
