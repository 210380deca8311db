"""Facts about the reports of phantom radiographs: all that they say is true, and has its exact place."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pellucid.case import Case, Fixations, Mask, Phrase
from pellucid.cli.app import app
from pellucid.datasets import open_dataset, write
from pellucid.datasets.phantom.chest import PhantomChest
from pellucid.datasets.phantom.chest.findings import FINDINGS
from pellucid.datasets.phantom.chest.stating import density, severity
from pellucid.datasets.phantom.chest.wordings import Fact, other_wordings, wordings
from pellucid.errors import DataError
from pellucid.units import PixelUnits

LUNG = {"effusion", "nodule", "opacity", "pneumothorax"}
NAMES = {  # what a reader would look for in the words, written down anew
    "effusion": r"effusion|fluid",
    "nodule": r"nodule|lesion",
    "opacity": r"opacit|consolidation",
    "pneumothorax": r"pneumothora|air",
    "cardiomegaly": r"heart|cardi",
    "normal": r"clear|normal",
}
ZONES = {"upper": r"upper|apical|apex", "middle": r"middle|mid", "lower": r"lower|basal|base"}
SEVERITIES = {"small": r"small|mild", "moderate": r"moderate", "large": r"large|marked"}


def drawn(n: int, **options: Any) -> list[Case]:
    return list(PhantomChest(**{"n": n, "seed": 5, "size": 48, "reports": True, **options}).prepare().cases)


def parts(case: Case) -> dict[str, np.ndarray]:
    return {mark.label: mark.mask for mark in case.anatomy}  # type: ignore[attr-defined, misc]


def masks(case: Case) -> list[np.ndarray]:
    return [mark.mask for mark in case.evidence if isinstance(mark, Mask)]


def said(pattern: str, text: str) -> bool:
    return re.search(rf"\b(?:{pattern})", text.lower()) is not None


def all_but_reports(case: Case) -> tuple[Any, ...]:
    marks = [[(e.label, e.mask.tobytes()) for e in group if isinstance(e, Mask)] for group in (case.evidence, case.causes)]
    gaze = [(e.label, e.source, e.fixations.tolist()) for e in case.evidence if isinstance(e, Fixations)]
    meta = {key: value for key, value in case.meta.items() if key != "sentences"}
    return case.id, case.patient, case.picture.pixels.tobytes(), sorted(case.labels), marks, gaze, meta


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Two hundred and fifty pictures with many findings."""
    return drawn(250, prevalence=0.35)


def pairs(cases: list[Case]) -> list[tuple[Case, Phrase, dict[str, Any]]]:
    return [(c, s, f) for c in cases for s, f in zip(c.sentences, c.meta["sentences"], strict=True)]


def sides_of(case: Case, label: str) -> set[str]:
    return {f["side"] for f in case.meta["findings"] if f["label"] == label}


def check_true(case: Case, sentence: Phrase, fact: dict[str, Any]) -> None:
    """Hold one sentence against what is known about its picture."""
    assert sentence.conditions == ((fact["finding"], fact["present"]),)
    assert sentence.text == wordings(Fact.of(fact))[fact["wording"]]
    for words in (sentence.text, *other_wordings(fact)):
        check_words(words, fact)
    if fact["findings"]:
        check_present(case, sentence, fact)
    else:
        check_absent(case, sentence, fact)


def check_words(text: str, fact: dict[str, Any]) -> None:
    """The words say what the fact says, and nothing else."""
    named = {name for name, pattern in NAMES.items() if said(pattern, text)} - {"normal"}
    assert named == {fact["finding"]} - {"normal"}
    for side in ("left", "right"):
        assert said(side, text) == (fact["side"] == side)
    if fact["side"] == "both":
        assert said("both|bilateral|lungs", text)
    assert [zone for zone, pattern in ZONES.items() if said(pattern, text)] == [z for z in [fact["zone"]] if z]
    if fact["finding"] != "normal":
        assert [size for size, pattern in SEVERITIES.items() if said(pattern, text)] == [s for s in [fact["severity"]] if s]
    assert [word for word in ("faint", "dense") if said(word, text)] == [d for d in [fact["density"]] if d]
    assert said(r"no\b|not\b|normal|clear", text) == (not fact["findings"])


