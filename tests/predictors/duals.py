"""Small random dual encoders of transformers, CLIP and SigLIP, as folders and opened."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from pairs import SENTENCES
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, PreTrainedTokenizerFast, SiglipConfig, SiglipModel

SIZE, PATCH, LONGEST = 32, 8, 80
_SHAPE = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
_VISION = {**_SHAPE, "image_size": SIZE, "patch_size": PATCH}
PREPROCESSING = {
    "do_normalize": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.25, 0.2, 0.3],
    "size": {"height": SIZE, "width": SIZE},
}


def clip_tokenizer() -> CLIPTokenizer:
    letters = list(pre_tokenizers.ByteLevel.alphabet())
    names = [*sorted(letters), *(f"{c}</w>" for c in sorted(letters)), "ef", "eff", "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer({name: i for i, name in enumerate(names)}, [("e", "f"), ("ef", "f")], model_max_length=LONGEST)


def siglip_tokenizer() -> PreTrainedTokenizerFast:
    core = Tokenizer(models.BPE(unk_token="<unk>"))
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.train_from_iterator(
        SENTENCES, trainers.BpeTrainer(vocab_size=120, special_tokens=["<unk>", "</s>"], show_progress=False)
    )
    core.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="<unk>", eos_token="</s>", pad_token="</s>", model_max_length=LONGEST
    )


def dual_model(kind: str, seed: int = 0):
    """A CLIPModel or SiglipModel in float64, loud enough for its cosines to differ."""
    tokenizer = clip_tokenizer() if kind == "clip" else siglip_tokenizer()
    text = {**_SHAPE, "vocab_size": len(tokenizer), "max_position_embeddings": LONGEST, "pad_token_id": tokenizer.pad_token_id}
    text |= {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == "clip":
            made = CLIPModel(CLIPConfig(text_config=text, vision_config=_VISION, projection_dim=20))
        else:
            made = SiglipModel(SiglipConfig(text_config={**text, "projection_size": 24}, vision_config=_VISION))
        with torch.no_grad():
            for name, weight in made.named_parameters():
                if weight.ndim > 1:
                    weight.normal_(0.0, 0.3)
                elif name == "logit_scale":
                    weight.fill_(1.7)
    return made.double().eval(), tokenizer


def saved(folder: Path, kind: str) -> Path:
    """As transformers writes it."""
    model, tokenizer = dual_model(kind)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING))
    return folder
