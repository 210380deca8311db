"""Audits of rows and of signals: measurements and samples are judged, measurements and stretches of leads are removed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from measured import CENTRE, LEADS, NAMES, SPREAD, recording, row, signal_model, table_model
from torch import nn

from pellucid import audit, finding
from pellucid.audit.causes import causes
from pellucid.audit.explaining import marks
from pellucid.audit.finished import Finished
from pellucid.audit.plan import REGIONS, USUAL, usual_explainers, usual_metrics, usual_plan
from pellucid.audit.tabulating import MAIN
from pellucid.audit.view import look
from pellucid.case import Boxes, Case, Mask
from pellucid.errors import DataError, PellucidError
from pellucid.files import digest
from pellucid.measurements import Measurements
from pellucid.predictors.numeric import SignalClassifier, TableClassifier
from pellucid.signals import Signal
from pellucid.target import Target
from pellucid.units import FeatureUnits, RegionUnits, SampleUnits

ROWS = ("input_x_gradient_signed", "occlusion_feature", "jacobian", "random", "uniform")
SIGNALS = ("input_x_gradient_signed", "occlusion_segment", "jacobian", "random", "uniform")


@pytest.fixture(scope="module", autouse=True)
def fakes() -> None:
    """The methods here are the real ones, unlike those of the other modules of this folder."""


@dataclass(eq=False)
class Made:
    """A few cases, the same in every split but for their names."""

    cases: Sequence[Case]
    labels: tuple[str, ...]
    name: str = "made_up"
    about: dict[str, Any] = field(default_factory=lambda: {"licence": "none"})

    @property
    def fingerprint(self) -> str:
        return digest(self.name, *(case.id for case in self.cases))

    def __len__(self) -> int:
        return 3 * len(self.cases)

    def split(self, name: str) -> list[Case]:
        return [replace(case, id=f"{name}-{case.id}", patient=f"{name}-{case.patient}") for case in self.cases]


def beside(case: Case) -> Case:
    """A recording in which the label is marked, and was caused by something else."""
    marked, planted = (np.zeros((64, 3), dtype=bool) for _ in range(2))
    marked[10:26, 1], planted[40:48, 2] = True, True
    return replace(case, evidence=(Mask(marked, "paced"),), causes=(Mask(planted, "paced", source="phantom"),))


ROW_CASES = Made([*(row(name) for name in "abcdef"), replace(row("g"), inputs={"table": Measurements(CENTRE[:2], NAMES[:2])})],
                 ("anaemia",))  # fmt: skip
SIGNAL_CASES = Made([beside(recording(name)) for name in "abcdefg"], ("paced",))


@pytest.fixture(scope="module")
def linear() -> TableClassifier:
    """A model whose logit is a sum over measurements, so that what each is worth is known."""
    layer = nn.Linear(4, 1, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, -1.5, 1.0, 0.5]]))
        layer.bias.fill_(1.0)
    return TableClassifier(layer, ["anaemia"], exclusive=False, names=NAMES, mean=CENTRE.tolist(), std=SPREAD.tolist())


@pytest.fixture(scope="module")
def row_plan() -> audit.Plan:
    return usual_plan("table", explainers=ROWS, scale="logit", draws=20, sanity_cases=2)


@pytest.fixture(scope="module")
def rows(linear: TableClassifier, row_plan: audit.Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rows") / "a"
    audit.run(linear, ROW_CASES, row_plan, out)
    audit.report(out)
    return out


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("signals") / "a"
    plan = usual_plan("signal", explainers=SIGNALS, across=4, candidates=1, draws=20, sanity_cases=1, validation_cases=2)
    audit.run(signal_model(), SIGNAL_CASES, plan, out)
    audit.report(out)
    return out


def values(out: Path, metric: str, setting: str = "") -> dict[str, list[float]]:
    """All values of a metric, by method."""
    found: dict[str, list[float]] = {}
    for one in finding.read(out / "findings.parquet").to_pylist():
        if (one["metric"], one["setting"]) == (metric, setting):
            found.setdefault(one["explainer"], []).append(one["value"])
    return found


def spoken(out: Path) -> str:
    """What the report itself says, without what methods, metrics and data say of themselves."""
    page = re.sub(r"<(style|svg|code|pre).*?</\1>", " ", (out / "report.html").read_text(encoding="utf-8"), flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", page)
    said = words[words.index("Can these explanations") : words.index("What the columns mean")]
    return said + words[words.index("Is the difference real?") : words.index("What the data set says of itself")]


# Rows


def test_of_a_linear_model_what_each_measurement_is_worth_has_the_best_possible_order(rows: Path) -> None:
    found = values(rows, "naopc_comprehensiveness", "mask")
    for name in ("input_x_gradient_signed", "occlusion_feature"):
        assert found[name] == pytest.approx([1.0] * len(found[name]))
    assert np.mean(found["random"]) < 0.9
    assert values(rows, "naopc_gap", "mask")["random"] == pytest.approx([0.0] * len(found["random"]))  # the bounds are exact


def test_removed_measurements_are_the_mean(rows: Path, linear: TableClassifier) -> None:
    whole = next(shard for shard in Finished.open(rows).explained())
    assert whole.array("curves/mask/random")[0, 0, -1] == pytest.approx(1.0)  # all at their means, the bias is left
    case = next(case for case in ROW_CASES.split("test") if case.id == whole.facts["case"])
    assert whole.array("measured") == pytest.approx(case.measurements.values)


def test_where_nobody_marked_evidence_nothing_is_said_of_it_but_that(rows: Path) -> None:
    measured = set(finding.read(rows / "findings.parquet")["metric"].to_pylist())
    assert measured & {"comprehensiveness", "k90", "gini", "infidelity", "max_sensitivity", "similarity"} == {
        "comprehensiveness", "k90", "gini", "infidelity", "max_sensitivity", "similarity",
    }  # fmt: skip
    assert not measured & {"average_precision", "relevance_mass", "iou", "complexity_rise"}
    said = spoken(rows)
    assert "Nobody marked evidence for any of them, so agreement with people was not measured." in said
    main = said[said.index("Main figures") :]
    assert "Average precision" not in main
    assert "Wrong and missed labels" not in said


def test_a_row_that_the_model_cannot_read_is_counted_with_the_reason(rows: Path) -> None:
    counts = Finished.open(rows).counts
    assert counts["excluded"] == {"the model cannot read it": 1}
    assert "lacks the measurement 'creatinine'" in counts["unreadable"]["test-g"]


def test_an_audit_that_can_read_no_case_says_why_instead_of_a_report(
    linear: TableClassifier, row_plan: audit.Plan, tmp_path: Path
) -> None:
    unread = replace(ROW_CASES, cases=ROW_CASES.cases[-1:])
    with pytest.raises(DataError, match=r"None of 1 case of the split .test. can be explained: .* lacks the measurement"):
        audit.run(linear, unread, row_plan, tmp_path / "a")
    with pytest.raises(DataError, match="is not finished"):
        audit.report(tmp_path / "a")


def test_the_page_speaks_of_rows_measurements_and_labels(rows: Path) -> None:
    said = spoken(rows)
    assert "The model reads a row and assigns labels" in said
    assert "What is taken away is one measurement after the other; it becomes the mean of the training cases (mask)." in said
    for word in ("word", "words", "note", "notes", "code", "codes", "pixel", "image", "phrase"):
        assert not re.search(rf"\b{word}\b", said), word
    assert (rows / "report.html").read_text(encoding="utf-8").count('<img src="data:image/png;base64,') >= 4 * 3


def test_the_same_audit_writes_the_same_page(rows: Path) -> None:
    before = (rows / "report.html").read_bytes()
    audit.report(rows)
    assert (rows / "report.html").read_bytes() == before


def test_a_killed_audit_of_rows_goes_on_to_the_same_bytes(
    rows: Path, linear: TableClassifier, row_plan: audit.Plan, tmp_path: Path
) -> None:
    def killed(event: audit.Event) -> None:
        if event.stage == "cases" and event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit.run(linear, ROW_CASES, row_plan, tmp_path / "b", progress=killed)
    audit.run(linear, ROW_CASES, row_plan, tmp_path / "b")
    assert (tmp_path / "b" / "findings.parquet").read_bytes() == (rows / "findings.parquet").read_bytes()


def test_marks_of_a_row_follow_its_names_to_the_order_of_the_model() -> None:
    mask = Mask(np.array([True, False, False, False]), "anaemia")
    case = replace(row(), evidence=(mask, Boxes(np.zeros((1, 4)), "anaemia")))  # a box is of an image beside it
    found = marks(case, case.evidence, [Target.label("anaemia")], FeatureUnits(NAMES[::-1]))
    assert found.tolist() == [[False, False, False, True]]


# Signals


def test_a_uniform_map_has_the_relevance_mass_of_the_marked_share(signals: Path) -> None:
    assert values(signals, "relevance_mass")["uniform"] == pytest.approx([16 / 192] * 7)
    assert set(values(signals, "auroc")["uniform"]) == {0.5}
    assert "pointing_game" in Finished.open(signals).measured
    assert "pointing_game_15" not in Finished.open(signals).measured


def test_the_share_of_a_planted_mark_is_known_as_for_images(signals: Path) -> None:
    found = causes(Finished.open(signals))
    assert found is not None
    uniform = next(one for one in found.rows if one.name == "uniform")
    assert (uniform.on_cause.value, uniform.on_evidence.value) == ("0.04", "0.08")  # 8 and 16 of 192 samples
    assert found.patients == 7


def test_what_is_removed_are_stretches_of_single_leads_and_what_is_judged_are_samples() -> None:
    view = look(signal_model(), SIGNAL_CASES.split("test")[0], usual_plan("signal", across=4))
    assert isinstance(view.units, SampleUnits)
    assert isinstance(view.parts, RegionUnits)
    assert (len(view.units), len(view.parts)) == (192, 12)
    assert view.parts.sizes.tolist() == [16] * 12
    for part in range(12):
        assert len(np.unique(np.nonzero(view.parts.index == part)[1])) == 1
    # 6 of 16 samples in the first stretch and 10 in the second: at least half of that one is marked.
    assert np.argwhere(view.by_parts().truth).tolist() == [[0, 4]]


def test_the_page_shows_recordings_and_speaks_of_them(signals: Path) -> None:
    said = spoken(signals)
    assert "The model reads a recording and assigns findings" in said
    assert "stretches of single leads, 4 to a lead; each becomes the line between the samples around it (inpaint) and" in said
    for word in ("word", "words", "note", "notes", "code", "codes", "pixel", "pixels", "image", "images", "phrase"):
        assert not re.search(rf"\b{word}\b", said), word
    page = (signals / "report.html").read_text(encoding="utf-8")
    assert 'alt="The recording for paced"' in page
    assert page.count('<img src="data:image/png;base64,') >= 4 * 4


def test_the_decisive_metrics_of_signals_are_those_of_images(signals: Path) -> None:
    found = [(c.metric, c.setting) for c in Finished.open(signals).contests]
    assert found == [("relevance_mass", ""), ("srg", "inpaint")]


def signal_reader(leads: Sequence[str], rate: float, count: int) -> SignalClassifier:
    network = nn.Sequential(nn.Flatten(), nn.Linear(count * len(leads), 1))
    return SignalClassifier(network, ["paced"], exclusive=False, count=count, rate=rate, leads=leads)


def test_marks_of_a_signal_follow_its_leads_and_rate_to_what_the_model_reads() -> None:
    case = SIGNAL_CASES.cases[0]
    view = look(signal_reader(LEADS[::-1], 16.0, 32), case, usual_plan("signal"))
    found = view.truth.reshape(32, 3)
    assert np.flatnonzero(found[:, 1]).tolist() == list(range(5, 13))  # samples 10 to 25 at twice the rate
    assert not found[:, [0, 2]].any()
    assert np.flatnonzero(view.cause.reshape(32, 3)[:, 0]).tolist() == list(range(20, 24))


def test_marks_behind_what_the_model_reads_are_evidence_that_it_did_not_read() -> None:
    late = np.zeros((64, 3), dtype=bool)
    late[50:60] = True
    case = replace(recording(), evidence=(Mask(late, "paced"),))
    view = look(signal_reader(LEADS, 32.0, 40), case, usual_plan("signal"))
    assert (view.lost, view.truth.any(), view.beyond) == (1, False, 24 * 3)


@pytest.mark.parametrize(("sample", "seen"), [(10, False), (11, True)])
def test_a_mark_between_the_samples_that_the_model_reads_is_evidence_that_it_did_not_read(sample: int, seen: bool) -> None:
    spike = np.zeros((64, 3), dtype=bool)
    spike[sample, 0] = True
    view = look(signal_reader(LEADS, 16.0, 32), replace(recording(), evidence=(Mask(spike, "paced"),)), usual_plan("signal"))
    assert (bool(view.truth.any()), view.lost) == (seen, int(not seen))


def test_a_signal_is_read_once_for_all_that_an_audit_asks_of_it() -> None:
    from pellucid.case import Lazy

    reads: list[str] = []

    def read() -> Signal:
        reads.append("read")
        return recording().signal

    look(signal_model(), replace(SIGNAL_CASES.cases[0], inputs={"signal": Lazy(read)}), usual_plan("signal"))
    assert reads == ["read"]


# Plans


def test_jacobians_and_all_methods_that_are_not_the_same_are_among_the_usual_ones() -> None:
    for kind in ("table", "signal"):
        assert {"jacobian", "pbx", "logit_difference", "integrated_gradients", "random", "uniform"} <= set(
            usual_explainers(kind)
        )
    assert {"lime_feature", "kernel_shap_feature", "occlusion_feature"} <= set(usual_explainers("table"))
    assert "occlusion_segment" in usual_explainers("signal")
    assert set(MAIN["table"]) <= set(usual_metrics("table"))
    assert set(MAIN["signal"]) <= set(usual_metrics("signal"))


def test_methods_left_to_be_asked_for_give_the_numbers_of_others() -> None:
    from pellucid.registry import explainers

    model, targets = table_model(), [Target.label("anaemia")]
    batch = model.encode([row()])
    for left_out, kept in (("saliency", "jacobian"), ("gradient_x_difference", "input_x_gradient_signed")):
        one, other = (explainers.create(name)(model, batch, targets)[0].scores for name in (left_out, kept))
        assert np.abs(one) == pytest.approx(np.abs(other))


def test_a_plan_for_another_kind_of_model_is_refused(linear: TableClassifier, tmp_path: Path) -> None:
    with pytest.raises(PellucidError, match="judges words, and the model reads rows; choose another unit"):
        audit.run(linear, ROW_CASES, audit.Plan(), tmp_path / "a")
    assert not (tmp_path / "a").exists()
    with pytest.raises(PellucidError, match="regions is 'patch'; it must be one of segment"):
        usual_plan("signal", regions="patch")
    with pytest.raises(PellucidError, match="filler 'blur' does not exist; choose from mask"):
        usual_plan("table", fillers=("blur",))
    assert USUAL["signal"]["regions"] in REGIONS["signal"]
