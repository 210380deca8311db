"""Defects of tokens, figures, losses, scores and rewordings, injected on purpose: each is caught by name; ours pass."""

from __future__ import annotations

import random
import re
from functools import cache

import numpy as np
import pytest
import torch
from pairs import SENTENCES, pair_model

from pellucid.alignment.checks import (
    Inapplicable,
    Probe,
    checked_model,
    idle_shuffle,
    ignored_weight,
    inconsistent_ties,
    mask_read_as_word,
    mask_token_lost,
    probes,
    related_random_sentence,
    substring_swap,
    unlike_scores,
    unsound_divergence,
)
from pellucid.alignment.maps import jensen_shannon, symmetric_kl
from pellucid.alignment.tops import at_percent
from pellucid.case import Boxes, Case, Phrase
from pellucid.metrics.base import Reading
from pellucid.picture import Picture
from pellucid.predictors.image_text import CORRECTED, PUBLISHED
from pellucid.predictors.image_text.texts import Tokens
from pellucid.rewording import Context, derangement, random_sentence, swapped
from pellucid.training.objectives.pairs.contrastive import contrast
from pellucid.units import PixelUnits

NOWHERE = Boxes(np.zeros((0, 4)))


@pytest.fixture(scope="module")
def model():
    return pair_model()


# 3. The mask token never reaches the encoder.


def cleaned_late(text: str) -> str:
    """The released code: cleaning after words were hidden lower-cases and keeps runs of word characters."""
    return " ".join(re.findall(r"\w+", text.lower()))


def test_a_mask_token_that_is_cleaned_into_a_word_is_named(model):
    tokenizer = model.module.tokenizer

    def released(text):
        return tokenizer(cleaned_late(text))["input_ids"]

    verdict = mask_token_lost(released, tokenizer.mask_token, tokenizer.mask_token_id)
    assert (verdict.name, verdict.passed) == ("mask_token_lost", False)
    assert verdict.counts["mask ids"] == 0


def test_our_sentences_reach_the_encoder_with_their_mask(model):
    tokenizer = model.module.tokenizer
    verdict = mask_token_lost(
        lambda text: Tokens([text], tokenizer).ids[0].tolist(), tokenizer.mask_token, tokenizer.mask_token_id
    )
    assert verdict.passed
    assert verdict.counts["mask ids"] == 5


class Late:
    """A model that cleans sentences after words were hidden."""

    def __init__(self, model):
        self.model = model
        self.mask_token = model.mask_token

    def read(self, sentences):
        return self.model.read([cleaned_late(text) for text in sentences])


def test_a_model_that_reads_its_mask_as_a_word_is_named(model):
    verdict = mask_read_as_word(Late(model))
    assert (verdict.name, verdict.passed) == ("mask_read_as_word", False)


def test_our_model_reads_its_mask_as_one_hidden_word(model):
    assert mask_read_as_word(model).passed


# 4. Precision and recall count ties in, intersection over union counts them out.


def shown(scores, share, strict):
    """The pixels beyond the threshold that leaves `share` of them above, as the released code has it."""
    threshold = np.sort(scores)[::-1][round(share * len(scores)) - 1]
    return scores > threshold if strict else scores >= threshold


def precision(scores, truth, share, strict=False):
    found = shown(scores, share, strict)
    return (found & truth).sum() / max(found.sum(), 1)


def recall(scores, truth, share, strict=False):
    return (shown(scores, share, strict) & truth).sum() / truth.sum()


def iou(scores, truth, share, strict=True):
    found = shown(scores, share, strict)
    return (found & truth).sum() / (found | truth).sum()


def test_ties_that_are_counted_in_here_and_out_there_are_named():
    verdict = inconsistent_ties(precision, recall, iou)
    assert (verdict.name, verdict.passed) == ("inconsistent_ties", False)
    assert "more pixels count as shown" in verdict.says
    assert "one rule for ties" in verdict.says


def test_ties_that_are_all_counted_in_are_named_although_the_figures_agree():
    verdict = inconsistent_ties(precision, recall, lambda *args: iou(*args, strict=False))
    assert not verdict.passed
    assert "recall is higher than so few pixels can reach" in verdict.says


