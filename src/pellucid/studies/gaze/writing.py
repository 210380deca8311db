"""What a study of consensus and gaze found, for people (`tables.md`) and for programs (`tables.json`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pellucid.audit.plausible import DECIDES
from pellucid.crossed import Estimate
from pellucid.datasets.base import Dataset
from pellucid.studies.claims import HEAD, Claim
from pellucid.studies.gaze.comparing import BECAUSE, claims, share_kept
from pellucid.studies.gaze.gathering import Found
from pellucid.studies.gaze.study import DISTILLED, GUIDED, SINGLE, STRATEGIES, Folders, GazeStudy
from pellucid.studies.gaze.tables import tables
from pellucid.studies.shown import cell, markdown, plain
from pellucid.studies.tables import Table, each_figure, facts_of, keep

FORMAT = "pellucid.gaze_study/1"


@dataclass(frozen=True)
class Results:
    """Everything that a study found.

    Attributes:
        kept: the student's gain over the single model as a share of its teacher's; None where it was not measured.
    """

    tables: Sequence[Table]
    claims: Sequence[Claim]
    kept: Estimate | None


def write(study: GazeStudy, dataset: Dataset, out: Path) -> Results:
    """Write the tables of a study whose parts are all finished.

    Raises:
        DataError: a part is not finished, or its audits differ in plan or data.
    """
    results = gather(study, Folders(Path(out)))
    about = {
        "data": facts_of(dataset),
        "strategies": {name: study.weights.objective_of(name) for name in STRATEGIES},
        "members": study.members,
        "weights": asdict(study.weights),
        "seeds": list(study.seeds),
        "recipe": dict(study.recipe),
        "plan": study.plan.to_json(),
    }
    keep(out, FORMAT, about, _json(results), page(study, dataset, results))
    return results


def gather(study: GazeStudy, folders: Folders) -> Results:
    """The results of all parts together."""
    found = Found.read(study, folders)
    return Results(tables(found), claims(found), share_kept(found) if DECIDES in study.plan.metrics else None)


def page(study: GazeStudy, dataset: Dataset, results: Results) -> Iterator[str]:
    """The lines of `tables.md`."""
    yield f"# Explanations that agree, and gaze, on {dataset.name}\n"
    yield f"Training seeds {', '.join(map(str, study.seeds))}. {each_figure('labels, patients and seeds')}\n"
    yield from (f"* {name}: `{study.weights.objective_of(name)}`, networks: {study.members_of(name)}" for name in STRATEGIES)
    yield ""
    for table in results.tables:
        yield from table.page()
    yield (
        "## Claims\n\nEach is that a figure lies above 0. Paired by patient, label and seed; p two-sided for new patients and "
        f"new runs, Holm over the claims of a family. SRG is compared between strategies since {BECAUSE}.\n"
    )
    yield from markdown(HEAD, (claim.line for claim in results.claims))
    if results.kept is not None:
        yield (
            f"\nThe gain of {DISTILLED} over {SINGLE} is {cell(results.kept)} of that of {GUIDED}; that share means little "
            f"where {GUIDED} itself gains little."
        )


def _json(results: Results) -> dict[str, Any]:
    return {
        "tables": [table.to_json() for table in results.tables],
        "claims": [{**claim.to_json(), "refused": claim.refused} for claim in results.claims],
        "share_kept": None if results.kept is None else plain(results.kept),
    }
