from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from audit_fakes import EXPLAINERS, Notes, WordModel
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.audit import Plan, combined, report, run
from pellucid.audit.gallery import Pick, choose
from pellucid.audit.wording import listed, number, p_value, plural, seconds
from pellucid.errors import DataError
from pellucid.predictor import Batch

EVIL = "<script>alert(1)</script><img src=http://evil.example/x>"
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks that tags are balanced, and collects what a test asks about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def html(finished: Path) -> str:
    return report(finished, command="pellucid audit --model <m>").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_report_names_every_method_and_why_one_is_missing(page: Page) -> None:
    assert all(name in page.text for name in EXPLAINERS)
    assert "explainer attention it needs a model with attention of each label" in page.text


def test_report_asks_nothing_of_the_network(html: str, page: Page) -> None:
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "embed", "base", "img", "form"})
    addresses = [
        value for _, attrs in page.tags for name, value in attrs.items() if name in ("src", "href", "xlink:href", "data")
    ]
    assert addresses
    assert all(value and value.startswith("#") for value in addresses)
    assert not re.search(r"@import|url\((?!#)", html)


def test_text_of_notes_and_commands_is_escaped(plan: Plan, tmp_path: Path) -> None:
    run(WordModel(), Notes(4, evil=EVIL), plan, tmp_path)
    html = report(tmp_path, command=EVIL).read_text(encoding="utf-8")
    page = Page(html)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "img" not in {tag for tag, _ in page.tags}
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 1
    assert re.search(r"alert\s*\(\s*1\s*\)", page.text)  # the note itself is shown, as text


def test_report_is_the_same_on_every_run(finished: Path, html: str) -> None:
    assert report(finished, command="pellucid audit --model <m>").read_text(encoding="utf-8") == html


def test_report_is_accessible(page: Page) -> None:
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.tags if tag == "th")
    assert ("html", {"lang": "en"}) in page.tags
    pictures = [attrs for _, attrs in page.tags if attrs.get("role") == "img"]
    assert len(pictures) == sum(tag == "svg" for tag, _ in page.tags) == 3
    assert all(len(attrs["aria-label"] or "") > 40 for attrs in pictures)
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(headings))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_summary_says_what_was_tested_and_what_came_out(page: Page) -> None:
    assert "On 12 notes of 6 patients from the test split of notes, 2 methods said which words" in page.text
    assert "7 rightly assigned, 2 wrongly assigned and 3 missed by the model" in page.text
    assert "Agreement with people: oracle comes first, with an average precision of 0.71 [" in page.text
    assert "There are only 6 patients" in page.text


def test_few_patients_are_not_called_a_proof(page: Page) -> None:
    # Six patients allow no p-value below 2 / 64, which two comparisons double.
    assert "cannot be told from random" in page.text
    assert "believe none of them yet" in page.text


def test_planted_cause_is_named_first_by_the_true_explanation(page: Page) -> None:
    assert "What each method names for J45 Planted: “courier”" in page.text
    row = page.text.index("oracle", page.text.index("Heaviest phrases"))
    assert page.text[row:].startswith("oracle courier 100 %")


def test_refusals_and_untuned_things_are_listed(page: Page) -> None:
    assert "10 values of token_precision of nothing nothing is shown" in page.text
    assert "No reader study" in page.text


def test_provenance_lets_the_audit_be_repeated(finished: Path, page: Page) -> None:
    identity = json.loads((finished / "audit.json").read_text())["identity"]
    assert identity["model"] in page.text
    assert identity["data set"] in page.text
    assert "pellucid audit --model <m>" in page.text


def test_summary_file_agrees_with_the_page(finished: Path, page: Page) -> None:
    with (finished / "summary.csv").open(encoding="utf-8") as file:
        found = {(r["explainer"], r["metric"], r["setting"], r["stratum"]): r for r in csv.DictReader(file)}
    own = found["oracle", "average_precision", "", ""]
    assert f"{number(float(own['value']))} ★".split()[0] in page.text
    assert int(own["n"]) == 10
    assert int(own["patients"]) == 6
    assert ("oracle", "average_precision", "", "false negative") in found
    assert ("", "model_f1", "", "") in found


def test_an_audit_without_evidence_still_has_a_report(plan: Plan, tmp_path: Path) -> None:
    class Unmarked(Notes):
        def split(self, name: str) -> list[object]:  # type: ignore[override]
            return [replace(case, evidence=(), causes=()) for case in super().split(name)]

    run(WordModel(), Unmarked(4), plan, tmp_path)
    page = Page(report(tmp_path).read_text(encoding="utf-8"))
    assert "Agreement with the model: oracle comes first" in page.text
    assert "Agreement with people:" not in page.text
    assert "Known causes" not in page.text
    assert "no threshold was tuned" in page.text


