"""The demo on generated radiographs: a mark in the corner, which means nothing, tells a finding."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pellucid.audit import Plan
    from pellucid.case import Case
    from pellucid.cli.progress import Stages
    from pellucid.datasets import StoredDataset
    from pellucid.predictor import Predictor
    from pellucid.training import Recipe


@dataclass(frozen=True)
class ImageDemo:
    """How much the demo does: enough to learn something, little enough for two cores and a few minutes.

    Attributes:
        images: generated, all splits together.
        size: pixels along each side.
        epochs, batch_size: of training.
        mask_epochs: of training the network that draws masks.
        cases: test images that are explained and judged.
        targets: labels an image, at most.
        validation_cases: images that tune the thresholds of evidence.
        sanity_cases: images on which explanations are tested under noise and on a shuffled model.
        across: patches along each side, which are removed whole.
        candidates: of the search for NAOPC bounds.
        draws: of the bootstrap.
    """

    images: int = 800
    size: int = 64
    epochs: int = 16
    batch_size: int = 16
    mask_epochs: int = 5
    cases: int = 12
    targets: int = 2
    validation_cases: int = 4
    sanity_cases: int = 1
    across: int = 8
    candidates: int = 2
    draws: int = 1000

    def facts(self) -> dict[str, Any]:
        return {"size": asdict(self), "shortcut": asdict(Mark())}

    def data(self, path: Path, seed: int, stages: Stages) -> StoredDataset:
        from pellucid import datasets

        if not (path / "dataset.json").is_file():
            stages.tell("drawing radiographs", 0, self.images)
            drawn = datasets.PhantomChest(
                self.images,
                seed,
                self.size,
                shortcut=Mark.kind,
                shortcut_label=Mark.label,
                shortcut_rate=Mark.rate,
                shortcut_rate_absent=Mark.rate_absent,
                shortcut_faint=Mark.faint,
            )
            datasets.write(path, drawn.prepare(), seed=seed)
        stages.tell("drawing radiographs", self.images, self.images)
        return datasets.open_dataset(path)

    def recipe(self, seed: int) -> Recipe:
        from pellucid import training

        return training.Recipe(
            model="image_classifier", epochs=self.epochs, batch_size=self.batch_size, patience=self.epochs, seed=seed
        )

    def furnished(self, model: Path, dataset: StoredDataset, seed: int, stages: Stages) -> Path:
        """The same model with a network that draws masks of what it uses."""
        from pellucid.cli.train import told
        from pellucid.training.masks import MaskRecipe, train_masks

        out = model.with_name("model-nemt")
        recipe = MaskRecipe(start=str(model), epochs=self.mask_epochs, patience=self.mask_epochs, seed=seed)
        train_masks(dataset, recipe, out, progress=told(stages, "mask network"), device="cpu")
        stages.finish("mask network")
        return out

    def plan(self, seed: int) -> Plan:
        from pellucid import audit

        return audit.usual_plan(
            "image",
            cases=self.cases,
            max_targets=self.targets,
            validation_cases=self.validation_cases,
            sanity_cases=self.sanity_cases,
            across=self.across,
            candidates=self.candidates,
            draws=self.draws,
            fillers=("blur",),
            seed=seed,
        )

    def story(self, model: Predictor, dataset: StoredDataset, out: Path) -> list[RenderableType]:
        """Where the mask network points in a test image in which the mark stands for the finding."""
        from rich.text import Text

        from pellucid.api import Model
        from pellucid.case import marked

        case = _marked(dataset)
        if case is None:
            return []
        explanation = Model(model).explain(case, Mark.label, method="nemt")
        units = explanation.attribution.units
        planted = marked((e for e in case.causes if e.label == Mark.label), units).reshape(units.shape)
        share = explanation.share_inside(Mark.label, planted)
        said = (
            f"The radiographs hold a planted shortcut: a bright mark in the corner says nothing about the patient, but stands "
            f"in {Mark.rate:.0%} of the images with the finding {Mark.label}, which is not drawn there. In the test image "
            f"{case.id}, the mask network puts {share:.0%} of its evidence for {Mark.label} on the mark, which covers "
            f"{planted.mean():.1%} of the image:"
        )
        return [Text(said), Text(str(explanation.to_png(out / "shortcut.png", Mark.label)))]


@dataclass(frozen=True)
class Mark:
    """The shortcut that is planted: a mark that says nothing about the patient and yet tells a finding."""

    kind: Literal["tag"] = "tag"
    label: Literal["effusion"] = "effusion"
    rate: float = 0.9
    rate_absent: float = 0.02
    faint: float = 1.0


def _marked(dataset: StoredDataset) -> Case | None:
    return next((case for case in dataset.split("test") if case.meta["shortcut"]["replaced"]), None)
