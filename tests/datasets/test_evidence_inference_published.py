"""Evidence Inference, on the published articles under open licences."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pellucid.audit.ceiling import human_ceiling
from pellucid.case import Case, by_annotator
from pellucid.datasets import EvidenceInference, Prepared, write
from pellucid.datasets.evidence_inference_rows import LABELS

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def released(data_root: Path) -> Path:
    root = data_root / "text_evidence_inference"
    if not root.is_dir():
        pytest.skip(f"Evidence Inference is not in {root}")
    return root


@pytest.fixture(scope="module")
def raw(released: Path) -> dict[str, dict[str, Any]]:
    with gzip.open(released / "evidence_inference_ccby.jsonl.gz", "rt", encoding="utf-8") as file:
        return {item["pmcid"]: item for item in map(json.loads, file)}


@pytest.fixture(scope="module")
def abstracts(released: Path) -> Prepared:
    return EvidenceInference(released).prepare()


@pytest.fixture(scope="module")
def articles(released: Path) -> Prepared:
    return EvidenceInference(released, part="full").prepare()


def reasons(made: Prepared) -> Counter[str]:
    return Counter(exclusion.reason for exclusion in made.exclusions)


def spans(case: Case) -> set[tuple[str, int, int]]:
    marks = by_annotator(case.evidence)
    return {(name, int(a), int(b)) for name, found in marks.items() for e in found for a, b in e.spans}  # type: ignore[attr-defined]


def test_every_question_is_a_case_or_counted(articles: Prepared, raw: dict[str, dict[str, Any]]) -> None:
    assert sum(len(item["prompts"]) for item in raw.values()) == 1106
    left = reasons(articles)
    lost = left["no answer was accepted by a second person"] + left["the annotators disagree about the answer"]
    assert (len(articles.cases), lost) == (1077, 29)
    assert {label for case in articles.cases for label in case.labels} == set(LABELS)


def test_the_questions_of_the_abstracts_are_those_published_as_such(abstracts: Prepared, released: Path) -> None:
    with (released / "abstracts_only.jsonl").open(encoding="utf-8") as file:
        listed = [json.loads(line) for line in file]
    published = {f"{item['pmcid']}-{prompt['prompt_id']}": (item, prompt) for item in listed for prompt in item["prompts"]}
    assert len(published) == 487
    assert len(abstracts.cases) == 483, "for four of them the annotators disagree about the answer"
    for case in abstracts.cases:
        item, prompt = published[case.id]
        assert case.text == item["text"]
        given = {(a["annotator"], a["start"], a["end"]) for a in prompt["annotations"] if a["label"] in case.labels}
        assert spans(case) == given


def test_every_span_marks_the_words_of_the_article(articles: Prepared, raw: dict[str, dict[str, Any]]) -> None:
    for case in articles.cases:
        text = raw[case.patient]["text"]
        assert case.text == text
        assert all(text[a:b].strip() for _, a, b in spans(case))
    assert articles.about["evidence"] == sum(len(spans(case)) for case in articles.cases) == 1885


def test_published_splits_of_articles_are_kept(abstracts: Prepared, raw: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    assert Counter(item["split"] for item in raw.values()) == {"train": 330, "validation": 39, "test": 43}
    data = write(tmp_path / "set", abstracts)
    assert data.about["split_sizes"] == {"train": 388, "validation": 51, "test": 44}
    assert all(raw[case.patient]["split"] == "test" for case in data.split("test"))


def test_people_agree_far_beyond_chance_and_not_fully(abstracts: Prepared) -> None:
    rows = {(row.explainer, row.metric): row.interval for row in human_ceiling(abstracts.cases, draws=200)}
    assert rows["annotator", "pooled_f1"].n == 200
    assert rows["annotator", "pooled_f1"].value == pytest.approx(0.858, abs=0.001)
    assert rows["annotator_chance", "pooled_f1"].high < 0.2 < rows["annotator", "pooled_f1"].low
    assert rows["annotator", "match_exact"].value == pytest.approx(0.655, abs=0.001)
