"""Small random text classifiers for tests: BERT and ELECTRA tell segments apart, the others do not."""

from __future__ import annotations

import torch
from models import SENTENCES, tokenizer
from tokenizers import BertWordPieceTokenizer
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertTokenizerFast,
    DistilBertConfig,
    ElectraConfig,
    LongformerConfig,
    MPNetConfig,
    RobertaConfig,
)

from pellucid.case import Case
from pellucid.predictors.text_classifier import TextClassifier

LABELS = ("better", "worse", "no difference")
QUESTION = "On metformin?"
_SHAPE = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16, "intermediate_size": 32}
_DISTIL = {"n_layers": 2, "n_heads": 2, "dim": 16, "hidden_dim": 32}
KINDS = {
    "bert": (BertConfig, _SHAPE | {"max_position_embeddings": 128}),
    "roberta": (RobertaConfig, _SHAPE | {"max_position_embeddings": 130, "type_vocab_size": 1, "pad_token_id": 1}),
    "distilbert": (DistilBertConfig, _DISTIL | {"max_position_embeddings": 128}),
    "electra": (ElectraConfig, _SHAPE | {"embedding_size": 8, "max_position_embeddings": 128}),
    "mpnet": (MPNetConfig, _SHAPE | {"max_position_embeddings": 130, "pad_token_id": 1}),
    "longformer": (
        LongformerConfig,
        _SHAPE | {"max_position_embeddings": 130, "type_vocab_size": 1, "pad_token_id": 1, "attention_window": 8},
    ),
}


def words_of(kind: str):
    """The tokenizer that goes with a kind: word pieces with BERT's special tokens, or byte-level BPE with RoBERTa's."""
    if kind in ("roberta", "mpnet", "longformer"):
        return tokenizer()
    pieces = BertWordPieceTokenizer(lowercase=False)
    pieces.train_from_iterator([*SENTENCES, QUESTION], vocab_size=300, min_frequency=1, show_progress=False)
    return BertTokenizerFast(vocab=pieces.get_vocab(), do_lower_case=False)


def transformers_classifier(kind: str = "bert", labels=LABELS, *, seed: int = 0, **config):
    """A random classifier of transformers in float64, loud enough for its logits to differ."""
    family, shape = KINDS[kind]
    words = words_of(kind)
    made = family(vocab_size=len(words), initializer_range=0.35, id2label=dict(enumerate(labels)), **shape, **config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = AutoModelForSequenceClassification.from_config(made).double().eval()
    return module, words


def classifier(kind: str = "bert", *, exclusive: bool = True, window: int | None = 16, labels=LABELS, **settings):
    """The same opened for explanation."""
    module, words = transformers_classifier(kind, labels)
    return TextClassifier(module, words, labels, exclusive=exclusive, window=window, **settings)


def text(words: int, seed: int = 0, id: str = "text", question: str | None = None) -> Case:
    """A text of about so many words, cut from the sentences in a seeded order."""
    generator = torch.Generator().manual_seed(seed)
    found: list[str] = []
    while len(found) < words:
        found += SENTENCES[int(torch.randint(len(SENTENCES), (1,), generator=generator))].split()
    inputs = {"text": " ".join(found[:words])} | ({} if question is None else {"question": question})
    return Case(id, id, inputs, frozenset({LABELS[0]}))
