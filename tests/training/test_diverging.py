"""Whatever is trained, weights that became useless in the last step of an epoch end the run, and the epoch before is kept."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from breaking import break_in_epoch
from measured_cases import beats, rows
from paired_images import Reports

from pellucid import predictors
from pellucid.training import Recipe, train
from pellucid.training.matching import matching
from pellucid.training.news import DivergedError
from pellucid.training.run import Run, predict

KINDS = {
    "image_classifier": (Reports, "bce"),
    "image_text": (Reports, "contrastive"),
    "table_classifier": (rows, "bce"),
    "signal_classifier": (beats, "bce"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_epoch_before_is_kept_where_validation_is_no_number(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make, objective = KINDS[kind]
    data = make(20)
    break_in_epoch(Run, 2, monkeypatch)
    wanted = r"(?s)diverged at step \d+ of .*validation .* are not numbers.*model of epoch 1 is kept in (\S+last-good)"
    with pytest.raises(DivergedError, match=wanted) as caught:
        train(data, Recipe(model=kind, objective=objective, epochs=2, batch_size=8), tmp_path / "m", device="cpu")
    found = re.search(r"kept in (\S+)\.$", str(caught.value))
    assert found is not None
    kept = predictors.load(Path(found[1]))
    validation = data.split("validation")
    if kind == "image_text":
        assert np.isfinite(matching(kept, validation)["matching"])
    assert np.isfinite(predict(kept, validation)[0]).all()
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("kind", ["image_classifier", "image_text"])
def test_a_first_epoch_that_is_useless_leaves_nothing(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    break_in_epoch(Run, 1, monkeypatch)
    with pytest.raises(DivergedError, match="No epoch was finished before"):
        train(Reports(20), Recipe(model=kind, objective=KINDS[kind][1], epochs=1, batch_size=8), tmp_path / "m", device="cpu")
    assert not (tmp_path / "m").exists()
    assert not (tmp_path / "m.last-good").exists()
