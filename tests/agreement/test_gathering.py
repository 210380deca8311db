"""The same cases explained by several models: images over patches, texts over words, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from audit_fakes import EXPLAINERS, LABELS, WEIGHTS, Notes, WordModel
from images import FINDINGS, boxed, case, classifier
from measured import recording, row, signal_model, table_model

from pellucid import registry
from pellucid.agreement import Comparison, Setup, compare, gather
from pellucid.case import Case
from pellucid.errors import CapabilityError, PellucidError, UnknownNameError
from pellucid.explainers.base import Explainer
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.target import Target
from pellucid.units import patches


class Scans:
    """Images of six patients, two each; those of the last have no label that a model knows."""

    name, labels, fingerprint, about = "scans", FINDINGS, "f", {}

    def split(self, name: str) -> Sequence[Case]:
        made = [replace(case(f"{name}-{i}"), patient=f"p{i // 2}") for i in range(10)]
        made[1] = replace(boxed("two"), patient="p0", labels=frozenset({"opacity", "nodule"}))
        return [*made, *(replace(case(f"{name}-{i}"), patient="p5", labels=frozenset({"tube"})) for i in (10, 11))]


@dataclass
class Numbers:
    """Rows or recordings of four patients."""

    make: Callable[[str], Case]
    labels: tuple[str, ...] = ("anaemia", "paced")
    name, fingerprint, about = "numbers", "n", {}

    def split(self, name: str) -> Sequence[Case]:
        return [self.make(letter) for letter in "abcd"]


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.explainers.names()
    for name in ("oracle", "uniform"):
        monkeypatch.setitem(registry.explainers._factories, name, EXPLAINERS[name])


QUICK = Setup(across=4, permutations=3, draws=50)


def test_scores_are_those_of_the_explainer_summed_into_patches() -> None:
    models = {"a": classifier(), "b": classifier(seed=1)}
    found = gather(models, Scans(), ["saliency"], QUICK)
    saliency: Explainer = registry.explainers.create("saliency")
    first = Scans().split("test")[0]
    for m, model in enumerate(models.values()):
        (said,) = saliency(model, model.encode([first]), [Target.label("nodule")])
        assert found.maps["saliency"][0][m] == pytest.approx(said.project(patches(said.units, 4)).scores[0])
    assert (found.unit, found.cells, found.unlabelled) == ("patch", 16, 2)


def test_rows_are_compared_over_measurements_and_signals_over_stretches_of_leads() -> None:
    rows = gather({"a": table_model(), "b": table_model(seed=1)}, Numbers(row), ["jacobian"], QUICK)
    assert (rows.unit, rows.cells, rows.maps["jacobian"][0].shape) == ("feature", 4, (2, 4))
    signals = gather({"a": signal_model()}, Numbers(recording), ["jacobian"], QUICK)
    assert (signals.unit, signals.cells) == ("segment", 12)
    model, (first, *_) = signal_model(), Numbers(recording).split("test")
    (said,) = registry.explainers.create("jacobian")(model, model.encode([first]), [Target.label("paced")])
    stretch = said.scores.reshape(64, 3)[:16, 1].sum()  # the second lead of the first quarter
    assert signals.maps["jacobian"][0][0, 1] == pytest.approx(stretch)


def test_every_label_of_a_case_is_an_item_and_labels_no_model_knows_are_counted() -> None:
    found = gather({"a": classifier()}, Scans(), ["saliency"], QUICK)
    assert [(i.case, i.target) for i in found.items][:3] == [("test-0", "nodule"), ("two", "nodule"), ("two", "opacity")]
    assert len(found.items) == 11
    assert len(set(found.patients)) == 5


def test_tables_hold_shares_of_each_map() -> None:
    found = gather({"a": classifier(), "b": classifier(seed=1)}, Scans(), ["saliency"], QUICK)
    table = found.table("saliency")
    assert table.shape == (2, 11, 16)
    assert table.sum(axis=-1) == pytest.approx(1.0)


def test_words_of_a_text_share_cells_by_what_they_say() -> None:
    found = gather({"a": WordModel(), "b": WordModel(seed=1)}, Notes(), ["oracle"], Setup(vocabulary=8))
    table = found.table("oracle")
    assert (found.unit, found.cells) == ("word", 8)
    first, second = found.items[:2]
    assert (first.columns < 0).any()  # rare words have no cell
    assert np.bincount(first.columns[first.columns >= 0]).max() == 2  # said twice, before and after
    assert not np.array_equal(first.columns, second.columns)  # notes differ in their order of words
    assert (table.sum(axis=-1) <= 1 + 1e-12).all()
    assert np.array_equal(table[0], table[1])


def test_only_words_that_all_models_read_count() -> None:
    short = gather({"a": WordModel(), "b": WordModel(limit=7)}, Notes(), ["uniform"], QUICK)
    assert {maps.shape for maps in short.maps["uniform"]} == {(2, 7)}


def test_equal_models_are_consistent_and_others_are_recognised() -> None:
    other = {**WEIGHTS, "E11": {"diabetes": 1.0, "clinic": 3.0}, "I10": {"today": 4.0}, "J45": {"feels": -3.0}}
    alike = compare({"a": WordModel(), "b": WordModel(seed=1)}, Notes(24), ["oracle", "uniform"], QUICK)
    apart = compare({"a": WordModel(), "b": WordModel(other)}, Notes(24), ["oracle"], QUICK)
    one, two = alike.between_models[0], apart.between_models[0]
    assert one.test.accuracy.value == 0.5
    assert (one.test.consistency.value, one.likeness.divergence.value) == (1.0, 0.0)
    assert one.likeness.spearman.value == pytest.approx(1.0)
    assert two.test.accuracy.value > 0.9
    assert two.likeness.divergence_share.value > 0.5


def test_methods_are_compared_in_every_model_and_reasons_are_told() -> None:
    found = compare({"a": WordModel(), "b": WordModel(seed=1)}, Notes(), ["oracle", "uniform"], QUICK)
    (pair,) = found.between_methods
    assert (pair.one, pair.other) == ("oracle", "uniform")
    assert pair.measures["pairwise_rank_agreement"].value == 0.5
    assert pair.measures["feature_agreement"].seeds == 2
    assert pair.notes["sign_agreement"] == "a method gives no sign"


def test_what_is_written_holds_no_text_and_no_missing_numbers() -> None:
    found: Comparison = compare({"a": WordModel()}, Notes(), ["oracle", "uniform"], QUICK)
    written = json.dumps(found.to_json(), allow_nan=False)
    assert found.between_models == ()
    assert not any(word in written for word in ("hypertension", "diabetes", "clinic"))


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[str, int, int]] = []
    compare({"a": WordModel(), "b": WordModel(seed=1)}, Notes(), ["oracle"], QUICK, lambda *news: told.append(news))
    assert ("explaining", 12, 12) in told
    assert told[-1] == ("two-sample test of oracle", 3, 3)


def test_what_cannot_be_compared_is_refused_in_one_sentence() -> None:
    other = WordModel()
    other.labels = (*LABELS[:2], "J46")  # type: ignore[assignment]
    mistakes = {
        "do not have the same labels": lambda: compare({"a": WordModel(), "b": other}, Notes(), ["oracle"]),
        "do not read the same kind of input": lambda: compare({"a": WordModel(), "b": classifier()}, Notes(), ["oracle"]),
        "at least two models, or two methods": lambda: compare({"a": WordModel()}, Notes(), ["oracle"]),
        "cannot explain b: it needs a model with": lambda: compare(
            {"a": classifier(), "b": mapless()}, Scans(), ["grad_cam"], QUICK
        ),
        "cannot explain a: it needs": lambda: compare({"a": classifier(), "b": classifier()}, Scans(), ["oracle"], QUICK),
        "into the same patches": lambda: compare(
            {"a": classifier(), "b": classifier((8, 8))}, Scans(), ["saliency"], Setup(across=12)
        ),
        "has a label that the models know": lambda: gather({"a": classifier()}, Only(Scans().split("test")[-2:]), ["saliency"]),
    }
    for expected, mistake in mistakes.items():
        with pytest.raises(PellucidError, match=expected) as error:
            mistake()
        assert not isinstance(error.value, CapabilityError)
    with pytest.raises(UnknownNameError):
        gather({"a": classifier()}, Scans(), ["salience"])


@pytest.mark.parametrize("wrong", [{"split": "all"}, {"cases": 0}, {"folds": 1}, {"top": 0.0}, {"strength": float("nan")}])
def test_a_setup_refuses_what_it_cannot_do(wrong: dict[str, object]) -> None:
    with pytest.raises(PellucidError, match=next(iter(wrong))):
        Setup(**wrong)  # type: ignore[arg-type]


class Only(Scans):
    """Some of the cases."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = cases

    def split(self, name: str) -> Sequence[Case]:
        return self.cases


class Mapless(ImageClassifier):
    """A model without layers of maps."""

    lacks = frozenset({"feature_maps"})


def mapless() -> ImageClassifier:
    model = classifier()
    model.__class__ = Mapless
    return model
