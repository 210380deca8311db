"""What a study of alignment found, for people (`tables.md`) and for programs (`tables.json`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pellucid.alignment.verdicts import Verdict, verdict
from pellucid.datasets.base import Dataset
from pellucid.studies.alignment.comparing import claims
from pellucid.studies.alignment.gathering import Found, headline
from pellucid.studies.alignment.study import AlignmentStudy, Folders
from pellucid.studies.alignment.tables import tables
from pellucid.studies.alignment.variants import VARIANTS
from pellucid.studies.claims import HEAD, Claim
from pellucid.studies.shown import markdown
from pellucid.studies.tables import Table, each_figure, facts_of, keep

FORMAT = "pellucid.alignment_study/1"


@dataclass(frozen=True)
class Results:
    """Everything that a study found.

    Attributes:
        verdicts: by variant, what the audit of each run says of its map.
    """

    tables: Sequence[Table]
    claims: Sequence[Claim]
    verdicts: Mapping[str, Sequence[Verdict]]


def write(study: AlignmentStudy, dataset: Dataset, out: Path) -> Results:
    """Write the tables of a study whose parts are all finished.

    Raises:
        DataError: a part is not finished; or two audits are of other data, plans or sentences.
    """
    found = Found.read(study, Folders(Path(out), study.models))
    results = Results(tables(found), claims(found), {name: _verdicts(found, name) for name in study.variants})
    about = {
        "data": facts_of(dataset),
        "variants": {name: asdict(VARIANTS[name]) for name in study.variants},
        "seeds": list(study.seeds),
        "recipe": dict(study.recipe),
        "also": None if study.models else study.also,
        "trained": study.models is None,
        "plan": study.plan.to_json(),
        "sentences": len(found.first),
    }
    keep(out, FORMAT, about, _json(results), page(study, dataset, results))
    return results


def page(study: AlignmentStudy, dataset: Dataset, results: Results) -> Iterator[str]:
    """The lines of `tables.md`."""
    yield f"# Does the map listen to the sentence? {dataset.name}\n"
    yield (
        f"Training seeds {', '.join(map(str, study.seeds))}. {each_figure('sentences, patients and seeds')} Rows of McInerney "
        "et al. 2022 are of other data and larger models.\n"
    )
    for name in study.variants:
        variant = VARIANTS[name]
        minimised = variant.objective if study.models else study.minimised(name)  # what else given ones learnt is not known
        yield f"* {name}: {variant.about}; `{minimised}`, attention {variant.attention}, judged by {variant.method}"
    yield ""
    for table in results.tables:
        yield from table.page()
    yield "## What the audits say\n\nOf each run by itself, when the sides of its sentences are swapped.\n"
    for name, said in results.verdicts.items():
        kinds = Counter(one.kind for one in said)
        yield f"* {name}: {', '.join(f'{kind} ({count} of {len(said)})' for kind, count in kinds.items())}"
    yield (
        "\n## Claims\n\nEach is that a figure lies above 0; margins were fixed before any result. Paired by patient, sentence "
        "and seed; p two-sided for new patients and new runs, Holm over the claims of a family.\n"
    )
    yield from markdown(HEAD, (claim.line for claim in results.claims))


def _verdicts(found: Found, name: str) -> list[Verdict]:
    return [verdict(answers, found.study.plan, headline(name)) for answers in found.answers[name].values()]


def _json(results: Results) -> dict[str, Any]:
    return {
        "tables": [table.to_json() for table in results.tables],
        "verdicts": {name: [one.kind for one in said] for name, said in results.verdicts.items()},
        "claims": [claim.to_json() for claim in results.claims],
    }
