"""Evidence Inference, on small files of its layout."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pellucid.case import Case, by_annotator
from pellucid.datasets import EvidenceInference, Prepared, open_dataset, write
from pellucid.errors import DataError
from pellucid.registry import datasets

ABSTRACT = "TITLE: \nZinc für colds\n\nABSTRACT.RESULTS:\nColds were shorter with zinc (P = 0.01). Nausea did not differ.\n"
BODY = "\nBODY.RESULTS:\nThe mean duration was 4 ± 1 days against 7. Nausea was seen as often in both arms.\n"
UP, DOWN, SAME = "significantly increased", "significantly decreased", "no significant difference"


def mark(annotator: str, phrase: str, label: str = DOWN, **changes: Any) -> dict[str, Any]:
    start = (ABSTRACT + BODY).index(phrase)
    offsets = {"start": start, "end": start + len(phrase), "in_abstract": start < len(ABSTRACT)}
    return {"annotator": annotator, "label": label, "valid_label": True, "valid_reasoning": True, **offsets, **changes}


def ask(number: int, *annotations: dict[str, Any], outcome: str = "duration of  colds", **changes: Any) -> dict[str, Any]:
    parts = {"outcome": outcome, "intervention": " zinc &lt; 20 mg", "comparator": "placebo."}
    return {"prompt_id": str(number), **parts, "annotations": list(annotations), **changes}


def article(*prompts: dict[str, Any], number: int = 1, split: str = "train", **changes: Any) -> dict[str, Any]:
    facts = {
        "license": "https://creativecommons.org/licenses/by/4.0",
        "doi": f"10.1/{number}",
        "journal": "Colds",
        "year": "2004",
    }
    whole = {"title": "Zinc for colds", "abstract_end": len(ABSTRACT), "text": ABSTRACT + BODY, "prompts": list(prompts)}
    return {"pmcid": f"PMC{number}", **facts, "split": split, **whole, **changes}


SHORTER = mark("0", "Colds were shorter with zinc")
USUAL = article(
    ask(7, SHORTER, mark("3", "shorter with zinc (P = 0.01)")),
    ask(8, mark("0", "Nausea did not differ", SAME), mark("3", "Nausea was seen as often", SAME), outcome="nausea"),
)


def lay_out(root: Path, *articles: dict[str, Any], name: str = "evidence_inference_ccby.jsonl.gz") -> Path:
    root.mkdir(exist_ok=True)
    data = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in articles).encode()
    (root / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return root


def prepared(root: Path, *prompts: dict[str, Any], part: Any = "abstract") -> Prepared:
    return EvidenceInference(lay_out(root, article(*prompts)), part=part).prepare()


def reasons(made: Prepared) -> dict[str, int]:
    return dict(Counter(exclusion.reason for exclusion in made.exclusions))


def said(case: Case) -> dict[str, list[str]]:
    marks = by_annotator(case.evidence)
    return {name: [case.text[a:b] for e in found for a, b in e.spans] for name, found in marks.items()}  # type: ignore[attr-defined]


def test_passages_are_the_paragraphs_that_hold_a_mark(tmp_path: Path) -> None:
    made = prepared(tmp_path, ask(7, SHORTER, mark("3", "duration was 4 ± 1 days")), part="passage")
    first, second = made.cases
    assert [case.id for case in made.cases] == ["PMC1-7-1", "PMC1-7-2"]
    assert first.text == "Colds were shorter with zinc (P = 0.01). Nausea did not differ."
    assert second.text == "The mean duration was 4 ± 1 days against 7. Nausea was seen as often in both arms."
    assert said(first) == {"0": ["Colds were shorter with zinc"]}
    assert said(second) == {"3": ["duration was 4 ± 1 days"]}
    assert (first.patient, first.labels, first.inputs["question"]) == ("PMC1", {DOWN}, second.inputs["question"])


def test_marks_in_one_paragraph_share_its_case_and_a_mark_may_end_with_its_line(tmp_path: Path) -> None:
    start = (ABSTRACT + BODY).index("Nausea did not differ.")
    with_break = mark("3", "shorter with zinc (P = 0.01)") | {"start": start, "end": start + len("Nausea did not differ.\n")}
    (only,) = prepared(tmp_path, ask(7, SHORTER, with_break), part="passage").cases
    assert said(only) == {"0": ["Colds were shorter with zinc"], "3": ["Nausea did not differ."]}


def test_a_question_without_an_accepted_mark_gives_no_passage(tmp_path: Path) -> None:
    made = prepared(tmp_path, ask(7, SHORTER | {"valid_reasoning": False}), part="passage")
    assert not made.cases
    assert reasons(made)["no accepted mark lies in the article"] == 1


def test_a_question_is_a_case_with_its_answer_and_the_marks_of_each_doctor(tmp_path: Path) -> None:
    made = EvidenceInference(lay_out(tmp_path, USUAL)).prepare()
    first, second = made.cases
    assert (first.id, first.patient, first.labels) == ("PMC1-7", "PMC1", {DOWN})
    assert first.text == ABSTRACT
    assert first.inputs["question"] == "What is the effect of zinc < 20 mg on duration of colds, compared with placebo?"
    assert said(first) == {"0": ["Colds were shorter with zinc"], "3": ["shorter with zinc (P = 0.01)"]}
    assert {e.label for e in first.evidence} == {DOWN}
    assert first.meta["doi"] == "10.1/1"
    assert first.meta["license"].endswith("by/4.0"), "every article names its licence"
    assert said(second) == {"0": ["Nausea did not differ"]}, "the other mark lies in the body"
    assert reasons(made) == {"the mark lies beyond title and abstract": 1}
    assert made.about["exclusive"] is True
    assert made.about["annotators"] == {1: 1, 2: 1}


def test_the_full_article_keeps_every_question_and_mark(tmp_path: Path) -> None:
    made = EvidenceInference(lay_out(tmp_path, USUAL), part="full").prepare()
    assert made.cases[1].text == ABSTRACT + BODY
    assert said(made.cases[1]) == {"0": ["Nausea did not differ"], "3": ["Nausea was seen as often"]}
    assert made.exclusions == []


def test_a_question_answered_only_in_the_body_is_no_case_of_the_abstract(tmp_path: Path) -> None:
    only_body = ask(1, mark("0", "The mean duration was 4"))
    made = prepared(tmp_path, only_body)
    assert made.cases == []
    assert reasons(made)["no accepted mark lies in title and abstract"] == 1
    assert len(prepared(tmp_path, only_body, part="full").cases) == 1


def test_a_mark_that_runs_out_of_the_abstract_is_not_cut(tmp_path: Path) -> None:
    across = {**SHORTER, "end": len(ABSTRACT) + 3}
    made = prepared(tmp_path, ask(1, SHORTER, {**across, "annotator": "2"}))
    assert list(said(made.cases[0])) == ["0"]
    assert reasons(made) == {"the mark lies beyond title and abstract": 1}


def test_an_article_without_abstract_has_no_case_of_the_abstract(tmp_path: Path) -> None:
    root = lay_out(tmp_path, article(ask(1, SHORTER), abstract_end=None))
    assert reasons(EvidenceInference(root).prepare()) == {"the article has no abstract": 1}
    assert len(EvidenceInference(root, part="full").prepare().cases) == 1


@pytest.mark.parametrize(
    ("answers", "label"),
    [
        ([("0", DOWN, True), ("1", DOWN, True), ("2", UP, True)], DOWN),
        ([("0", DOWN, True), ("1", UP, True)], None),
        ([("0", DOWN, True), ("1", UP, False), ("2", UP, False)], DOWN),
        ([("0", DOWN, True), ("0", DOWN, True), ("1", UP, True)], None),  # one doctor has one vote
        ([("0", DOWN, True), ("1", DOWN, True), ("2", UP, True), ("3", SAME, True)], None),  # half is no majority
    ],
)
def test_the_label_is_what_most_accepted_answers_say(
    tmp_path: Path, answers: list[tuple[str, str, bool]], label: str | None
) -> None:
    marks = [mark(who, "Colds were shorter", answer, valid_label=valid) for who, answer, valid in answers]
    made = prepared(tmp_path, ask(1, *marks))
    assert [case.labels for case in made.cases] == ([{label}] if label else [])
    assert ("the annotators disagree about the answer" in reasons(made)) == (label is None)


def test_marks_that_nobody_accepted_or_that_support_another_answer_are_counted_not_used(tmp_path: Path) -> None:
    made = prepared(
        tmp_path,
        ask(
            1,
            SHORTER,
            SHORTER,
            mark("1", "zinc (P = 0.01)", valid_reasoning=False),
            mark("2", "Nausea", valid_label=False),
            mark("3", "Nausea", UP),
            mark("4", "P = 0.01"),
            {**mark("5", "zinc"), "start": -1, "end": -1},
        ),
    )
    assert list(said(made.cases[0])) == ["0", "4"]
    assert reasons(made) == {
        "the annotation repeats an earlier one": 1,
        "a second person did not accept the mark": 1,
        "a second person did not accept the answer": 1,
        "the mark supports another answer than the agreed one": 1,
        "the offsets lie outside the text, or mark nothing": 1,
    }


def test_a_question_without_accepted_answer_is_left_out(tmp_path: Path) -> None:
    made = prepared(tmp_path, ask(1, mark("0", "zinc", valid_label=False)), part="full")
    assert (made.cases, reasons(made)) == ([], {"no answer was accepted by a second person": 1})


def test_malformed_rows_are_counted_with_their_place(tmp_path: Path) -> None:
    broken = [
        {**SHORTER, "start": "12"},
        {**SHORTER, "start": True},
        {"annotator": "0"},
        "a mark",
        mark("1", "zinc", "invalid prompt"),
    ]
    made = prepared(tmp_path, ask(1, SHORTER, *broken), ask(2, SHORTER, outcome=" "), {"prompt_id": "3"})  # type: ignore[arg-type]
    assert len(made.cases) == 1
    assert reasons(made) == {
        "the annotation lacks a field, or has one of the wrong kind": 4,
        "the annotator gave none of the three answers": 1,
        "the question lacks its number, outcome, intervention, comparator or annotations": 2,
    }
    assert made.exclusions[0].where == "evidence_inference_ccby.jsonl.gz row 1 question 1 annotation 2"


def test_published_splits_and_the_questions_survive_storing(tmp_path: Path) -> None:
    articles = [article(ask(i, SHORTER), number=i, split=s) for i, s in enumerate(("train", "validation", "test"))]
    made = datasets.create("evidence_inference", root=lay_out(tmp_path / "in", *articles)).prepare()
    data = open_dataset(write(tmp_path / "out", made).path)
    assert {split: [case.id for case in data.split(split)] for split in ("train", "validation", "test")} == {
        "train": ["PMC0-0"],
        "validation": ["PMC1-1"],
        "test": ["PMC2-2"],
    }
    assert [dict(case.inputs, text=case.text) for case in data] == [dict(case.inputs) for case in made.cases]
    assert [said(case) for case in data] == [said(case) for case in made.cases]
    data.verify()


@pytest.mark.parametrize("name", ["evidence_inference_ccby.jsonl", "renamed.jsonl.gz"])
def test_the_file_itself_may_be_given_plain_or_packed(tmp_path: Path, name: str) -> None:
    lay_out(tmp_path, USUAL, name=name)
    assert len(EvidenceInference(tmp_path / name).prepare().cases) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "dev"}, "row 1 has the split 'dev'"),
        ({"text": None}, "row 1 has no str in the field 'text'"),
        ({"prompts": {}}, "row 1 has no list in the field 'prompts'"),
        ({"pmcid": 7}, "row 1 has no str in the field 'pmcid'"),
        ({"abstract_end": 9999}, "row 1 has abstract_end 9999, outside its text of"),
        ({"abstract_end": "12"}, "row 1 has no int in the field 'abstract_end'"),
    ],
)
def test_a_row_that_is_no_article_is_refused_by_number(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        EvidenceInference(lay_out(tmp_path, article(ask(1, SHORTER), **changes))).prepare()


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"exactly one file evidence_inference_ccby.jsonl.gz, found none"):
        EvidenceInference(tmp_path).prepare()
    file = lay_out(tmp_path, USUAL) / "evidence_inference_ccby.jsonl.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="is no whole gzip file"):
        EvidenceInference(tmp_path).prepare()
    file.write_bytes(gzip.compress(b'{"pmcid": "PMC1"'))
    with pytest.raises(DataError, match="row 1 is not JSON"):
        EvidenceInference(tmp_path).prepare()
    file.write_bytes(gzip.compress(b"7\n"))
    with pytest.raises(DataError, match="row 1 has no str in the field 'text'"):
        EvidenceInference(tmp_path).prepare()


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="The option part of evidence_inference is 'body'"):
        EvidenceInference(tmp_path, part="body")  # type: ignore[arg-type]
