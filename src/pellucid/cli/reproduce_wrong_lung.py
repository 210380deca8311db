"""`pellucid reproduce wrong-lung`: image-text models trained as published, repaired as published, and repaired otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.options import Settings
from pellucid.cli.reproducing import (
    AnyDevice,
    Methods,
    Out,
    Seeds,
    carry_out,
    grouped,
    numbers,
    parts_of,
    readied,
    screenful,
    source_of,
)
from pellucid.errors import PellucidError

if TYPE_CHECKING:
    from pellucid.studies.alignment import AlignmentStudy
    from pellucid.studies.alignment.writing import Results

SHOWN = {
    "all": "AUROC", "one lung": "one lung", "side swap": "swap", "random sentence": "random", "directed laterality": "sided",
    "opt-out AUROC": "opt-out", "retrieval": "retrieval",
}  # fmt: skip
"""What the terminal shows of the tables: AUROC, its changes in points, and what is made of the text."""

SCREEN = ("auroc", "changes", "text")
"""Where that stands."""


def wrong_lung(
    data: Annotated[str, typer.Option("--data", metavar="NAME", help="phantom, imagenome, mscxr, or a prepared data set.")],
    out: Out,
    source: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Source of imagenome or mscxr, as for data prepare.")
    ] = None,
    images: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of MIMIC-CXR, for imagenome and mscxr.")] = None,
    models: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Audit these and train nothing; the folder models of another study.")
    ] = None,
    variants: Annotated[str | None, typer.Option(metavar="A,B", help="Ways to train; without it all.")] = None,
    seeds: Seeds = "0,1,2,3,4",
    methods: Methods = None,
    encoder: Annotated[str, typer.Option(metavar="NAME", help="Of images: tiny, small, monai:NAME.")] = "tiny",
    epochs: Annotated[int, typer.Option(metavar="N", help="Of every new model; none stops earlier.")] = 20,
    cases: Annotated[int, typer.Option(metavar="N", help="Test images that are asked about; 0 for all.")] = 200,
    also: Annotated[
        str, typer.Option(metavar="OBJECTIVE", help="What every new model also minimises; none for nothing.")
    ] = "bce",
    only: Annotated[str | None, typer.Option(metavar="A-N,...", help="Do these parts alone, such as retrained-0.")] = None,
    settings: Settings = None,
    device: AnyDevice = None,
) -> None:
    """Train image-text models nine ways, exchange left and right in their sentences, and write whether their maps notice.

    For each seed: retrained (the published attention), the published remedies abnormal, word_masking, clinical_masking, no_attn
    and shots, the control random_sentences, joint (one transformer over boxes and words), and ours. Writes tables.md and
    tables.json: where maps lie by subset of sentences beside published figures and what knows no model, what they put first,
    entropy, divergence and matching, what every perturbation does, pass rates, the same models by other maps, and claims. An
    interrupted study goes on when the same command is given again. With --only, several processes share the work in one
    folder. Data for judging alone (mscxr, the gold part of imagenome) needs --models. Options for --set: data.KEY, recipe.KEY,
    plan.KEY.

    [bold]Examples[/]
    [cyan]pellucid reproduce wrong-lung --data phantom --out study --seeds 0,1,2[/]
    [cyan]pellucid reproduce wrong-lung --data imagenome --source chest-imagenome --images mimic-cxr --out silver[/]
    [cyan]pellucid reproduce wrong-lung --data mscxr --source ms-cxr --images mimic-cxr --models silver/models --out marked[/]
    """
    from pellucid.studies import alignment
    from pellucid.studies.alignment.study import SOURCES

    given = grouped(settings or [], ("data", "recipe", "plan"))
    recipe = {"encoder": encoder, "epochs": epochs, "patience": epochs}
    study = _study(given, recipe, cases, methods, variants, numbers(seeds), None if also == "none" else also, models)
    _check_data(data, models)
    wanted = parts_of(only)
    (dataset,) = readied([(source_of(data, source, given["data"], SOURCES, images), out)])
    carry_out(alignment, study, dataset, out, only=wanted, device=device, show=_show)


def _study(
    given: dict[str, list[str]],
    recipe: dict[str, Any],
    cases: int,
    methods: str | None,
    variants: str | None,
    seeds: tuple[int, ...],
    also: str | None,
    models: Path | None,
) -> AlignmentStudy:
    """The study that the command names; what --set says goes before the named options."""
    from pellucid.alignment import AlignmentPlan
    from pellucid.cli.audit import known
    from pellucid.cli.settings import parsed
    from pellucid.registry import explainers
    from pellucid.studies.alignment import VARIANTS, AlignmentStudy
    from pellucid.studies.alignment.study import plan_of
    from pellucid.training import Recipe

    fields = {**recipe, **parsed(given["recipe"], Recipe, "the recipe")}
    chosen = known(methods, explainers) if methods else None
    plan = plan_of(chosen, **{"cases": cases or None, **parsed(given["plan"], AlignmentPlan, "the plan of alignment")})
    named = tuple(VARIANTS) if variants is None else tuple(name.strip() for name in variants.split(",") if name.strip())
    return AlignmentStudy(fields, plan, named, seeds, also, models)


def _check_data(data: str, models: Path | None) -> None:
    """Refuse to train on what is for judging alone."""
    from pellucid.studies.alignment.study import JUDGED_ONLY

    if data in JUDGED_ONLY and models is None:
        raise PellucidError(
            f"The data set {data} is for judging alone and holds no reports to train on; give --models DIR, the folder models "
            "of a study that trained them."
        )
    if models is not None and not models.is_dir():
        raise PellucidError(f"--models {models} is no folder; give the folder models of another study.")


def _show(results: Results, console: Any) -> None:
    """What came of a study, in a screenful: the main figures of each variant, and what may be said."""
    console.print(screenful("Variants", ("",), _figures(results), SHOWN))
    for name, verdicts in results.verdicts.items():
        kinds = ", ".join(dict.fromkeys(verdict.kind for verdict in verdicts))
        console.print(f"{name}: the audit says {kinds}", markup=False, highlight=False)
    console.print()
    for claim in results.claims:
        console.print(f"{claim.text}: {claim.said}", markup=False, highlight=False)
    console.print()


def _figures(results: Results) -> dict[tuple[str, ...], dict[str, float]]:
    """The main figures of each variant, and of what knows nothing of the models."""
    from pellucid.studies.alignment.published import SAID

    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for part in results.tables:
        for names, figures in part.rows if part.head[0] == "variant" and part.name in SCREEN else ():
            name = names[-1] if names[0] == "–" else names[0]
            columns = dict(zip(part.head[len(names) :], (figure.value for figure in figures), strict=True))
            if not name.endswith(SAID):
                rows.setdefault((name,), {}).update(columns)
    return rows
