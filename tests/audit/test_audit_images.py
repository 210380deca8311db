"""An audit of an image model: pixels are judged, regions are removed, and the report speaks of images and findings."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pellucid import audit, datasets, finding
from pellucid.attribution import Attribution
from pellucid.audit.causes import causes
from pellucid.audit.explaining import by_parts, explain, fitted, marks
from pellucid.audit.finished import Finished
from pellucid.audit.lineup import Lineup
from pellucid.audit.plan import usual_metrics, usual_plan
from pellucid.audit.sane import sane
from pellucid.audit.sanity import sanity_findings
from pellucid.audit.tabulating import MAIN
from pellucid.audit.view import Job, look
from pellucid.case import Boxes, Case, Lazy, Mask, Spans, marked
from pellucid.datasets import StoredDataset
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.finding import Finding
from pellucid.picture import Picture
from pellucid.predictor import Batch
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.target import Target
from pellucid.units import PixelUnits, RegionUnits, patches, words

METHODS = ("saliency", "grad_cam", "occlusion_patch", "random", "uniform", "prior", "edges")


@pytest.fixture(scope="module", autouse=True)
def fakes() -> None:
    """The methods here are the real ones, unlike those of the other modules of this folder."""


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> StoredDataset:
    drawn = datasets.PhantomChest(60, size=32, shortcut="tag", shortcut_label="effusion", shortcut_faint=1.0, prevalence=0.4)
    return datasets.write(tmp_path_factory.mktemp("data") / "chest", drawn.prepare())


@pytest.fixture(scope="module")
def model(chest: StoredDataset) -> ImageClassifier:
    generator = torch.Generator().manual_seed(0)
    made = ImageClassifier.build("tiny", chest.labels, exclusive=False, size=(32, 32), channels=1, generator=generator)
    made.module.eval()
    return made


@pytest.fixture(scope="module")
def plan() -> audit.Plan:
    return usual_plan(
        "image", explainers=METHODS, across=4, candidates=1, draws=20, cases=6, sanity_cases=1, validation_cases=4
    )


@pytest.fixture(scope="module")
def finished(chest: StoredDataset, model: ImageClassifier, plan: audit.Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("audit") / "a"
    audit.run(model, chest, plan, out)
    audit.report(out, command="pellucid audit ...")
    return out


def page(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


def test_every_metric_of_images_is_measured(finished: Path, plan: audit.Plan) -> None:
    table = finding.read(finished / "findings.parquet")
    measured = set(table["metric"].to_pylist())
    assert {"relevance_mass", "pointing_game", "cnr", "dice", "srg", "naopc_comprehensiveness", "infidelity"} <= measured
    assert {"max_sensitivity", "rank_stability", "similarity", "complexity_rise"} <= measured
    assert not measured & {"punctuation_at_5", "span_f1", "match_exact"}
    assert set(METHODS) <= set(table["explainer"].to_pylist())


def test_a_uniform_map_has_the_relevance_mass_of_the_marked_share(finished: Path) -> None:
    rows = finding.read(finished / "findings.parquet").to_pylist()
    uniform = {
        (r["case"], r["target"], r["metric"]): r["value"] for r in rows if r["explainer"] == "uniform" and not r["setting"]
    }
    pairs = [(v, uniform[c, t, "evidence_share"]) for (c, t, m), v in uniform.items() if m == "relevance_mass"]
    assert pairs
    for mass, share in pairs:
        assert mass == pytest.approx(share)


def test_given_again_it_does_nothing_again(
    finished: Path, chest: StoredDataset, model: ImageClassifier, plan: audit.Plan
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (finished / "cases").iterdir()}
    audit.run(model, chest, plan, finished)
    assert {path: path.stat().st_mtime_ns for path in (finished / "cases").iterdir()} == before


def test_the_report_speaks_of_images_and_findings(finished: Path) -> None:
    text = re.sub(r"<(style|svg|code|pre).*?</\1>", " ", page(finished), flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", text)
    # What methods and metrics say of themselves names both; the data speak for themselves.
    said = words[words.index("Can these explanations") : words.index("What the columns mean")]
    said += words[words.index("Is the difference real?") : words.index("What the data set says of itself")]
    assert "The model reads an image and assigns findings" in said
    for word in ("word", "words", "note", "notes", "code", "codes", "phrase"):
        assert not re.search(rf"\b{word}\b", said), word
    assert re.search(r"The row\s+uniform\s+tells what chance would show of that", said)
    assert "Marked for other findings" in said
    assert "much random" not in said
    counted = words[words.index("What was counted in this audit") : words.index("What the data set says of itself")]
    assert "marked regions whose label the model does not know" in counted
    assert 'aria-label="Finding ' in page(finished)


def test_the_report_shows_images_with_their_explanations(finished: Path) -> None:
    shown = page(finished)
    assert shown.count('<img src="data:image/jpeg;base64,') >= 8
    assert "Do they stay still, and do they depend on the model?" in shown
    assert "had a planted object: too few to say which methods point at it" in shown


def test_the_same_audit_writes_the_same_page(finished: Path) -> None:
    before = page(finished)
    audit.report(finished, command="pellucid audit ...")
    assert page(finished) == before


def test_the_decisive_metrics_are_those_of_images(finished: Path) -> None:
    assert [(c.metric, c.setting) for c in Finished.open(finished).contests] == [("relevance_mass", ""), ("srg", "blur")]


def test_every_column_of_the_main_table_is_a_metric_of_images() -> None:
    assert set(MAIN["image"]) <= set(usual_metrics("image"))


def test_what_is_removed_are_patches_and_what_is_judged_are_pixels(
    model: ImageClassifier, chest: StoredDataset, plan: audit.Plan
) -> None:
    view = look(model, chest.split("test")[0], plan)
    assert isinstance(view.units, PixelUnits)
    assert isinstance(view.parts, RegionUnits)
    assert (len(view.units), len(view.parts), len(view.by_parts().truth[0])) == (1024, 16, 16)


def test_superpixels_cut_the_image_that_the_model_reads(model: ImageClassifier, chest: StoredDataset) -> None:
    view = look(model, chest.split("test")[0], usual_plan("image", regions="superpixel", across=4))
    assert isinstance(view.parts, RegionUnits)
    assert view.parts.kind == "superpixel"
    assert view.parts.shape == (32, 32)


def test_a_part_is_marked_where_half_of_it_is_and_else_the_one_of_which_most_is() -> None:
    units = PixelUnits(4, 4)
    parts = patches(units, 2)
    truth = np.zeros((2, 16), dtype=bool)
    truth[0, [0, 1]] = True  # half of the first part
    truth[1, [3, 10, 11, 14]] = False
    truth[1, 3] = True  # a quarter of the second part
    np.testing.assert_array_equal(by_parts(truth, units, parts), [[True, False, False, False], [False, True, False, False]])
    assert not by_parts(np.zeros((1, 16), dtype=bool), units, parts).any()


def test_marks_follow_the_image_to_another_resolution() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[:4, :4] = True
    marks = (Mask(mask, "a"), Boxes(np.array([[4.0, 4.0, 8.0, 8.0]]), "a"))
    case = Case("c", "p", {"image": Picture(np.zeros((8, 8, 1), dtype=np.uint8))}, frozenset({"a"}), marks)
    units = PixelUnits(4, 4)
    found = marked(fitted(case, case.evidence, units), units).reshape(4, 4)
    expected = np.zeros((4, 4), dtype=bool)
    expected[:2, :2] = expected[2:, 2:] = True
    np.testing.assert_array_equal(found, expected)


def test_plans_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PellucidError, match="filler 'delete' does not exist; choose from mask, blur, noise, inpaint"):
        usual_plan("image", fillers=("delete",))
    with pytest.raises(PellucidError, match="models of anything but text"):
        audit.Plan(sanity_cases=2)


def test_marks_of_text_and_of_image_are_judged_each_where_they_are() -> None:
    pair = (Boxes(np.array([[0.0, 0.0, 2.0, 2.0]]), "a"), Spans.of((0, 4), label="a"))
    case = Case("c", "p", {"image": Picture(np.zeros((4, 4, 1), dtype=np.uint8)), "text": "Mass seen."}, frozenset({"a"}), pair)
    target = [Target.label("a")]
    assert np.flatnonzero(marks(case, pair, target, PixelUnits(4, 4))).tolist() == [0, 1, 4, 5]
    assert marks(case, pair, target, words("Mass seen.")).tolist() == [[True, False, False]]


def drawn_once(evidence: Mask, side: int) -> tuple[Case, list[str]]:
    """A case whose image says each time that it is read."""
    reads: list[str] = []

    def read() -> Picture:
        reads.append("read")
        return Picture(np.zeros((side, side, 1), dtype=np.uint8))

    return Case("c", "p", {"image": Lazy(read)}, frozenset({"nodule"}), (evidence,)), reads


def test_marks_too_small_for_the_model_are_evidence_that_it_did_not_read(model: ImageClassifier, plan: audit.Plan) -> None:
    dot = np.zeros((128, 128), dtype=bool)
    dot[5, 5] = True
    view = look(model, drawn_once(Mask(dot, "nodule"), 128)[0], plan)
    assert (view.lost, view.truth.any()) == (1, False)
    assert look(model, drawn_once(Mask(~dot, "nodule"), 128)[0], plan).lost == 0


def test_an_image_is_read_once_for_all_that_an_audit_asks_of_it(model: ImageClassifier, plan: audit.Plan) -> None:
    case, reads = drawn_once(Mask(np.ones((64, 64), dtype=bool), "nodule"), 64)
    view = look(model, case, plan)
    assert view.case.picture.size == (64, 64)
    assert reads == ["read"]


def test_the_section_on_noise_counts_the_images_that_were_tested(finished: Path) -> None:
    whole = Finished.open(finished)
    section = sane(replace(whole, plan=replace(whole.plan, sanity_cases=5)))
    assert section is not None
    assert section.cases == 1


def test_where_nothing_is_marked_no_share_lies_on_the_marks(finished: Path) -> None:
    found = causes(Finished.open(finished))
    assert found is not None
    assert {row.on_evidence.value for row in found.rows} == {"–"}  # the planted finding is too faint to be marked
    assert "–" not in {row.on_cause.value for row in found.rows}


def test_the_section_on_shuffling_says_how_much_of_the_model_was_reached(finished: Path, model: ImageClassifier) -> None:
    found = re.search(r"here (\d+\.\d) % of its parameters were reached; the rest are tensors of one value", page(finished))
    assert found is not None
    reached = [p.numel() for p in model.module.parameters() if p.unique().numel() > 1]
    assert float(found[1]) == int(1000 * sum(reached) / sum(p.numel() for p in model.module.parameters())) / 10


@dataclass(frozen=True)
class Fragile(Facts):
    """Explains one model, and gives what is no number of any other."""

    whom: str = ""
    name = "fragile"
    modalities = ("image",)

    def __call__(self, predictor: Any, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        score = 1.0 if predictor.fingerprint == self.whom else np.nan
        rows = [np.full((len(targets), len(units)), score) * np.arange(len(units)) for units in batch.units]
        return [attribute(self, predictor, batch, i, targets, row) for i, row in enumerate(rows)]


def shaken(model: ImageClassifier, plan: audit.Plan) -> dict[str, list[Finding]]:
    """The findings of the tests of sanity on one case, by setting."""
    mask = np.zeros((32, 32), dtype=bool)
    mask[4:9, 4:9] = True
    job = Job(model, plan, Lineup({"fragile": Fragile(model.fingerprint)}, {}, ()))
    view = look(model, drawn_once(Mask(mask, "nodule"), 32)[0], plan)
    said, _ = explain(job.lineup.explainers, model, view.batch, view.targets, view.units)
    found: dict[str, list[Finding]] = {}
    for one in sanity_findings(job, view, said):
        found.setdefault(one.setting, []).append(one)
    return found


def test_a_shuffled_model_without_finite_explanations_costs_no_case_its_other_figures(
    model: ImageClassifier, plan: audit.Plan
) -> None:
    found = shaken(model, plan)
    assert {one.metric for one in found["shuffled model"]} == {"similarity", "similarity_floor", "complexity_rise"}
    assert {one.note for one in found["shuffled model"]} == {"an explanation of it is not made of finite numbers"}
    assert np.isnan([one.value for one in found["shuffled model"]]).all()
    for setting, metric in (("noise", "rank_stability"), ("other label", "similarity")):
        values = [one.value for one in found[setting] if one.metric == metric]
        assert values == [pytest.approx(1.0)] * len(values) != []


def test_a_network_that_cannot_be_copied_is_audited_but_for_the_test_that_shuffles_it(
    model: ImageClassifier, plan: audit.Plan
) -> None:
    held = copy.deepcopy(model)
    held.module.lock = threading.Lock()
    found = shaken(held, plan)
    assert all("The network cannot be copied" in one.note and np.isnan(one.value) for one in found["shuffled model"])
    assert not np.isnan([one.value for one in found["noise"]]).any()