def check_present(case: Case, sentence: Phrase, fact: dict[str, Any]) -> None:
    found = [case.meta["findings"][number] for number in fact["findings"]]
    assert sentence.label == fact["finding"]
    assert {f["label"] for f in found} == {fact["finding"]}
    assert sentence.groundable
    assert fact["several"] == (len(found) > 1)
    if fact["finding"] == "cardiomegaly":
        assert (fact["side"], sentence.regions) == (None, ("heart",))
        assert case.meta["heart_ratio"] > 0.5
    else:
        assert {f["side"] for f in found} == ({"left", "right"} if fact["side"] == "both" else {fact["side"]})
    if fact["zone"]:
        assert {f["zone"] for f in found} == {fact["zone"]}
        assert sentence.regions == (f"{fact['side']} lung", f"{fact['side']} {fact['zone']} zone")
    assert fact["severity"] is None or {severity(f, case.meta["heart_ratio"]) for f in found} == {fact["severity"]}
    assert fact["density"] is None or {density(f) for f in found} == {fact["density"]}
    assert sentence.mask is not None
    np.testing.assert_array_equal(sentence.mask, np.logical_or.reduce([masks(case)[n] for n in fact["findings"]]))
    assert sentence.boxes.boxes.tolist() == [f["box"] for f in found]


def check_absent(case: Case, sentence: Phrase, fact: dict[str, Any]) -> None:
    finding, side = fact["finding"], fact["side"]
    assert sentence.label is None
    assert sentence.absent == (finding != "normal")
    region = "heart" if finding == "cardiomegaly" else f"{side} lung" if side in ("left", "right") else "lungs"
    assert sentence.regions == (region,)
    np.testing.assert_array_equal(sentence.mask, parts(case)[region])  # type: ignore[arg-type]
    there = LUNG if finding == "normal" else {finding} | ({"nodule"} if finding == "opacity" else set())
    for label in there:
        assert not sides_of(case, label) & ({side} if side in ("left", "right") else {"left", "right", "both"})
        assert label not in case.labels or sides_of(case, label)  # nothing is denied that was replaced
    if finding == "cardiomegaly":
        assert case.meta["heart_ratio"] <= 0.5


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**40), st.sampled_from([32, 49, 64]), st.floats(0, 1), st.sampled_from([0.2, 1.0]))
def test_every_sentence_is_true_of_its_picture(seed: int, size: int, prevalence: float, contrast: float) -> None:
    for case in drawn(4, seed=seed, size=size, prevalence=prevalence, contrast=contrast):
        assert case.sentences
        assert json.loads(json.dumps(case.meta)) == case.meta
        for one, sentence, fact in pairs([case]):
            check_true(one, sentence, fact)


def test_every_visible_finding_is_named_exactly_once(cases: list[Case]) -> None:
    for case in cases:
        named = [number for fact in case.meta["sentences"] for number in fact["findings"]]
        assert sorted(named) == list(range(len(case.meta["findings"])))


def test_the_side_said_is_the_side_of_the_mask(cases: list[Case]) -> None:
    """The patient's right is on the left of the picture."""
    counted: Counter[str] = Counter()
    for case, sentence, fact in pairs(cases):
        if fact["side"] in ("left", "right"):
            middle = (case.meta["lungs"]["right"]["box"][2] + case.meta["lungs"]["left"]["box"][0]) / 2
            x = np.flatnonzero(sentence.mask.ravel()) % 48 + 0.5  # type: ignore[union-attr]
            assert ("left" if x.mean() > middle else "right") == fact["side"]
            counted[fact["side"]] += 1
    assert min(counted["left"], counted["right"]) > 100


def test_zones_go_from_top_to_bottom(cases: list[Case]) -> None:
    heights: dict[str, list[float]] = {"upper": [], "middle": [], "lower": []}
    for case, sentence, fact in pairs(cases):
        if fact["zone"] and fact["finding"] in ("nodule", "opacity"):
            _, top, _, bottom = case.meta["lungs"][fact["side"]]["box"]
            rows = np.flatnonzero(sentence.mask) // 48  # type: ignore[arg-type]
            heights[fact["zone"]].append((rows.mean() - top) / (bottom - top))
    assert max(heights["upper"]) < 0.45
    assert 0.2 < min(heights["middle"]) < max(heights["middle"]) < 0.7
    assert min(heights["lower"]) > 0.4