def test_an_audit_of_plain_metrics_still_has_a_report(plan: Plan, tmp_path: Path) -> None:
    run(WordModel(), Notes(4), replace(plan, explainers=("uniform",), metrics=("entropy",)), tmp_path)
    page = Page(report(tmp_path).read_text(encoding="utf-8"))
    assert "uniform" in page.text
    assert "baseline random it is not in the plan" in page.text


def test_of_a_model_that_assigns_the_most_probable_code_the_accuracy_is_told_and_no_threshold(
    plan: Plan, tmp_path: Path
) -> None:
    class Exclusive(WordModel):
        exclusive = True

        def probabilities(self, batch: Batch) -> np.ndarray:
            chances: np.ndarray = torch.softmax(batch.data.sum(1), -1).numpy()
            return chances

    run(Exclusive(), Notes(4), replace(plan, explainers=("uniform",), metrics=("entropy",)), tmp_path)
    page = Page(report(tmp_path).read_text(encoding="utf-8"))
    assert "the most probable one counts as assigned" in page.text
    assert "its probability is above" not in page.text
    assert "Accuracy" in page.text
    assert "its accuracy is" in page.text
    assert "F1 (micro)" not in page.text


def test_unfinished_and_missing_audits_are_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"audit\.json"):
        report(tmp_path)
    (tmp_path / "audit.json").write_bytes((finished / "audit.json").read_bytes())
    with pytest.raises(DataError, match="not finished"):
        report(tmp_path)


def test_an_audit_whose_cases_are_not_all_there_is_not_reported_as_whole(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "a")
    next((tmp_path / "a" / "cases").iterdir()).unlink()
    with pytest.raises(DataError, match="does not hold the cases"):
        report(tmp_path / "a")


def test_seeds_are_combined_and_unlike_audits_are_not(finished: Path, plan: Plan, tmp_path: Path) -> None:
    run(WordModel(seed=1), Notes(), plan, tmp_path / "one")
    run(WordModel(seed=2), Notes(), replace(plan, draws=100), tmp_path / "two")
    own = {(r.explainer, r.metric, r.setting, r.stratum): r.interval for r in combined([finished, tmp_path / "one"])}
    assert own["oracle", "average_precision", "", ""].seeds == 2
    assert own["oracle", "average_precision", "", ""].seed_sd == pytest.approx(0.0)
    with pytest.raises(DataError, match="another plan"):
        combined([finished, tmp_path / "two"])
    with pytest.raises(DataError, match="same training seed"):
        combined([finished, finished])


PICKS = st.lists(
    st.builds(Pick, st.sampled_from("abcdefgh"), st.sampled_from("XYZ"), st.sampled_from([0.0, 0.3, 0.6, 1.0, np.nan])),
    unique_by=lambda p: (p.case, p.target),
)


@given(PICKS, st.randoms(use_true_random=False), st.integers(0, 5), st.booleans())
@settings(deadline=None)
def test_the_gallery_follows_its_rule_whatever_the_order(picks: list[Pick], rng: object, seed: int, higher: bool) -> None:
    chosen = choose(picks, higher, seed)
    rng.shuffle(picks)  # type: ignore[attr-defined]
    assert choose(picks, higher, seed) == chosen
    every = [p for group in chosen.values() for p in group]
    assert len({(p.case, p.target) for p in every}) == len(every)
    assert not any(np.isnan(p.value) for p in every)
    sign = 1 if higher else -1
    worst, best = ([sign * p.value for p in chosen[name]] for name in ("worst", "best"))
    assert not best or max(worst) <= min(best)


def test_numbers_have_the_digits_that_matter() -> None:
    assert [number(v) for v in (0.625, -0.004, -0.5, 9.996, 12.34, 99.96, 1234.5, float("nan"))] == [
        "0.62", "0.00", "−0.50", "10.0", "12.3", "100", "1234", "–",
    ]  # fmt: skip
    assert [p_value(p).replace("\u00a0", " ") for p in (0.0004, 0.0042, 0.04, 1.0, float("nan"))] == [
        "p < 0.001",
        "p = 0.004",
        "p = 0.04",
        "p = 1.00",
        "–",
    ]
    assert [seconds(s) for s in (0.0002, 0.0123, 0.5, 42, 600)] == ["< 1 ms", "12 ms", "0.5 s", "42 s", "10 min"]
    assert (plural(1, "note"), plural(1200, "note")) == ("1 note", "1,200 notes")
    assert [listed(items) for items in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
