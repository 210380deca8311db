"""What came of a training, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.cli.tables import facts
from pellucid.predictor import modality_of

if TYPE_CHECKING:
    from pellucid.predictors.image_classifier import ImageClassifier
    from pellucid.training.masks import MaskRecipe
    from pellucid.training.trainable import Trainable


def _decisions(model: Trainable, figures: dict[str, str]) -> dict[str, str]:
    """How labels are assigned, and how good that is on validation."""
    if model.exclusive:
        return {"assigned": "the most probable label", "validation": f"accuracy {figures.get('accuracy', '-')}"}
    ranking = "map" if modality_of(model) == "text" else "label_map"  # that by which epochs are chosen
    return {
        "threshold": f"{model.threshold:.3f}, tuned on validation",
        "validation": f"mAP {figures.get(ranking, '-')}, micro F1 {figures.get('micro_f1', '-')}",
    }


def _matching(figures: Mapping[str, Any]) -> str:
    """How well sentences of validation tell their own images from those of others."""
    return (
        f"{figures['matching']:.3f} on validation ({figures['sentences']:,} sentences; local {figures['matching_local']:.3f}, "
        f"whole {figures['matching_whole']:.3f}; chance 0.5)"
    )


def summary(model: Trainable, out: Path) -> Any:
    """What came of a training run."""
    about = model.about
    told = about["validation"]
    figures = {name: f"{value:.3f}" for name, value in told.items() if isinstance(value, float)}
    kept = "kept" if about.get("recipe", {}).get("keep") == "last" else "best"
    rows = {
        "folder": str(out),
        "labels": f"{len(model.labels):,}",
        f"{kept} epoch": f"{about['best_epoch']} of {len(about['history'])}",
        **({"matching": _matching(told)} if "matching" in told else {}),
        **_decisions(model, figures),
        "fingerprint": model.fingerprint[:16],
    }
    if about["truncated_training_cases"]:
        rows["cut at the end"] = f"{about['truncated_training_cases']:,} training notes longer than max_tokens"
    evidence = about["objective"]["found"].get("evidence")
    if evidence is not None:
        rows["evidence"] = f"{evidence['aligned']:,} of {evidence['pairs']:,} marked pairs of a case and a label were learnt"
    return facts("Model", rows)


def mask_summary(model: ImageClassifier, recipe: MaskRecipe, out: Path) -> Any:
    """What came of the training of a mask network."""
    masker = model.maskers[recipe.network]
    about = masker.about
    rows = {
        "folder": str(out),
        "explains": f"with --method {recipe.network}",
        "reads": ", ".join(masker.settings.taps),
        "weights": f"{sum(p.numel() for p in masker.decoder.parameters()):,}",
        "best epoch": f"{about['best_epoch']} of {len(about['history'])}",
        "validation loss": ", ".join(f"{value:.4f} by the {judge}" for judge, value in about["validation"].items()),
        "fingerprint": f"{model.fingerprint[:16]}, that of the model, which is unchanged",
    }
    return facts("Mask network", rows)