def test_a_large_finding_is_larger_than_a_small_one_and_a_dense_one_denser(cases: list[Case]) -> None:
    for label in FINDINGS:
        area: dict[str, list[float]] = {"small": [], "large": []}
        contrast: dict[str, list[float]] = {"faint": [], "dense": []}
        for case, _, fact in pairs(cases):
            if fact["finding"] == label and len(fact["findings"]) == 1:
                found = case.meta["findings"][fact["findings"][0]]
                size = case.meta["heart_ratio"] if label == "cardiomegaly" else masks(case)[fact["findings"][0]].mean()
                area.setdefault(fact["severity"], []).append(size)
                contrast.setdefault(fact["density"], []).append(found["contrast"])
        assert max(area["small"]) < min(area["large"])
        if label in ("nodule", "opacity"):
            assert max(contrast["faint"]) < min(contrast["dense"])


def test_no_sentence_that_names_a_finding_fits_another_of_its_picture(cases: list[Case]) -> None:
    for case, _, fact in pairs(cases):
        fits = [
            number
            for number, f in enumerate(case.meta["findings"])
            if f["label"] == fact["finding"] and fact["side"] in (None, "both", f["side"]) and fact["zone"] in (None, f["zone"])
        ]
        assert not fact["findings"] or fits == fact["findings"]


def test_both_sides_are_sometimes_named_in_one_sentence_and_sometimes_in_two() -> None:
    cases = drawn(120, findings=("effusion",), prevalence=1.0, size=32)
    both = [c for c in cases if len(c.meta["findings"]) == 2]
    together = [s for _, s, f in pairs(both) if f["side"] == "both" and f["findings"]]
    assert 4 < len(together) < len(both) - 4
    assert all(s.regions == ("lungs",) and len(s.boxes.boxes) == 2 for s in together)


def test_reports_differ_in_length_and_most_deny_something(cases: list[Case]) -> None:
    assert sum(any(s.absent for s in c.sentences) for c in cases) > 0.75 * len(cases)
    lengths = Counter(len(c.sentences) for c in cases)
    assert min(lengths) >= 1
    assert len(lengths) >= 5
    denied = Counter((f["finding"], f["side"] is None) for _, _, f in pairs(cases) if not f["present"])
    assert all(denied[label, everywhere] > 5 for label in LUNG for everywhere in (True, False))
    assert denied["cardiomegaly", True] > 20
    assert {f["side"] for _, _, f in pairs(cases) if f["finding"] == "normal"} == {"left", "right", "both"}


def test_lungs_come_first_then_pleura_then_heart_and_what_is_there_before_what_is_not(cases: list[Case]) -> None:
    part = {"nodule": 0, "opacity": 0, "normal": 0, "effusion": 1, "pneumothorax": 1, "cardiomegaly": 2}
    for case in cases:
        order = [(part[f["finding"]], not f["findings"]) for f in case.meta["sentences"]]
        assert order == sorted(order)


def test_the_report_is_its_sentences_as_one_text(cases: list[Case]) -> None:
    for case in cases:
        assert case.input("report") == " ".join(s.text for s in case.sentences)
        assert all(re.fullmatch(r"[A-Z][a-z-]*( [a-z-]+)*\.", s.text) for s in case.sentences)


def test_nothing_but_the_report_changes_where_there_are_reports() -> None:
    planted = {"shortcut": "tag", "shortcut_label": "effusion", "shortcut_faint": 0.5, "readers": 2}
    for options in ({}, planted):
        with_reports, without = drawn(12, **options), drawn(12, reports=False, **options)
        assert [all_but_reports(c) for c in with_reports] == [all_but_reports(c) for c in without]
        assert all(not c.sentences and "report" not in c.inputs and "sentences" not in c.meta for c in without)


