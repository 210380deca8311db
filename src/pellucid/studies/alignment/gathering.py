"""All that the parts of a finished study left behind: one row a sentence and training run, the same rows for every variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from pellucid.alignment.answers import Answers
from pellucid.alignment.manifest import MANIFEST
from pellucid.alignment.passing import Rule, outcome
from pellucid.crossed import Estimate, Ratio, estimate, mean_of
from pellucid.errors import DataError
from pellucid.files import read_json
from pellucid.studies import ranking
from pellucid.studies.alignment import probing
from pellucid.studies.alignment.probing import Probe
from pellucid.studies.alignment.study import AlignmentStudy, Folders
from pellucid.studies.alignment.variants import VARIANTS
from pellucid.studies.predictions import Predictions
from pellucid.studies.study import Part

Rows = Float[np.ndarray, " R"]
"""A number for every sentence of the first run, then of the second, and so on; NaN where there is none."""

CHANCE = 0.5

_SHARED = ("data set", "plan", "version of Pellucid")


@dataclass(frozen=True, eq=False)
class Found:
    """The findings of a study.

    Attributes:
        answers, probes: by variant and seed.
    """

    study: AlignmentStudy
    answers: Mapping[str, Mapping[int, Answers]]
    probes: Mapping[str, Mapping[int, Probe]]

    @classmethod
    def read(cls, study: AlignmentStudy, folders: Folders) -> Found:
        """Open what every part left.

        Raises:
            DataError: a part is not finished; or two audits are of other data or plans, or of other sentences.
        """
        grid = {name: [Part(name, seed) for seed in study.seeds] for name in study.variants}
        _check_alike(folders, [part for parts in grid.values() for part in parts])
        answers = {name: {part.seed: Answers.open(folders.audit(part)) for part in parts} for name, parts in grid.items()}
        _check_sentences(answers)
        probes = {name: {part.seed: probing.read(folders.probe(part)) for part in parts} for name, parts in grid.items()}
        return cls(study, answers, probes)

    @property
    def first(self) -> Answers:
        """Of any audit: what they share."""
        return next(iter(next(iter(self.answers.values())).values()))

    @cached_property
    def patients(self) -> np.ndarray:
        """Whose each row is."""
        return np.tile(self.first.patients, len(self.study.seeds))

    @cached_property
    def runs(self) -> np.ndarray:
        """Of which training run each row is."""
        return np.repeat(np.array(self.study.seeds), len(self.first))

    def values(self, variant: str, method: str, metric: str, setting: str = "") -> Rows:
        """What was measured, row by row."""
        return np.concatenate([one.column(method, metric, setting) for one in self.answers[variant].values()])

    def passed(self, variant: str, method: str, rule: Rule) -> Rows:
        """1 where it is as expected, 0 where it is not."""
        plan = self.study.plan
        return np.concatenate([outcome(one, plan, rule, method).passed for one in self.answers[variant].values()])

    def probed(self, variant: str, of: str) -> Rows:
        """The probability that the right image is ranked first ("retrieval"), or what the usual place is worth by a metric."""
        found = []
        for one in self.probes[variant].values():
            values = one.retrieval if of == "retrieval" else one.usual[of]
            known = dict(zip(one.items, values.tolist(), strict=True))
            found.append([known.get(item, np.nan) for item in self.first.items])
        return np.concatenate(found)

    def within(self, values: Rows, subset: str) -> Rows:
        """Those of sentences of a subset (:data:`pellucid.alignment.answers.SUBSETS`); NaN elsewhere."""
        return np.where(np.tile(self.first.subsets[subset], len(self.study.seeds)), values, np.nan)

    def mean(self, values: Rows) -> Estimate:
        """Of rows, over sentences, patients and runs; NaN where there is none."""
        return estimate(mean_of(values, self.patients, self.runs))

    def share(self, above: Rows, below: Rows) -> Estimate:
        """The sum of some rows over the sum of others."""
        return estimate(Ratio(above, below, self.patients, self.runs))

    @property
    def nothing(self) -> Rows:
        """Rows without a number."""
        return np.full(len(self.patients), np.nan)

    def only(self, kind: Bool[np.ndarray, " N"], values: Rows) -> Rows:
        """Those of some sentences; NaN elsewhere."""
        return np.where(np.tile(kind, len(self.study.seeds)), values, np.nan)

    def opt_out(self, variant: str, *, above: float = 0.0) -> Estimate:
        """How well the share of the null tells what is absent from what has a place (AUROC), less `above`.

        NaN where there are no such sentences.
        """
        judged = self.first.placed | self.first.absent
        runs = {seed: _of_null(one, judged, one.column("", "null_share")) for seed, one in self.answers[variant].items()}
        blind = {seed: _of_null(one, judged, np.zeros(len(one))) for seed, one in self.answers[variant].items()}
        # One that cannot tell has an AUROC of 0.5 without any variance, so that this is the AUROC less `above`.
        return ranking.difference(runs, blind, spare=CHANCE - above)


def headline(variant: str) -> str:
    """The map by which a variant is judged."""
    return VARIANTS[variant].method


def _of_null(answers: Answers, judged: Bool[np.ndarray, " N"], null: Float[np.ndarray, " N"]) -> Predictions:
    absent = answers.absent[judged][:, None]
    return Predictions(answers.patients[judged].tolist(), null[judged][:, None], absent, absent)


def _check_alike(folders: Folders, parts: list[Part]) -> None:
    known: dict[str, str] = {}
    for part in parts:
        path = folders.audit(part) / MANIFEST
        found = read_json(path) if path.is_file() else {}
        identity = found.get("identity", {}) if isinstance(found, dict) else {}
        if not identity:
            raise DataError(f"The part {part} is not audited; run the study again, which goes on where it was.")
        for name in _SHARED:
            if known.setdefault(name, str(identity.get(name))) != str(identity.get(name)):
                raise DataError(
                    f"The audits of {parts[0]} and {part} have another {name}; delete the folder of one of them, and run the "
                    "study again."
                )


def _check_sentences(answers: Mapping[str, Mapping[int, Answers]]) -> None:
    every = [(f"{name}-{seed}", one) for name, runs in answers.items() for seed, one in runs.items()]
    first, shared = every[0]
    for name, one in every:
        if one.items != shared.items:
            raise DataError(f"The models of {first} and {name} were not asked about the same sentences; train both alike.")
