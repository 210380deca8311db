"""Training of mask networks as a whole: the model stays as it is, runs repeat themselves and survive being killed."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from breaking import break_in_epoch
from planted import KINDS, Planted

from pellucid import predictors
from pellucid.cli.train import is_of_masks, mask_recipe
from pellucid.errors import CapabilityError, CheckpointError, PellucidError
from pellucid.predictor import missing_capabilities, require
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.registry import explainers, presets
from pellucid.target import Target
from pellucid.training import Event, Recipe, train
from pellucid.training.masks import MaskRecipe, attach, train_masks
from pellucid.training.masks.guard import CollapsedError
from pellucid.training.masks.run import MaskRun
from pellucid.training.news import DivergedError
from pellucid.training.state import state_folder

DATA = Planted(n=40, size=32)
TARGETS = [Target.label(kind) for kind in KINDS]


class Killed(BaseException):
    """Stands for whatever ends a process."""


def stop_at(step: int, *, teacher: bool = False):
    def progress(event: Event) -> None:
        if event.step == step and event.validation_loss is None and event.teacher == teacher:
            raise Killed

    return progress


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights whose norms have seen something."""
    model = ImageClassifier.build(
        "tiny", KINDS, exclusive=False, size=(32, 32), channels=1, generator=torch.Generator().manual_seed(0)
    )
    model.module.train()
    with torch.no_grad():
        model.module(torch.randn(16, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    model.module.eval()
    path = tmp_path_factory.mktemp("models") / "start"
    model.save(path)
    return path


def recipe(start: Path, **fields: object) -> MaskRecipe:
    return MaskRecipe(**{"start": str(start), "epochs": 2, "batch_size": 16, "surrogate_epochs": 1, **fields})


@pytest.fixture(scope="module")
def trained(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "masked"
    train_masks(DATA, recipe(start), out)
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_model_stays_as_it_was(start: Path, trained: Path):
    before, after = predictors.load(start), predictors.load(trained)
    assert after.fingerprint == before.fingerprint
    assert files(trained)["model.safetensors"] == files(start)["model.safetensors"]
    batch = before.encode(DATA.cases[:4])
    np.testing.assert_array_equal(before.probabilities(batch), after.probabilities(after.encode(DATA.cases[:4])))


def test_training_touches_neither_weights_nor_norms_nor_the_global_generator(start: Path):
    model = predictors.load(start)
    before = copy.deepcopy(model.module.state_dict())
    state = torch.random.get_rng_state()
    asks = [p.requires_grad for p in model.module.parameters()]
    attach(model, DATA, recipe(start, epochs=1, surrogate=True))
    assert all(torch.equal(before[name], value) for name, value in model.module.state_dict().items())
    assert any(name.endswith("running_mean") for name in before)
    assert torch.equal(state, torch.random.get_rng_state())
    assert [p.requires_grad for p in model.module.parameters()] == asks


def test_a_saved_mask_network_gives_the_same_masks(trained: Path):
    one, two = predictors.load(trained), predictors.load(trained)
    first, second = (m.evidence_masks(m.encode(DATA.cases[:3]), TARGETS, (0.1, 0.4)) for m in (one, two))
    assert torch.equal(first, second)
    assert first.shape == (3, 3, 2, 32, 32)
    one.save(trained.with_name("copy"))
    again = predictors.load(trained.with_name("copy"))
    assert torch.equal(again.evidence_masks(again.encode(DATA.cases[:3]), TARGETS, (0.1, 0.4)), first)


def test_the_same_recipe_gives_the_same_bits(start: Path, trained: Path, tmp_path: Path):
    train_masks(DATA, recipe(start), tmp_path / "again")
    assert files(tmp_path / "again") == files(trained)


@pytest.mark.parametrize("step", [1, 3, 4])
def test_a_killed_run_ends_with_the_same_bits(start: Path, trained: Path, tmp_path: Path, step: int):
    out = tmp_path / "killed"
    with pytest.raises(Killed):
        train_masks(DATA, recipe(start), out, progress=stop_at(step), save_every=0.0)
    assert not out.exists()
    train_masks(DATA, recipe(start), out)
    assert files(out) == files(trained)
    assert not state_folder(out).exists()


@pytest.mark.parametrize(("step", "teacher"), [(1, True), (3, False)])
def test_a_run_with_a_surrogate_is_resumed_in_either_part(start: Path, tmp_path: Path, step: int, teacher: bool):
    both = recipe(start, surrogate=True)
    model = train_masks(DATA, both, tmp_path / "whole")
    with pytest.raises(Killed):
        train_masks(DATA, both, tmp_path / "killed", progress=stop_at(step, teacher=teacher), save_every=0.0)
    train_masks(DATA, both, tmp_path / "killed")
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert set(model.maskers["nemt"].about["validation"]) == {"model", "surrogate"}
    assert not list(tmp_path.glob("*.state"))
    loaded = predictors.load(tmp_path / "whole").maskers["nemt"]
    assert loaded.surrogate is not None
    assert loaded.digest == model.maskers["nemt"].digest


def test_a_second_network_leaves_the_first_in_place(trained: Path, tmp_path: Path):
    first = predictors.load(trained)
    train_masks(DATA, recipe(trained, objective="nem_u", epochs=1), tmp_path / "two")
    train_masks(DATA, recipe(tmp_path / "two", objective="fastshap", epochs=1, grid=4), tmp_path / "three")
    model = predictors.load(tmp_path / "three")
    assert set(model.maskers) == {"nemt", "nem_u", "fastshap"}
    assert model.maskers["nemt"].digest == first.maskers["nemt"].digest
    assert model.fingerprint == first.fingerprint
    for name in model.maskers:
        found = explainers.create(name)(model, model.encode(DATA.cases[:2]), TARGETS)
        assert all(np.isfinite(a.scores).all() for a in found)


def test_the_preset_trains_one_mask_of_what_may_stay(start: Path, tmp_path: Path):
    chosen = presets.create("nemt2025").recipe(start=str(start), epochs=1)
    model = train_masks(DATA, chosen, tmp_path / "out")
    masker = model.maskers["nemt2025"]
    assert (masker.settings.kind, masker.settings.image, masker.settings.norm) == ("deletion", True, "batch")
    masks = model.evidence_masks(model.encode(DATA.cases[:2]), TARGETS, (0.1, 0.4), "nemt2025")
    assert torch.equal(masks[:, 0, 0], masks[:, 2, 1])  # neither target nor area is told


def test_a_finished_run_is_opened_and_another_is_refused(start: Path, trained: Path):
    before = files(trained)
    train_masks(DATA, recipe(start), trained, progress=stop_at(1))
    assert files(trained) == before
    with pytest.raises(PellucidError, match="another mask network"):
        train_masks(DATA, recipe(start, seed=5), trained)


def test_a_model_without_a_mask_network_says_how_to_get_one(start: Path):
    model = predictors.load(start)
    with pytest.raises(CapabilityError, match="pellucid train --objective nemt"):
        require(model, explainers.create("nemt").needs, "The explainer 'nemt'")
    with pytest.raises(CapabilityError, match="pellucid train --objective nemt"):
        explainers.create("nemt")(model, model.encode(DATA.cases[:1]), TARGETS)
    assert missing_capabilities(model, ("mask_network", "embedding_mask_network", "shapley_network"))


def test_a_collapsing_run_stops_and_keeps_the_best_epoch(start: Path, tmp_path: Path):
    fatal = recipe(start, epochs=60, price=50.0, area=500.0, guard=12, learning_rate=1e-2)
    with pytest.raises(CollapsedError, match=r"nearly empty .* kept in .*last-good"):
        train_masks(DATA, fatal, tmp_path / "out")
    kept = predictors.load(tmp_path / "out.last-good")
    assert kept.fingerprint == predictors.load(start).fingerprint
    assert "nemt" in kept.maskers


class Brightness(torch.nn.Module):
    """Says how bright an image is, by way of maps at two resolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(1, 4, 3, 2, 1), torch.nn.Conv2d(4, 4, 3, 2, 1)
        for part, weight in ((self.first, 1 / 9), (self.second, 1 / 36)):
            torch.nn.init.constant_(part.weight, weight)
            torch.nn.init.zeros_(part.bias)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(pixels)).mean((2, 3))[:, :3] - 2


@pytest.mark.parametrize(("price", "kind"), [(0.001, "nearly full"), (0.9, "nearly empty")])
def test_the_published_loss_has_a_constant_mask_as_its_minimum_where_the_price_is_wrong(start: Path, price: float, kind: str):
    # With pixels about 4 above the mean colour, removing all of an image changes the squared probability by about 0.5.
    model = ImageClassifier(Brightness(), KINDS, exclusive=False, size=(32, 32), mean=(0.1,), std=(0.1,))
    chosen = recipe(start, form="published", image=True, occluders=("mean",), price=price, smooth=0.09, guard=5, patience=60)
    with pytest.raises(CollapsedError, match=kind):
        attach(model, DATA, replace(chosen, epochs=60, learning_rate=1e-2))


def test_a_changed_file_of_weights_is_refused(trained: Path, tmp_path: Path):
    predictors.load(trained).save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "pellucid.json").read_text())
    manifest["maskers"]["nemt"]["digest"] = "0" * 64
    (tmp_path / "model" / "pellucid.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="changed after it was saved"):
        predictors.load(tmp_path / "model")
    del manifest["maskers"]["nemt"]["settings"]["taps"]
    (tmp_path / "model" / "pellucid.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="does not describe the mask network"):
        predictors.load(tmp_path / "model")
    (tmp_path / "model" / "masker.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"masker\.safetensors is missing"):
        predictors.load(tmp_path / "model")


def test_another_data_sets_labels_are_refused_where_labels_are_read(start: Path, tmp_path: Path):
    other = replace(DATA, labels=("a", "b"))
    with pytest.raises(PellucidError, match="labels of the model are not"):
        train_masks(other, recipe(start), tmp_path / "out")
    train_masks(other, recipe(start, objective="nem_u", epochs=1), tmp_path / "out")


def test_a_model_in_training_mode_is_left_in_it(start: Path):
    model = predictors.load(start)
    model.module.train()
    attach(model, DATA, recipe(start, epochs=1))
    assert model.module.training
    masks = model.evidence_masks(model.encode(DATA.cases[:1]), TARGETS, (0.1,))
    model.module.eval()
    assert torch.equal(masks, model.evidence_masks(model.encode(DATA.cases[:1]), TARGETS, (0.1,)))


def test_options_of_other_trainings_are_refused():
    assert is_of_masks("nemt", None)
    assert is_of_masks(None, "nemt2025")
    assert not is_of_masks("bce", "edin2024")
    for written in ("nemt + bce", "0.5 * nemt", "nem_u(price=2)"):
        with pytest.raises(PellucidError, match=r"trains a mask network .* give it alone"):
            is_of_masks(written, None)
    with pytest.raises(PellucidError, match="leave it out"):
        mask_recipe({"encoder": "tiny", "start": "x"}, None, [])
    with pytest.raises(PellucidError, match="--start"):
        mask_recipe({"objective": "nemt"}, None, [])
    with pytest.raises(PellucidError, match="none of mask networks"):
        mask_recipe({"objective": "nemt", "start": "x"}, "edin2024", [])
    with pytest.raises(PellucidError, match="nemt, nem_u"):
        mask_recipe({"objective": "fastshap", "start": "x"}, "nemt2025", [])
    chosen = mask_recipe({"start": "x", "epochs": 3}, "nemt2025", ["budgets=0.1,0.2", "surrogate=true"])
    assert (chosen.objective, chosen.form, chosen.epochs, chosen.budgets, chosen.surrogate) == (
        "nemt",
        "published",
        3,
        (0.1, 0.2),
        True,
    )


def test_the_preset_holds_the_published_settings():
    nemt, nem_u = (presets.create("nemt2025").recipe(name, start="x") for name in ("nemt", "nem_u"))
    assert (nemt.price, nemt.epochs, nemt.batch_size, nemt.occluders) == (0.5, 5, 128, ("mean",))
    assert nemt.smooth * 224 == pytest.approx(21)
    assert (nem_u.price, nem_u.contrast, nem_u.epochs, nem_u.tv, nem_u.binary) == (0.125, 0.25, 10, 0.0, 0.0)
    assert len(presets.create("nemt2025").notes) >= 8


@pytest.mark.parametrize(
    "fields",
    [
        {"objective": "nemt"},
        {"objective": "nemt", "form": "published", "image": True, "norm": "batch"},
        {"objective": "nem_u"},
        {"objective": "fastshap", "grid": 4},
    ],
    ids=["nemt", "nemt2025", "nem_u", "fastshap"],
)
def test_every_objective_learns_in_half_precision(start: Path, fields: dict[str, object]) -> None:
    model = ImageClassifier.load(start)
    recipe = MaskRecipe(start=str(start), epochs=1, precision="bf16", **fields)
    masker = attach(model, Planted(n=15, size=32), recipe)
    assert all(bool(p.isfinite().all()) for p in masker.parameters())


# Folders, interruptions, and what is kept


@pytest.mark.parametrize("fresh", [False, True])
def test_what_is_no_model_is_never_replaced(start: Path, tmp_path: Path, fresh: bool):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PellucidError, match="holds other things than a model"):
        train_masks(DATA, recipe(start), tmp_path / "folder", fresh=fresh)
    with pytest.raises(PellucidError, match="is a file"):
        train_masks(DATA, recipe(start), tmp_path / "file", fresh=fresh)
    assert (tmp_path / "folder" / "notes.txt").read_text() == (tmp_path / "file").read_text() == "mine"


def test_the_epoch_before_is_kept_where_the_validation_loss_is_no_number(
    start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    break_in_epoch(MaskRun, 2, monkeypatch)
    with pytest.raises(DivergedError, match=r"loss on validation cases is not a number.*kept in .*last-good"):
        train_masks(DATA, recipe(start), tmp_path / "out")
    kept = predictors.load(tmp_path / "out.last-good").maskers["nemt"]
    assert [epoch["epoch"] for epoch in kept.about["history"]] == [1]
    assert not (tmp_path / "out").exists()


def test_an_older_network_is_not_taken_for_the_best_epoch(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    break_in_epoch(MaskRun, 1, monkeypatch)
    with pytest.raises(DivergedError, match="No epoch was finished before"):
        train_masks(DATA, recipe(trained, seed=3), tmp_path / "out")
    assert not (tmp_path / "out.last-good").exists()


def test_an_interrupted_run_ends_at_once_and_in_memory_leaves_its_best_epoch(
    start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    judged: list[int] = []
    plain = MaskRun.validated
    monkeypatch.setattr(MaskRun, "validated", lambda run: judged.append(run.position.epoch) or plain(run))
    with pytest.raises(Killed):
        train_masks(DATA, recipe(start), tmp_path / "out", progress=stop_at(3))  # an epoch has two steps
    assert judged == [0]
    model = predictors.load(start)
    with pytest.raises(Killed):
        attach(model, DATA, recipe(start), progress=stop_at(3))
    assert [epoch["epoch"] for epoch in model.maskers["nemt"].about["history"]] == [1]


def test_useless_steps_before_a_kill_are_counted_after_it(start: Path, tmp_path: Path):
    fatal = recipe(start, epochs=60, price=50.0, area=500.0, guard=12, learning_rate=1e-2)
    ends = []
    for out in (tmp_path / "whole", tmp_path / "killed"):
        steps: list[int] = []

        def progress(event: Event, steps: list[int] = steps, out: Path = out) -> None:
            steps.append(event.step)
            if (
                out.name == "killed"
                and event.validation_loss is None
                and event.step == ends[0] - 3
                and steps.count(event.step) == 1
            ):
                raise Killed

        if out.name == "killed":
            with pytest.raises(Killed):
                train_masks(DATA, fatal, out, progress=progress, save_every=0.0)
        with pytest.raises(CollapsedError, match="nearly empty"):
            train_masks(DATA, fatal, out, progress=progress, save_every=0.0)
        ends.append(max(steps))
    assert ends[0] == ends[1]


def test_a_model_that_learns_on_loses_the_networks_that_explained_it_as_it_was(trained: Path, tmp_path: Path):
    changed = train(DATA, Recipe(start=str(trained), epochs=1, batch_size=16), tmp_path / "on", device="cpu")
    assert isinstance(changed, ImageClassifier)
    assert changed.fingerprint != predictors.load(trained).fingerprint
    assert changed.maskers == predictors.load(tmp_path / "on").maskers == {}
    assert not (tmp_path / "on" / "masker.safetensors").exists()


# Files that do not fit


def edited(trained: Path, out: Path, change) -> Path:
    shutil.copytree(trained, out)
    manifest = json.loads((out / "pellucid.json").read_text())
    change(manifest["maskers"])
    (out / "pellucid.json").write_text(json.dumps(manifest))
    return out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"settings": None}, "does not describe the mask network"),
        ({"about": [1]}, "does not describe the mask network"),
        ({"widths": []}, "does not describe the mask network"),
        ({"channels": []}, "does not describe the mask network"),
        ({"size": [4, 4, 4, 4]}, "does not describe the mask network"),
        ({"widths": [100_000, 100_000]}, "do not fit the mask network"),
        ({"labels": 10**9}, "do not fit the mask network"),
        ({"smooth": 0.5}, "changed after it was saved"),
        ({"explains": "0" * 64}, "trained for another model"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_before_memory_is_asked_for(trained: Path, tmp_path: Path, change, said: str):
    (field,) = change
    entry = lambda networks: networks["nemt"] if field in networks["nemt"] else networks["nemt"]["settings"]  # noqa: E731
    folder = edited(trained, tmp_path / "model", lambda networks: entry(networks).update(change))
    with pytest.raises(CheckpointError, match=said):
        predictors.load(folder)


@pytest.mark.parametrize("networks", [[1, 2], "nemt", 3])
def test_a_manifest_that_lists_no_networks_by_name_is_refused(trained: Path, tmp_path: Path, networks: object):
    folder = edited(trained, tmp_path / "model", lambda _: None)
    manifest = json.loads((folder / "pellucid.json").read_text())
    (folder / "pellucid.json").write_text(json.dumps(manifest | {"maskers": networks}))
    with pytest.raises(CheckpointError, match="does not list mask networks"):
        predictors.load(folder)


def test_a_network_that_was_saved_without_its_models_name_is_read(trained: Path, tmp_path: Path):
    folder = edited(trained, tmp_path / "model", lambda networks: networks["nemt"].pop("explains"))
    assert predictors.load(folder).maskers["nemt"].digest == predictors.load(trained).maskers["nemt"].digest


@pytest.mark.parametrize(
    "other",
    [("small", KINDS, (32, 32)), ("tiny", KINDS[:2], (32, 32)), ("tiny", KINDS, (32, 48))],
    ids=["maps", "labels", "size"],
)
@pytest.mark.parametrize("method", ["nemt", "fastshap"])
def test_a_network_of_another_model_is_refused(start: Path, other: tuple, method: str):
    model = predictors.load(start)
    attach(model, Planted(n=15, size=32), recipe(start, objective=method, epochs=1, grid=4))
    architecture, labels, size = other
    generator = torch.Generator().manual_seed(1)
    foreign = ImageClassifier.build(architecture, labels, exclusive=False, size=size, channels=1, generator=generator)
    foreign.maskers = model.maskers
    with pytest.raises(CapabilityError, match="trained for another model"):
        explainers.create(method)(foreign, foreign.encode(DATA.cases[:1]), TARGETS[:1])


def test_a_converted_model_is_saved_with_its_networks(trained: Path, tmp_path: Path):
    model = predictors.load(trained).to(dtype=torch.bfloat16)
    model.save(tmp_path / "half")
    again = predictors.load(tmp_path / "half")
    batch = model.encode(DATA.cases[:2])
    assert torch.equal(again.evidence_masks(batch, TARGETS, (0.1,)), model.evidence_masks(batch, TARGETS, (0.1,)))