def test_the_anatomy_of_a_report_is_that_of_readers_and_the_heart() -> None:
    read, reported = drawn(6, reports=False, readers=1, prevalence=0.5), drawn(6, prevalence=0.5)
    for one, other in zip(read, reported, strict=True):
        assert list(parts(one)) == ["right lung", "left lung", "lungs"]
        assert list(parts(other)) == ["right lung", "left lung", "lungs", "heart"]
        assert all((parts(one)[name] == parts(other)[name]).all() for name in parts(one))


def test_the_heart_is_the_mask_of_cardiomegaly_where_there_is_one(cases: list[Case]) -> None:
    for case in cases:
        wide = [m.mask for m in case.evidence if isinstance(m, Mask) and m.label == "cardiomegaly"]
        assert all((mask == parts(case)["heart"]).all() for mask in wide)
    areas = {
        label: [parts(c)["heart"].sum() for c in cases if ("cardiomegaly" in c.labels) == label] for label in (True, False)
    }
    assert np.mean(areas[True]) > 1.1 * np.mean(areas[False])


def test_a_replaced_finding_is_neither_named_nor_denied() -> None:
    options = {"shortcut": "tag", "shortcut_label": "effusion", "shortcut_rate": 1.0, "shortcut_faint": 1.0, "prevalence": 0.6}
    replaced = [c for c in drawn(40, size=32, **options) if c.meta["shortcut"]["replaced"]]
    assert len(replaced) > 10
    for case, sentence, fact in pairs(replaced):
        assert fact["finding"] not in ("effusion", "normal")
        check_true(case, sentence, fact)


def test_the_same_sentences_are_dictated_whatever_the_size_of_the_picture() -> None:
    said = [[[(f["finding"], f["side"], f["zone"]) for f in c.meta["sentences"]] for c in drawn(20, size=s)] for s in (48, 96)]
    assert said[0] == said[1]


def test_there_are_many_wordings_of_everything_that_is_said_in_few_words(cases: list[Case]) -> None:
    facts = [fact for _, _, fact in pairs(cases)]
    for fact in facts:
        every = wordings(Fact.of(fact))
        assert len(every) == len(set(every)) >= 6
        assert set(other_wordings(fact)) == set(every) - {every[fact["wording"]]}
        assert other_wordings({k: v for k, v in fact.items() if k != "wording"}) == every
    used = Counter((fact["finding"], fact["wording"]) for fact in facts)
    assert all(len([k for k in used if k[0] == label]) >= 6 for label in FINDINGS)
    assert (
        len({word for fact in facts for text in wordings(Fact.of(fact)) for word in re.findall("[a-z-]+", text.lower())}) < 90
    )


@pytest.mark.parametrize("wrong", [{}, {"finding": "effusion"}, {**vars(Fact("effusion", True)), "finding": "hernia"}])
def test_what_is_no_fact_has_no_paraphrase(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="This is no fact of a phantom report; give one of meta") as refused:
        other_wordings(wrong)
    assert str(refused.value).endswith(".")


def test_reports_are_stored_with_their_exact_places(tmp_path: Path) -> None:
    prepared = PhantomChest(n=20, size=32, reports=True, prevalence=0.4).prepare()
    stored = write(tmp_path / "set", prepared)
    stored.verify()
    for case in prepared.cases:
        other = stored[case.id]
        assert other.input("report") == case.input("report")
        for one, two in zip(case.sentences, other.sentences, strict=True):
            assert (one.text, one.label, one.source, one.regions, one.conditions) == (
                two.text, two.label, two.source, two.regions, two.conditions
            )  # fmt: skip
            assert (one.covers(PixelUnits(32, 32)) == two.covers(PixelUnits(32, 32))).all()
            assert one.boxes.boxes.tolist() == two.boxes.boxes.tolist()


def test_reports_are_an_option_of_the_command(tmp_path: Path) -> None:
    options = [word for pair in ("n=20", "size=32", "reports=true") for word in ("--set", pair)]
    done = CliRunner().invoke(app, ["data", "prepare", "phantom_chest", "--out", str(tmp_path / "set"), *options])
    assert done.exit_code == 0, done.stderr
    stored = {case.id: [s.text for s in case.sentences] for case in open_dataset(tmp_path / "set")}
    assert stored == {case.id: [s.text for s in case.sentences] for case in drawn(20, size=32, seed=0)}
