"""Facts of the model whose words and boxes meet in one transformer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from images import case
from pairs import SENTENCES, pair_model
from torch import nn

from pellucid import predictors
from pellucid.explainers.images.cam import GradCam
from pellucid.explainers.saliency import Saliency
from pellucid.explainers.sentences.bimodal import BimodalRelevancy
from pellucid.predictor import missing_capabilities
from pellucid.predictors.image_text import ATTENTIONS, ImageText, joint
from pellucid.predictors.image_text.boxed import PLACES, placed, pooled, pyramid
from pellucid.predictors.image_text.joint import Block, Joint
from pellucid.testing import check_explainer

SIZE = (32, 40)


@pytest.fixture(scope="module")
def model() -> ImageText:
    return pair_model(ATTENTIONS["joint"])


def batch_of(model, count: int = 3):
    return model.encode([case(name, SIZE) for name in "abcde"[:count]])


@torch.no_grad()
def both(model, sentences=SENTENCES):
    images, texts = model.see(batch_of(model)), model.read(sentences)
    return images, texts, model.align(images, texts)


# Boxes


def test_a_pyramid_holds_the_image_its_quarters_and_so_on():
    boxes = pyramid((30, 60), 3)
    assert len(boxes) == 1 + 4 + 9
    assert boxes[0].tolist() == [0, 0, 60, 30]
    assert boxes[2].tolist() == [30, 0, 60, 15]
    assert boxes[-1].tolist() == [40, 20, 60, 30]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    assert [float(areas[a:b].sum()) for a, b in ((0, 1), (1, 5), (5, 14))] == pytest.approx([1800.0] * 3)


def test_what_lies_in_a_box_is_the_mean_over_its_pixels():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    boxes = torch.tensor([[0.0, 0, 40, 32], [3, 5, 17, 9], [39, 31, 40, 32], [8, 8, 16, 16]])
    big = maps.repeat_interleave(8, 2).repeat_interleave(8, 3)  # a pixel shows the cell that it lies in
    naive = [big[:, :, int(y0) : int(y1), int(x0) : int(x1)].mean((2, 3)) for x0, y0, x1, y1 in boxes]
    torch.testing.assert_close(pooled(maps, boxes, (32, 40)), torch.stack(naive, 1))


def test_boxes_smaller_than_a_cell_show_that_cell():
    maps = torch.arange(4.0).view(1, 1, 2, 2)
    assert pooled(maps, torch.tensor([[33.0, 1.0, 34.0, 2.0]]), (40, 40)).item() == 1.0


def test_a_box_says_where_it_lies():
    found = placed(torch.tensor([[0.0, 0, 40, 20], [10, 5, 20, 20]]), (20, 40))
    assert found.shape == (2, PLACES)
    np.testing.assert_allclose(found, [[0, 0, 1, 1, 1, 1, 1], [0.25, 0.25, 0.5, 1, 0.25, 0.75, 0.1875]])


# The transformer


def test_a_layer_computes_what_torch_computes():
    block = Block(16, 4).double().eval()
    layer = nn.TransformerEncoderLayer(16, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True).double().eval()
    pairs = [
        (layer.self_attn.in_proj_weight, block.asked.weight),
        (layer.self_attn.in_proj_bias, block.asked.bias),
        *zip(layer.self_attn.out_proj.parameters(), block.told.parameters(), strict=True),
        *zip(layer.linear1.parameters(), block.feed[0].parameters(), strict=True),
        *zip(layer.linear2.parameters(), block.feed[2].parameters(), strict=True),
    ]
    with torch.no_grad():
        for theirs, ours in pairs:
            theirs.copy_(ours)
    items = torch.randn(3, 7, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    real = torch.ones(3, 7, dtype=torch.bool)
    real[1, 4:] = False
    found, attention = block(items, real)
    expected = layer(items, src_key_padding_mask=~real)
    torch.testing.assert_close(found[real], expected[real])
    torch.testing.assert_close(attention.sum(-1), torch.ones(3, 4, 7, dtype=torch.float64))
    assert not attention[1, :, :, 4:].any()


def test_each_word_spreads_all_its_attention_over_the_boxes(model):
    images, texts, found = both(model)
    assert images.boxes.shape == (30, 4)
    assert found.attention.shape == (3, len(SENTENCES), texts.words.shape[1], 30)
    torch.testing.assert_close(found.attention.sum(-1), texts.real.double().expand(3, -1, -1))
    assert not found.null.any()
    assert torch.equal(found.local, found.whole)


def test_the_sentence_changes_the_map_and_so_does_the_image(model):
    _, _, found = both(model)
    assert float((found.attention[:, 0, 0] - found.attention[:, 1, 0]).abs().max()) > 1e-6
    assert float((found.attention[0] - found.attention[1]).abs().max()) > 1e-6


def test_neither_padding_nor_batch_mates_change_a_score(model):
    images, texts, found = both(model)
    with torch.no_grad():
        together = model.match(images, texts)
        torch.testing.assert_close(together, 10 * found.local)
        assert float(together.std()) > 1e-3
        for i, name in enumerate("abc"):
            for j, sentence in enumerate(SENTENCES):
                alone = model.match(model.see(model.encode([case(name, SIZE)])), model.read([sentence]))
                torch.testing.assert_close(alone[0, 0], together[i, j], atol=1e-9, rtol=0)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_what_pairs_share_changes_neither_their_scores_and_maps_nor_what_they_teach(layers):
    """Against every pair by itself, with all items moved in every layer."""
    model = pair_model(None)
    network = model.module
    network.layers = nn.ModuleList(Block(16, 4).double() for _ in range(layers))
    images, texts = network.see(model.pixels(batch_of(model))), network.read(SENTENCES)
    found = network.align(images, texts)
    length, scores, maps = texts.words.shape[1], [], []
    for i in range(3):
        for j in range(len(SENTENCES)):
            items = torch.cat([texts.words[j], images.regions[i]])[None]
            there = torch.cat([texts.real[j], torch.ones(30, dtype=torch.bool)])[None]
            for layer in network.layers:
                items, attention = layer(items, there)
            scores.append(network.score(items[0, 0]))
            looks = attention[0].mean(0)[:length, length:]
            maps.append(looks / looks.sum(-1, keepdim=True) * texts.real[j][:, None])
    naive_scores, naive_maps = torch.cat(scores).view(3, -1), torch.stack(maps).unflatten(0, (3, -1))
    torch.testing.assert_close(found.local, naive_scores, atol=1e-12, rtol=0)
    torch.testing.assert_close(found.attention, naive_maps, atol=1e-12, rtol=0)
    weights = list(network.parameters())
    sent, expected = (
        torch.autograd.grad(s.logsumexp(1).sum() + (m**2).sum(), weights, retain_graph=True, materialize_grads=True)
        for s, m in ((found.local, found.attention), (naive_scores, naive_maps))
    )
    torch.testing.assert_close(sent, expected, atol=1e-10, rtol=1e-8)


def test_pairs_are_the_same_however_many_are_read_at_once(model, monkeypatch):
    images, texts, found = both(model)
    monkeypatch.setattr(joint, "_PAIRS", 5)
    with torch.no_grad():
        again = model.align(images, texts)
    torch.testing.assert_close(again.attention, found.attention)
    torch.testing.assert_close(again.local, found.local)


def test_the_score_of_a_pair_teaches_boxes_words_and_layers():
    model = pair_model(None)
    with torch.enable_grad():
        model.match(model.see(batch_of(model)), model.read(SENTENCES))[0, 1].backward()
    network = model.module
    for part in (network.image.network.stem, network.image.region, network.text.encoder, network.layers[0], network.score):
        assert sum(float(p.grad.abs().sum()) for p in part.parameters() if p.grad is not None) > 0


def test_a_map_can_be_taught():
    model = pair_model(None)
    with torch.enable_grad():
        model.align(model.see(batch_of(model)), model.read(SENTENCES)).attention[0, 0, 1, 3].log().backward()
    assert float(model.module.layers[-1].asked.weight.grad.abs().sum()) > 0


def test_its_attention_can_be_read_layer_by_layer(model):
    _, texts, found = both(model)
    readings = list(model.joint_attention(batch_of(model), SENTENCES))
    assert [(r.case, r.sentence) for r in readings] == [(i, j) for i in range(3) for j in range(len(SENTENCES))]
    reading = readings[len(SENTENCES) + 1]
    items = int(texts.real[1].sum())
    assert reading.items == items
    assert reading.attention.shape == reading.gradient.shape == (2, 4, items + 30, items + 30)
    looks = reading.attention[-1].mean(0)[:items, items:]
    torch.testing.assert_close(looks / looks.sum(1, keepdim=True), found.attention[1, 1, :items])
    assert reading.readout.tolist() == [1.0] + [0.0] * (items + 29)


def test_the_gradient_of_the_attention_is_that_of_the_score(model):
    """Moving the attention of the first token in the last layer by a little moves the score by the gradient."""
    reading = next(model.joint_attention(batch_of(model), SENTENCES))
    last, step = model.module.layers[-1], 1e-6
    images, texts = both(model)[:2]
    row, column = 0, reading.items + 4

    def moved(by):
        value = reading.attention[-1].clone()
        value[1, row, column] += by
        with torch.no_grad():
            items = torch.cat([texts.words[0, texts.real[0]], images.regions[0]])[None]
            items, _ = model.module.layers[0](items, torch.ones(items.shape[:2], dtype=torch.bool))
            values = last.asked(last.before(items)).unflatten(-1, (3, 4, -1))[0, :, 2].transpose(0, 1)
            items = items + last.told((value @ values).transpose(0, 1).flatten(1))
            items = items + last.feed(last.between(items))
            return float(10 * model.module.score(items[:, 0]))

    torch.testing.assert_close(
        torch.tensor((moved(step) - moved(-step)) / (2 * step), dtype=torch.float64),
        reading.gradient[-1, 1, row, column],
        rtol=1e-5,
        atol=1e-8,
    )


def test_it_has_maps_and_joint_attention(model):
    assert not missing_capabilities(model, ["sentence_alignment", "feature_maps", "joint_attention"])
    assert missing_capabilities(model, ["patch_attention"])
    assert isinstance(model.module, Joint)


@pytest.mark.parametrize("method", [GradCam(), Saliency(), BimodalRelevancy()], ids=lambda m: m.name)
def test_it_can_be_explained(model, method):
    check_explainer(method, model.ask(SENTENCES[:2]), [case("a", SIZE), case("b", SIZE)])


def test_a_saved_model_comes_back_the_same(model, tmp_path):
    model.save(tmp_path / "m")
    again = predictors.load(tmp_path / "m")
    assert isinstance(again.module, Joint)
    assert again.fingerprint == model.fingerprint
    with torch.no_grad():
        assert torch.equal(again.match(*both(again)[:2]), model.match(*both(model)[:2]))