def by_order(figure):
    """The same figure of exactly as many pixels, ties broken by their order."""
    return lambda scores, truth, share: figure(-np.argsort(np.argsort(-scores, kind="stable")), truth, share, False)


def test_ties_that_are_broken_by_order_pass():
    assert inconsistent_ties(by_order(precision), by_order(recall), by_order(iou)).passed


def test_figures_of_the_audit_share_their_ties():
    def ours(name):
        def figure(scores, truth, share):
            percent = round(100 * share)
            return dict(at_percent(Reading(scores, False, PixelUnits(20, 20), truth), percent))[f"{name}_at_{percent}_percent"]

        return figure

    verdict = inconsistent_ties(ours("precision"), ours("recall"), ours("iou"))
    assert verdict.passed
    assert verdict.counts["probes"] > 40


def test_figures_that_refuse_apart_are_named():
    nan = float("nan")
    assert "refuse together" in inconsistent_ties(by_order(precision), by_order(recall), lambda *args: nan).says
    assert inconsistent_ties(*[lambda *args: nan] * 3).passed


# 7. A weight that only switches its term on, and a divergence of what are no distributions.


def test_a_weight_that_only_switches_its_term_on_is_named():
    verdict = ignored_weight(lambda weight: 2.0 + (0.3 if weight else 0.0))
    assert (verdict.name, verdict.passed) == ("ignored_weight", False)
    assert "without weighing" in verdict.says


def test_a_weight_that_is_ignored_altogether_is_named():
    assert "is ignored" in ignored_weight(lambda weight: 2.3).says


def test_a_loss_that_is_not_finite_is_named():
    assert "not finite" in ignored_weight(lambda weight: float("nan") * weight).says


def test_our_weights_weigh():
    scores = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    own, spared = torch.eye(4, dtype=torch.bool), torch.zeros(4, 4, dtype=torch.bool)
    assert ignored_weight(
        lambda weight: float(contrast(scores, own, spared) + weight * contrast(2 * scores, own, spared))
    ).passed


def raw_kl(a, b):
    """The released code: raw logarithms of maps whose opt-out share was left away."""
    with np.errstate(all="ignore"):
        return float(((a * np.log(a / b)).sum() + (b * np.log(b / a)).sum()) / 2)


def test_a_divergence_of_raw_logarithms_is_named():
    verdict = unsound_divergence(raw_kl)
    assert (verdict.name, verdict.passed) == ("unsound_divergence", False)
    assert "0 log 0" in verdict.says
    assert "opt-out" in verdict.says


def test_a_divergence_that_tells_no_maps_apart_is_named():
    assert "diverge by nothing" in unsound_divergence(lambda a, b: 0.0).says


@pytest.mark.parametrize("ours", [jensen_shannon, symmetric_kl])
def test_divergences_of_the_audit_are_sound(ours):
    assert unsound_divergence(ours).passed


# 8. Training sums over the words and the first token, retrieval takes the greatest of the words and the last.


def fits(probe: Probe, kept: np.ndarray) -> np.ndarray:
    words = probe.words[kept]
    weights = np.exp(words @ probe.regions.T)
    seen = weights / weights.sum(1, keepdims=True) @ probe.regions
    return (words * seen).sum(1) / np.linalg.norm(words, axis=1) / np.linalg.norm(seen, axis=1)


def training_score(probe: Probe) -> float:
    kept = np.arange(len(probe.words)) < len(probe.words) - 1
    return float(np.log(np.exp(5 * fits(probe, kept)).sum()))


def retrieval_score(probe: Probe) -> float:
    kept = np.arange(len(probe.words)) > 0
    return float(5 * fits(probe, kept).max())


def test_scores_of_other_words_and_another_aggregator_are_named():
    verdict = unlike_scores(training_score, retrieval_score, probes())
    assert (verdict.name, verdict.passed) == ("unlike_scores", False)
    assert verdict.counts["ranked otherwise"] > 5


def test_scores_that_differ_in_scale_alone_pass():
    assert unlike_scores(training_score, lambda probe: 3 * training_score(probe) - 1, probes()).passed


def test_a_score_that_is_the_same_for_all_pairs_is_named():
    assert not unlike_scores(training_score, lambda probe: 1.0, probes()).passed


