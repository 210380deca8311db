"""Facts of dual encoders of transformers, opened as models of images and sentences."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from duals import LONGEST, PREPROCESSING, SIZE, dual_model, saved
from images import case
from pairs import SENTENCES

from pellucid import predictors
from pellucid.errors import CapabilityError, CheckpointError, PellucidError
from pellucid.explainers.saliency import Saliency
from pellucid.predictor import missing_capabilities
from pellucid.predictors.image_text import ImageText
from pellucid.predictors.image_text.comparing import local_attention
from pellucid.predictors.image_text.dual import RULE, Dual
from pellucid.testing import check_explainer


@pytest.fixture(scope="module", params=["clip", "siglip"])
def folder(request, tmp_path_factory):
    return saved(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def model(folder) -> ImageText:
    return predictors.load(folder)


def cases(count: int = 3):
    return [case(name, (SIZE, SIZE), channels=3) for name in "abcde"[:count]]


@torch.no_grad()
def both(model, sentences=SENTENCES):
    images, texts = model.see(model.encode(cases())), model.read(sentences)
    return images, texts, model.align(images, texts)


def own(model, sentences=SENTENCES):
    """What transformers computes of the same pixels and sentences."""
    kind, tokenizer = model.module.model, model.module.tokenizer
    siglip = type(kind).__name__ == "SiglipModel"
    read = tokenizer(
        [s.lower() for s in sentences], padding="max_length" if siglip else True, max_length=LONGEST, return_tensors="pt"
    )
    given = {"input_ids": read["input_ids"]} | ({} if siglip else {"attention_mask": read["attention_mask"]})
    with torch.no_grad():
        return kind(pixel_values=model.pixels(model.encode(cases())), **given)


def test_a_folder_of_transformers_is_recognised(model, folder):
    assert isinstance(model, ImageText)
    assert isinstance(model.module, Dual)
    assert model.labels == ("an image",)
    assert model.size == (SIZE, SIZE)
    assert model.about == {"source": str(folder)}
    assert model.mean == pytest.approx((0.5, 0.4, 0.3))
    assert model.std == pytest.approx((0.25, 0.2, 0.3))


def test_whole_is_the_models_own_cosine_and_the_score_its_own_logit(model):
    images, texts, found = both(model)
    output = own(model)
    torch.testing.assert_close(found.whole, output.image_embeds @ output.text_embeds.T)
    bias = getattr(model.module.model, "logit_bias", torch.zeros(1))
    scaled = (output.logits_per_image - bias) / model.module.model.logit_scale.exp()
    torch.testing.assert_close(found.whole, scaled.detach())
    with torch.no_grad():
        torch.testing.assert_close(model.match(images, texts), output.logits_per_image)
    assert float(output.logits_per_image.std()) > 1e-2


def test_labels_are_questions_of_the_users(folder):
    model = predictors.load(folder, labels=["effusion"], threshold=0.3)
    assert model.questions == (("There is effusion.", "No effusion."),)
    assert model.threshold == 0.3
    logits = own(model, ["There is effusion.", "No effusion."]).logits_per_image
    probabilities = model.probabilities(model.encode(cases()))
    np.testing.assert_allclose(probabilities[:, 0], torch.sigmoid(logits[:, 0] - logits[:, 1]), atol=1e-9)
    with pytest.raises(PellucidError, match="does not take these settings"):
        predictors.load(folder, multi_label=True)


def test_words_attend_to_patches_by_the_corrected_rule(model):
    images, texts, found = both(model)
    assert images.grid == (4, 4)
    assert images.regions.shape[1] == 16
    attention, _, _ = local_attention(images.regions, texts.words, texts.real & ~texts.special, RULE)
    torch.testing.assert_close(found.attention, attention)
    torch.testing.assert_close(found.attention.sum(-1), (texts.real & ~texts.special).double().expand(3, -1, -1))
    assert not found.null.any()


def test_the_first_item_is_the_sentence_and_words_point_into_the_text(model):
    _, texts, _ = both(model)
    torch.testing.assert_close(texts.words[:, 0], texts.whole)
    for text, spans in zip(SENTENCES, texts.spans, strict=True):
        assert [text[a:b] for a, b in spans] == ["", *text.replace(",", "").replace(".", "").split()]


def test_a_patch_of_clip_is_embedded_as_if_it_were_the_class_token():
    module, _ = dual_model("clip")
    pixels = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    dual = Dual(*dual_model("clip"))
    with torch.no_grad():
        states = module.vision_model(pixel_values=pixels).last_hidden_state
        expected = torch.stack([module.visual_projection(module.vision_model.post_layernorm(s)) for s in states[0, 1:]])
        torch.testing.assert_close(dual.see(pixels).regions[0], expected)


def test_a_patch_of_siglip_is_embedded_as_an_image_that_is_that_patch_alone():
    module, _ = dual_model("siglip")
    pixels = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    dual = Dual(*dual_model("siglip"))
    with torch.no_grad():
        states = module.vision_model(pixel_values=pixels).last_hidden_state
        expected = torch.cat([module.vision_model.head(states[:, i : i + 1]) for i in range(16)])
        torch.testing.assert_close(dual.see(pixels).regions[0], expected)


def test_words_of_several_tokens_are_their_mean():
    dual = Dual(*dual_model("clip"))
    with torch.no_grad():
        found = dual.read(["effusion"])
        given = dual.tokenizer("effusion", return_tensors="pt")
        states = dual.model.text_model(**given).last_hidden_state[0]
        assert len(states) > 3
        torch.testing.assert_close(found.words[0, 1], dual.model.text_projection(states[1:-1].mean(0)))


def test_no_score_depends_on_batch_mates(model):
    images, texts, _ = both(model)
    with torch.no_grad():
        together = model.match(images, texts)
        alone = [[float(model.match(model.see(model.encode([c])), model.read([s]))) for s in SENTENCES] for c in cases()]
    np.testing.assert_allclose(together, alone, atol=1e-9)


def test_it_has_no_mask_token_and_says_so(model):
    with pytest.raises(CapabilityError, match="no mask token; choose what hides no words"):
        _ = model.mask_token
    texts = model.read(["None [MASK] seen"])  # "None" is a word like any other
    assert int(texts.real.sum()) - 1 == 3


def test_maps_that_are_made_before_it_looks_around_explain_nothing(model):
    assert missing_capabilities(model, ["feature_maps"])
    assert not missing_capabilities(model, ["sentence_alignment"])


def test_it_can_be_explained_for_a_sentence(model):
    check_explainer(Saliency(), model.ask(SENTENCES[:2]), cases(2))


def test_a_saved_model_comes_back_the_same(model, tmp_path):
    model.save(tmp_path / "m")
    again = predictors.load(tmp_path / "m")
    assert again.fingerprint == model.fingerprint
    assert isinstance(again.module, Dual)
    with torch.no_grad():
        torch.testing.assert_close(again.match(*both(again)[:2]), model.match(*both(model)[:2]), atol=1e-12, rtol=0)
    config = tmp_path / "m" / "encoder" / "config.json"
    text = config.read_text()
    config.write_text(text.replace('"layer_norm_eps"', '"layer_norm_epsilon"', 1))
    config.write_text(
        config.read_text().replace('"hidden_act": "quick_gelu"', '"hidden_act": "relu"').replace("gelu_pytorch_tanh", "relu")
    )
    with pytest.raises(CheckpointError, match="was changed after it was saved"):
        predictors.load(tmp_path / "m")


def test_a_slow_tokenizer_of_its_own_is_replaced_by_its_tokenizer_json(tmp_path):
    folder = saved(tmp_path, "siglip")
    written = folder / "tokenizer_config.json"
    before = predictors.load(folder)
    written.write_text(json.dumps(json.loads(written.read_text()) | {"tokenizer_class": "SiglipTokenizer"}))
    after = predictors.load(folder)
    assert after.module.tokenizer.is_fast
    with torch.no_grad():
        torch.testing.assert_close(after.read(SENTENCES).whole, before.read(SENTENCES).whole)


def test_what_is_missing_is_said(tmp_path):
    folder = saved(tmp_path, "clip")
    (folder / "preprocessor_config.json").write_text(json.dumps({**PREPROCESSING, "image_mean": [0.5]}))
    with pytest.raises(CheckpointError, match="mean and std of its 3 channels"):
        predictors.load(folder)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json"):
        predictors.load(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickle"):
        predictors.load(folder)


def test_another_model_is_no_dual_encoder():
    with pytest.raises(CapabilityError, match="no dual encoder"):
        Dual(torch.nn.Linear(1, 1), None)
