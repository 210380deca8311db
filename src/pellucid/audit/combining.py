"""Several audits of the same plan and data, one a training seed, put together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pellucid import finding
from pellucid.audit.aggregate import Frame, Row, summarise
from pellucid.audit.aims import STRATA
from pellucid.audit.finished import Finished
from pellucid.audit.manifest import FINDINGS
from pellucid.errors import DataError

SAME = ("data set", "plan", "version of Pellucid")


def combined(folders: Sequence[Path]) -> list[Row]:
    """Every figure over the findings of several audits: models that differ in their training seed, on the same cases.

    Values are averaged over the seeds of each patient before patients are resampled; `interval.seed_sd` says how far the seeds
    differ.

    Args:
        folders: what :func:`pellucid.audit.run` wrote, one folder a seed.

    Raises:
        DataError: a folder holds no finished audit; two differ in data set, plan or version; or two have the same training
            seed.
    """
    audits = [Finished.open(Path(folder)) for folder in folders]
    if not audits:
        raise DataError("There are no audits to combine; give at least one folder.")
    check_alike(audits)
    seeds_of(audits)
    findings = finding.concatenate(finding.read(audit.folder / FINDINGS) for audit in audits)
    plan = audits[0].plan
    return list(summarise(Frame(findings), STRATA, plan.draws, plan.seed))


def check_alike(audits: Sequence[Finished]) -> None:
    """Refuse audits that differ in more than the model.

    Raises:
        DataError: two differ in data set, plan or version.
    """
    first = audits[0]
    for audit in audits:
        differs = [name for name in SAME if audit.about["identity"][name] != first.about["identity"][name]]
        if differs:
            raise DataError(
                f"{audit.folder} has another {differs[0]} than {first.folder}; put audits of one kind together only."
            )


def seeds_of(audits: Sequence[Finished]) -> tuple[int, ...]:
    """The training seeds of the models, ascending.

    Raises:
        DataError: two models have the same.
    """
    seeds: dict[int, Path] = {}
    for audit in audits:
        seed = audit.about["model"]["seed"]
        if seed in seeds:
            raise DataError(f"{audit.folder} and {seeds[seed]} audit models of the same training seed {seed}; leave one out.")
        seeds[seed] = audit.folder
    return tuple(sorted(seeds))
