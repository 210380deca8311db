"""Supervised attention: what is learnt from evidence, how it is aligned, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_notes import WORDS, ToyNotes

from pellucid.case import Case, Spans, density
from pellucid.errors import CapabilityError, DataError
from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.predictors.plm_ca import PlmCa
from pellucid.predictors.text_classifier import TextClassifier
from pellucid.target import Target
from pellucid.training import Recipe, train
from pellucid.training.objectives import objective
from pellucid.training.objectives.evidence import EvidenceSupervision, terms
from pellucid.training.run import true_labels
from pellucid.training.step import Step

RECIPE = Recipe(chunk=32, epochs=3, batch_size=8)
SUPERVISION = EvidenceSupervision()


@pytest.fixture(scope="module")
def model() -> PlmCa:
    notes = ToyNotes(20)
    encoder, tokenizer = encoder_and_tokenizer("tiny", texts=[case.text for case in notes], seed=0)
    return PlmCa.build(encoder, tokenizer, notes.labels, chunk=32, generator=torch.Generator().manual_seed(0))


def step_of(model: PlmCa, *cases: Case) -> Step:
    return Step(model, model.encode(cases), torch.from_numpy(true_labels(cases, model.labels)).float())


def note(*evidence: Spans, text: str = "history of asthma and diabetes today", id: str = "n") -> Case:
    return Case(id, "p", {"text": text}, frozenset({"E11.9", "J45.9"}), evidence)


ASTHMA, DIABETES = Spans.of((11, 17), label="J45.9"), Spans.of((22, 30), label="E11.9")


def term(model: PlmCa, case: Case, label: str) -> float:
    """The term of one label, from the attention that explanations read."""
    batch = model.encode([case])
    attention = model.label_attention(batch, [Target.label(label)])[0].attention[0].double().numpy()[batch.rows[0]]
    mark = next(e for e in case.evidence if e.label == label)
    return float(-(density(mark, batch.units[0]) * np.log(attention)).sum())


# What is learnt


def share_on_evidence(model: PlmCa) -> float:
    """Mean attention that labels pay to their evidence in notes of another seed."""
    shares = []
    for case in ToyNotes(12, seed=1):
        batch = model.encode([case])
        for mark in case.evidence:
            attention = model.label_attention(batch, [Target.label(mark.label or "")])[0].attention[0].numpy()
            shares.append(attention[batch.rows[0]][mark.covers(batch.units[0])].sum())
    return float(np.mean(shares))


def test_a_supervised_run_differs_and_moves_attention_onto_the_evidence_of_notes_it_never_saw(tmp_path: Path):
    plain = train(ToyNotes(), RECIPE, tmp_path / "plain")
    taught = train(ToyNotes(), replace(RECIPE, objective="evidence"), tmp_path / "taught")
    assert plain.fingerprint != taught.fingerprint
    assert share_on_evidence(taught) > share_on_evidence(plain) + 0.2
    assert taught.about["objective"]["minimised"] == "1 * bce + 0.1 * evidence"
    marked = sum(len(case.evidence) for case in ToyNotes().split("train"))
    assert taught.about["objective"]["found"]["evidence"] == {
        "cases": 48,
        "pairs": marked,
        "aligned": marked,
        "unknown labels": {},
    }


def test_the_gradient_reaches_the_encoder(model: PlmCa):
    step = step_of(model, note(ASTHMA))
    (gradient,) = torch.autograd.grad(SUPERVISION(step), [model.module.encoder.embeddings.word_embeddings.weight])
    assert gradient.abs().sum() > 0


# The definition


def test_evidence_meets_its_label_by_name_not_by_position(model: PlmCa):
    """The released code gave the i-th row of evidence to the label with the i-th smallest id among those of the note."""
    case = note(ASTHMA, DIABETES)  # in the model's order of labels, diabetes comes first
    assert [model.labels.index(label) for label in ("E11.9", "J45.9")] == sorted(map(model.labels.index, ("E11.9", "J45.9")))
    expected = [term(model, case, "E11.9"), term(model, case, "J45.9")]
    np.testing.assert_allclose(terms(step_of(model, case), 0).detach(), expected, rtol=1e-4)
    assert abs(expected[0] - expected[1]) > 1e-3


def test_it_is_the_mean_over_labels_of_a_case_then_over_all_cases(model: PlmCa):
    both, one, none = note(ASTHMA, DIABETES), note(ASTHMA), note()
    t = {label: term(model, both, label) for label in ("E11.9", "J45.9")}
    found = float(SUPERVISION(step_of(model, both, one, none)).detach())
    assert found == pytest.approx(((t["E11.9"] + t["J45.9"]) / 2 + t["J45.9"] + 0) / 3, rel=1e-4)


def test_cases_without_evidence_cost_nothing(model: PlmCa):
    assert float(SUPERVISION(step_of(model, note()))) == 0.0
    case = note()
    assert float(objective("evidence")(step_of(model, case)).detach()) == float(objective("bce")(step_of(model, case)).detach())


def test_neither_a_second_label_nor_longer_batch_mates_change_a_term(model: PlmCa):
    alone = terms(step_of(model, note(ASTHMA)), 0).detach()
    long = note(DIABETES, text="history of asthma and diabetes today " + "stable chart " * 60)
    mated = step_of(model, note(ASTHMA, DIABETES), long)
    np.testing.assert_allclose(terms(mated, 0).detach()[1], alone[0], rtol=1e-4)


def test_padding_gets_no_gradient_at_all_and_nothing_is_nan(model: PlmCa):
    """The released code multiplied 0 by minus infinity there."""
    step = step_of(model, note(ASTHMA), note(DIABETES, text="history of asthma and diabetes today " + "chart " * 40))
    assert not step.clean.real.all()
    (gradient,) = torch.autograd.grad(SUPERVISION(step), step.clean.features)
    assert gradient.isfinite().all()
    assert (gradient[~step.clean.real] == 0).all()
    assert (gradient[step.clean.real].abs().sum(-1) > 0).any()


@pytest.mark.parametrize("confidence", [0.25, 0.5])
def test_weak_evidence_weighs_by_its_confidence(model: PlmCa, confidence: float):
    sure, weak = note(ASTHMA), note(replace(ASTHMA, confidence=confidence))
    terms_of = [float(terms(step_of(model, case), 0).detach()) for case in (sure, weak)]
    assert terms_of[1] == pytest.approx(confidence * terms_of[0], rel=1e-5)


def test_of_several_spans_each_token_counts_as_its_surest(model: PlmCa):
    """Two marks of one label: `asthma` for sure, `asthma and` with confidence 1/2."""
    weak = replace(ASTHMA, spans=np.array([[11, 21]]), confidence=0.5)
    case = note(ASTHMA, weak)
    step = step_of(model, case)
    units, rows = step.batch.units[0], step.batch.rows[0]
    surely, perhaps = ASTHMA.covers(units), weak.covers(units) & ~ASTHMA.covers(units)
    attention = model.label_attention(step.batch, [Target.label("J45.9")])[0].attention[0].double().numpy()[rows]
    weights = surely + 0.5 * perhaps
    assert float(terms(step, 0).detach()) == pytest.approx(
        float(-(weights * np.log(attention)).sum() / weights.sum()), rel=1e-4
    )


def test_evidence_for_the_whole_case_is_evidence_for_each_of_its_labels(model: PlmCa):
    whole = terms(step_of(model, note(Spans.of((11, 17)))), 0)
    each = terms(step_of(model, note(ASTHMA, replace(ASTHMA, label="E11.9"))), 0)
    np.testing.assert_allclose(whole.detach(), each.detach(), rtol=1e-6)


# What cannot be learnt


def test_what_cannot_be_learnt_is_counted_with_the_reason(model: PlmCa):
    many = [note(ASTHMA, DIABETES, id=f"n{i}") for i in range(40)]
    blank = note(replace(ASTHMA, spans=np.array([[7, 8]])), id="blank")
    cut = note(replace(ASTHMA, spans=np.array([[37_000, 37_005]])), text="today " * 6200, id="cut")
    foreign = note(replace(ASTHMA, label="X00"), id="foreign")
    assert SUPERVISION.inspect(model, [*many, blank, cut, foreign, note()]) == {
        "cases": 43,
        "pairs": 83,
        "aligned": 80,
        "no text in the span": 1,
        "cut off at the end": 1,
        "label unknown to the model": 1,
        "unknown labels": {"X00": 1},
    }


def test_fewer_than_95_percent_aligned_stop_the_run_with_a_list_of_ids_and_labels(model: PlmCa):
    good = [note(ASTHMA, id=f"n{i}") for i in range(100)]
    bad = [note(replace(ASTHMA, label="X00"), id=f"odd{i}") for i in range(12)]
    assert SUPERVISION.inspect(model, [*good, *bad[:5]])["label unknown to the model"] == 5
    with pytest.raises(DataError, match="12 of 112") as caught:
        SUPERVISION.inspect(model, [*good, *bad])
    said = str(caught.value)
    assert all(f"odd{i} (X00: label unknown to the model)" in said for i in range(10))
    assert "odd10" not in said
    assert "and 2 more" in said
    assert "asthma" not in said


def test_the_whole_list_of_what_cannot_be_learnt_lies_beside_the_model_that_was_not_trained(tmp_path: Path):
    notes = ToyNotes(30)
    notes.cases = [replace(c, evidence=tuple(replace(e, label="X00") for e in c.evidence)) for c in notes.cases]
    marked = [case.id for case in notes.split("train") if case.evidence]
    assert len(marked) > 10
    with pytest.raises(DataError, match=r"and \d+ more.*All of them are listed in .*m\.unaligned\.txt"):
        train(notes, replace(RECIPE, objective="evidence"), tmp_path / "m")
    lines = (tmp_path / "m.unaligned.txt").read_text().splitlines()
    assert lines == [f"{id} (X00: label unknown to the model)" for id in marked]
    assert not (tmp_path / "m").exists()


def test_supervision_needs_evidence(model: PlmCa, tmp_path: Path):
    with pytest.raises(DataError, match="No training case has evidence"):
        SUPERVISION.inspect(model, [note()])
    notes = ToyNotes(12)
    notes.cases = [replace(case, evidence=()) for case in notes.cases]
    with pytest.raises(DataError, match="evidence"):
        train(notes, replace(RECIPE, objective="evidence"), tmp_path / "m")


def test_a_model_without_label_wise_attention_is_told_what_it_lacks():
    encoder, tokenizer = encoder_and_tokenizer("tiny", texts=[case.text for case in ToyNotes(8)], seed=0)
    plain = TextClassifier.build(encoder, tokenizer, tuple(WORDS), exclusive=False, generator=torch.Generator().manual_seed(0))
    with pytest.raises(CapabilityError, match="label-wise attention"):
        SUPERVISION.inspect(plain, [note(ASTHMA)])
