"""What only some models can do, by name, and what is said to a model that cannot."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.errors import CapabilityError
from pellucid.predictor.attention import GimGradients, LabelAttention, LabelScores, LayerAttention, PatchAttention
from pellucid.predictor.networks import Embeddings, FeatureMaps, MaskNetwork, MeasuredInputs, Network, ShapleyNetwork, SoftMasks
from pellucid.predictor.sentences import JointAttention, RegionPooling, SentenceAlignment

CAPABILITIES: dict[str, tuple[type, str]] = {
    "label_attention": (LabelAttention, "attention of each label over the text, as PLM-CA and PLM-ICD models have"),
    "label_scores": (LabelScores, "label-wise attention, as PLM-CA and PLM-ICD models have"),
    "layer_attention": (LayerAttention, "a transformer encoder whose attention can be read"),
    "gim_gradients": (GimGradients, "a transformer encoder whose backward pass can be modified"),
    "soft_masks": (SoftMasks, "images whose pixels can be removed in part"),
    "feature_maps": (FeatureMaps, "layers whose outputs are maps over the image, as convolutions have"),
    "patch_attention": (PatchAttention, "self-attention over patches that can be read, as vision transformers have"),
    "network": (Network, "a network of PyTorch that reads numbers: pixels, samples, measurements"),
    "measured_inputs": (MeasuredInputs, "inputs in units of their own, as images, signals and rows of tables have"),
    "embeddings": (Embeddings, "an embedding before a last linear layer"),
    "mask_network": (MaskNetwork, "a mask network (train one with `pellucid train --objective nemt`)"),
    "published_mask_network": (MaskNetwork, "a published mask network (train one with `pellucid train --preset nemt2025`)"),
    "embedding_mask_network": (MaskNetwork, "a mask network of embeddings (train one with `pellucid train --objective nem_u`)"),
    "sentence_mask_network": (
        MaskNetwork,
        "a mask network of sentences (train one with `pellucid train --objective nem_u_text`)",
    ),
    "sentence_alignment": (SentenceAlignment, "sentences whose words attend to regions (an image-text model)"),
    "region_scores": (SentenceAlignment, "a score that reads regions, as models with local attention have"),
    "shared_space": (Embeddings, "one space in which images and sentences are compared, as models of two towers have"),
    "region_pooling": (RegionPooling, "a whole image that is made of its regions, as towers with pooling have"),
    "joint_attention": (JointAttention, "attention between words and regions in one transformer, as joint models have"),
    "shapley_network": (ShapleyNetwork, "a network of Shapley values (train one with `pellucid train --objective fastshap`)"),
}


def missing_capabilities(predictor: object, needs: Sequence[str]) -> list[str]:
    """Those of `needs` that the predictor lacks, each described in words.

    A predictor may name in `lacks` what its kind can do and it cannot (a classifier whose encoder hides its attention).
    """
    lacks: frozenset[str] = getattr(predictor, "lacks", frozenset())
    return [CAPABILITIES[name][1] for name in needs if name in lacks or not _offers(predictor, CAPABILITIES[name][0])]


def _offers(predictor: object, protocol: type) -> bool:
    """Whether an object has the members of a protocol; what a property gives, or that it refuses, is of no concern here."""
    members = [name for name in vars(protocol) if not name.startswith("_")]
    return all(hasattr(type(predictor), name) or hasattr(predictor, name) for name in members)


def require(predictor: object, needs: Sequence[str], who: str) -> None:
    """Raise :class:`CapabilityError` unless the predictor has every capability in `needs`."""
    missing = missing_capabilities(predictor, needs)
    if missing:
        raise CapabilityError(f"{who} needs a model with {missing[0]}; choose another method for this model.")
