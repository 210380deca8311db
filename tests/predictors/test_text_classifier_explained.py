"""Attention of an ordinary classifier is that of its class token; every method explains such a model as it does any other."""

from __future__ import annotations

import pytest
import torch
from classifiers import LABELS, QUESTION, classifier, text, transformers_classifier
from models import SENTENCES

from pellucid.case import Case, Spans
from pellucid.errors import CapabilityError
from pellucid.explainers.base import Fittable, modalities_of
from pellucid.predictor import GimGradients, LabelAttention, LabelScores, LayerAttention, missing_capabilities
from pellucid.predictors.text_classifier import TextClassifier
from pellucid.predictors.text_classifier.pooling import POOLINGS
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer
from pellucid.training.trainable import Trainable

TARGETS = [*(Target.label(label) for label in LABELS), Target.contrast(LABELS[0], LABELS[1])]
READABLE = ("bert", "roberta", "distilbert", "electra")
MODEL = {kind: classifier(kind, window=20) for kind in ("bert", "roberta")}
OF_TEXT = [name for name in explainers.names() if "text" in modalities_of(explainers.factory(name))]


def test_a_text_classifier_can_be_trained_and_has_all_attention_but_that_of_a_label():
    model = classifier()
    for able in (LabelAttention, LayerAttention, GimGradients, Trainable):
        assert isinstance(model, able)
    assert not isinstance(model, LabelScores)


@pytest.mark.parametrize("name", OF_TEXT)
@pytest.mark.parametrize("kind", list(MODEL))
def test_every_method_keeps_its_contract(kind, name):
    model, explainer = MODEL[kind], explainers.create(name)
    if missing_capabilities(model, explainer.needs):
        with pytest.raises(CapabilityError):
            explainer(model, model.encode([text(5)]), TARGETS[:1])
        return
    if isinstance(explainer, Fittable):
        marked = Case("m", "m", {"text": SENTENCES[0]}, frozenset({LABELS[0]}), (Spans.of((4, 11), label=LABELS[0]),))
        explainer = explainer.fit([marked])
    check_explainer(explainer, model, [text(14), text(3, 1, "b"), text(7, 2, "c", QUESTION)], atol=3e-6)


def test_an_encoder_that_hides_its_attention_lacks_the_capabilities_and_no_others():
    module, words = transformers_classifier("mpnet")
    model = TextClassifier(module, words, LABELS, exclusive=True)
    assert model.lacks == {"label_attention", "layer_attention", "gim_gradients"}
    assert missing_capabilities(model, ("gim_gradients",)) == missing_capabilities(object(), ("gim_gradients",))
    with pytest.raises(CapabilityError, match="needs a model with"):
        explainers.create("attingrad")(model, model.encode([text(5)]), TARGETS)
    assert not any(MODEL[kind].lacks for kind in MODEL)


def attention_by_hand(kind, case, pooling="mean"):
    """Attention of the class token from transformers' own outputs, and the gradient of the logits with respect to it."""
    module, words = transformers_classifier(kind)
    module.set_attn_implementation("eager")
    model = TextClassifier(module, words, LABELS, exclusive=True, window=12, pooling=pooling)
    batch = model.encode([case])
    found = []
    for ids, types, length in zip(*vars(batch.data.texts[0].windows).values(), strict=True):
        given = {"input_ids": torch.tensor(ids[None, :length])}
        given |= {"token_type_ids": torch.tensor(types[None, :length])} if kind in ("bert", "electra") else {}
        out = module(**given, output_attentions=True)
        last = out.attentions[-1]
        slopes = [torch.autograd.grad(z, last, retain_graph=True)[0][0, :, 0] for z in out.logits[0]]
        found.append((last[0, :, 0].detach(), torch.stack(slopes), out.logits[0].detach()))
    return model, batch, found