def test_a_score_that_is_no_number_is_named():
    assert "not finite" in unlike_scores(training_score, lambda probe: float("nan"), probes()).says


def test_one_pair_has_no_rank():
    with pytest.raises(Inapplicable, match="two pairs"):
        unlike_scores(training_score, retrieval_score, probes(1))
    with pytest.raises(Inapplicable, match="pairs that differ"):
        unlike_scores(lambda probe: 1.0, lambda probe: 2.0, probes())


@pytest.mark.parametrize("rule", [CORRECTED, PUBLISHED])
def test_our_models_rank_as_they_are_trained(rule):
    pixels = np.random.default_rng(0).random((3, 32, 40, 1)).astype(np.float32)
    said = tuple(Phrase(text, NOWHERE) for text in SENTENCES)
    cases = [Case(str(i), str(i), {"image": Picture(p)}, frozenset(), sentences=said) for i, p in enumerate(pixels)]
    verdicts = checked_model(pair_model(rule), cases)
    assert [verdict.name for verdict in verdicts] == ["mask_read_as_word", "unlike_scores"]
    assert all(verdict.passed for verdict in verdicts)
    assert len(checked_model(pair_model(rule), [])) == 1


# 9. Left and right are exchanged as substrings.


def substrings(text: str) -> str:
    return text.lower().replace("left", "\0").replace("right", "left").replace("\0", "right")


def test_an_exchange_of_substrings_is_named():
    assert substrings("bright") == "bleft"
    verdict = substring_swap(substrings)
    assert (verdict.name, verdict.passed) == ("substring_swap", False)
    assert "whole words" in verdict.says


def test_an_exchange_that_does_nothing_or_is_one_way_is_named():
    assert "not exchanged" in substring_swap(lambda text: text).says
    assert "twice is not as before" in substring_swap(lambda text: re.sub(r"\bleft\b", "right", text, flags=re.I)).says


def test_our_exchange_knows_words():
    assert substring_swap(swapped).passed


# 10. A shuffle that may be none, and random sentences without a seed or about the same region.


def permuted(items, seed):
    return [items[i] for i in np.random.default_rng(seed).permutation(len(items))]


@cache
def unseeded() -> random.Random:
    return random.Random(0)


def rotated_at_random(items, seed):
    step = unseeded().randrange(1, len(items)) if len(items) > 1 else 0
    return [*items[step:], *items[:step]] if step else None


def test_a_permutation_that_may_leave_sentences_where_they_are_is_named():
    verdict = idle_shuffle(permuted)
    assert (verdict.name, verdict.passed) == ("idle_shuffle", False)
    assert "keeps its place" in verdict.says


def test_a_shuffle_without_a_seed_is_named():
    assert idle_shuffle(rotated_at_random).says.startswith("Found: the same seed shuffles differently")


def test_a_shuffle_that_loses_sentences_is_named():
    assert "lost or repeated" in idle_shuffle(lambda items, seed: items[1:]).says


def test_our_derangement_moves_every_sentence():
    def ours(items, seed):
        report = [Phrase(str(item), NOWHERE, regions=(str(item),)) for item in items]
        made = []
        for i, phrase in enumerate(report):
            siblings = tuple(other for j, other in enumerate(report) if j != i)
            made.append(derangement(phrase, Context(siblings, seed=seed, case="c", index=i)))
        return [one.text for one in made if one is not None]

    assert idle_shuffle(ours, seeds=range(4)).passed


def test_a_random_sentence_about_the_same_region_is_named():
    def careless(phrase, others, seed):
        return others[int(np.random.default_rng(seed).integers(len(others)))].text

    verdict = related_random_sentence(careless)
    assert (verdict.name, verdict.passed) == ("related_random_sentence", False)


def test_a_random_sentence_without_a_seed_is_named():
    def unsteady(phrase, others, seed):
        fitting = [other.text for other in others if not set(other.regions) & set(phrase.regions)]
        return unseeded().choice(fitting) if fitting else None

    assert "same seed draws differently" in related_random_sentence(unsteady).says


def test_our_random_sentence_is_about_another_place():
    def ours(phrase, others, seed):
        made = random_sentence(phrase, Context(others=tuple(others), seed=seed, case="c"))
        return None if made is None else made.text

    assert related_random_sentence(ours).passed
