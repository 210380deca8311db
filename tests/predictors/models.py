"""Small models for tests: a byte-level tokenizer trained on a few sentences, two encoder layers, sharp label attention."""

from __future__ import annotations

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from pellucid.case import Case
from pellucid.predictors.plm_ca import PlmCa

LABELS = ("E11.9", "I10", "I50.9", "J18.9", "N17.9", "Z79.4")
SENTENCES = (
    "The patient was admitted with pneumonia and treated with ceftriaxone.",
    "Longstanding hypertension, on lisinopril 10 mg daily.",
    "No fever, no chest pain; type 2 diabetes on metformin.",
    "Insuficiencia cardíaca crónica, niño de 7 años, 38,5 °C.",
    "Acute kidney injury, creatinine 2.4 mg/dL → resolved. 心不全",
)


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE over the sentences, with RoBERTa's special tokens."""
    bpe = ByteLevelBPETokenizer(trim_offsets=True)
    bpe.train_from_iterator(
        SENTENCES, vocab_size=380, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False
    )
    bpe.post_processor = __import__("tokenizers").processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    named = {"bos": "<s>", "eos": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>", "cls": "<s>", "sep": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, **{f"{k}_token": v for k, v in named.items()})


def coder(decoder: str = "plm_ca", *, chunk: int = 8, max_tokens: int = 400, seed: int = 0, sharpness: float = 1.7) -> PlmCa:
    """A random model in float64. `sharpness` scales the queries, so that labels attend to few tokens as trained ones do."""
    words = tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = RobertaConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            pad_token_id=1,
            initializer_range=0.3,
        )
        encoder = RobertaModel(config, add_pooling_layer=False).eval()
    generator = torch.Generator().manual_seed(seed)
    model = PlmCa.build(encoder, words, LABELS, decoder=decoder, chunk=chunk, max_tokens=max_tokens, generator=generator)
    model.to(dtype=torch.float64)
    with torch.no_grad():
        for name, weight in model.module.decoder.named_parameters():
            if weight.ndim > 1:
                weight.mul_(sharpness if name in ("queries", "second") else 1.2)
    return model


def note(words: int, seed: int = 0, id: str = "note") -> Case:
    """A note of about so many words, cut from the sentences in a seeded order."""
    generator = torch.Generator().manual_seed(seed)
    text: list[str] = []
    while len(text) < words:
        text += SENTENCES[int(torch.randint(len(SENTENCES), (1,), generator=generator))].split()
    return Case(id=id, patient=id, inputs={"text": " ".join(text[:words])}, labels=frozenset({"I10"}))