@pytest.mark.parametrize("kind", READABLE)
def test_label_attention_is_the_class_tokens_attention_times_the_share_of_its_window(kind):
    model, batch, found = attention_by_hand(kind, text(20))
    (reading,) = model.label_attention(batch, TARGETS[:3])
    width = batch.data.texts[0].windows.ids.shape[1]
    assert len(found) > 1
    assert torch.allclose(reading.attention.sum(1), torch.ones(3, dtype=torch.float64))
    for n, (attention, slopes, _) in enumerate(found):
        rows = slice(n * width, n * width + attention.shape[1])
        assert torch.allclose(reading.attention[:, rows], (attention.mean(0) / len(found)).expand(3, -1), atol=1e-12)
        assert torch.allclose(reading.attention_gradient[:, rows], slopes.sum(1), atol=1e-10)
        through = attention * (slopes - (attention * slopes).sum(-1, keepdim=True))
        assert torch.allclose(reading.score_gradient[:, rows], through.sum(1) / len(found), atol=1e-10)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_attention_times_its_gradient_is_what_all_heads_say_together(pooling):
    model, batch, found = attention_by_hand("bert", text(20), pooling)
    (reading,) = model.label_attention(batch, TARGETS)
    logits = torch.stack([z for _, _, z in found])
    share = {"mean": torch.full_like(logits, 1 / len(found)), "logsumexp": logits.softmax(0)}.get(pooling)
    share = share if share is not None else torch.nn.functional.one_hot(logits.argmax(0), len(found)).T.double()
    width = batch.data.texts[0].windows.ids.shape[1]
    for n, (attention, slopes, _) in enumerate(found):
        rows = slice(n * width, n * width + attention.shape[1])
        label = share[n, :, None] * attention.mean(0) * slopes.sum(1)
        product = (reading.attention * reading.attention_gradient)[:, rows]
        assert torch.allclose(product[:3], label, atol=1e-10)
        assert torch.allclose(
            product[3], (share[n, 0] * slopes[0] - share[n, 1] * slopes[1]).sum(0) * attention.mean(0), atol=1e-10
        )


def test_padding_receives_no_attention():
    model = classifier(window=16)
    batch = model.encode([text(30), text(3, 1, "b")])
    for reading, read in zip(model.label_attention(batch, TARGETS), batch.data.texts, strict=True):
        real = torch.arange(read.windows.ids.shape[1]) < torch.tensor(read.windows.lengths)[:, None]
        assert not real.all()
        for values in vars(reading).values():
            assert (values[:, ~real.flatten()] == 0).all()


@pytest.mark.parametrize("kind", READABLE)
def test_layer_attention_is_that_of_transformers_window_by_window(kind):
    module, words = transformers_classifier(kind)
    module.set_attn_implementation("eager")
    model = TextClassifier(module, words, LABELS, exclusive=True, window=12)
    batch = model.encode([text(1), text(20, 1, "b")])
    blocks = list(model.layer_attention(batch))
    assert [b.case for b in blocks] == [c for c in (0, 1) for _ in range(len(batch.data.texts[c].windows))]
    for block in blocks:
        windows = batch.data.texts[block.case].windows
        width = windows.ids.shape[1]
        n, length = block.start // width, windows.lengths[block.start // width]
        with torch.no_grad():
            layers = module(input_ids=torch.tensor(windows.ids[n : n + 1, :length]), output_attentions=True).attentions
        size = min(length, block.attention.shape[-1])
        assert torch.allclose(block.attention[:, :, :size, :size], torch.cat(layers)[:, :, :size, :size], atol=1e-12)
        assert (block.attention[:, :, :, size:] == 0).all()


def test_the_head_reads_the_class_token_of_each_window():
    model = classifier(pooling="logsumexp")
    batch = model.encode([text(30)])
    (rows,) = model.readout(batch, TARGETS)
    windows = batch.data.texts[0].windows
    first = torch.arange(len(windows)) * windows.ids.shape[1]
    assert torch.allclose(rows.sum(1), torch.ones(len(TARGETS), dtype=torch.float64))
    assert torch.allclose(rows[:, first].sum(1), torch.ones(len(TARGETS), dtype=torch.float64))


def test_a_head_that_reads_more_than_the_class_token_has_no_attention_of_labels():
    class Averaging(torch.nn.Module):
        def __init__(self, head):
            super().__init__()
            self.head = head

        def forward(self, hidden):
            return self.head(hidden.mean(1, keepdim=True))

    module, words = transformers_classifier("roberta")
    module.classifier = Averaging(module.classifier)
    model = TextClassifier(module, words, LABELS, exclusive=True)
    assert model.lacks == {"label_attention"}
    with pytest.raises(CapabilityError, match="reads other tokens than the class token"):
        model.label_attention(model.encode([text(5)]), TARGETS)


@pytest.mark.parametrize("kind", READABLE)
def test_gim_sends_back_other_gradients_than_autograd_of_the_same_shape(kind):
    model = classifier(kind)
    batch = model.encode([text(20)])
    plain = list(model.feature_gradients(batch, TARGETS[:2]))
    changed = list(model.gim_gradients(batch, TARGETS[:2]))
    cooler = list(model.gim_gradients(batch, TARGETS[:2], temperature=1.0))
    for a, b, c in zip(plain, changed, cooler, strict=True):
        assert a.gradient.shape == b.gradient.shape
        assert torch.equal(a.starts, b.starts)
        assert not torch.allclose(a.gradient, b.gradient)
        assert not torch.allclose(b.gradient, c.gradient)
