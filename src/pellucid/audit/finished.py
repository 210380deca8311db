"""A finished audit, opened for the report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pellucid import finding, registry
from pellucid.audit import shard
from pellucid.audit.aggregate import Frame
from pellucid.audit.comparing import PRIMARY, Contest, best_of, means
from pellucid.audit.lineup import BASELINES
from pellucid.audit.manifest import CASES, COST, COUNTS, FINDINGS, FORMAT, MANIFEST, THRESHOLDS
from pellucid.audit.plan import Plan
from pellucid.audit.shard import Shard
from pellucid.audit.vocabulary import VOCABULARIES, Vocabulary
from pellucid.errors import DataError
from pellucid.files import digest_json, read_json
from pellucid.metrics.base import PERTURBED, Metric


@dataclass(frozen=True, eq=False)
class Finished:
    """What an audit left on disk.

    Attributes:
        about: the manifest (`audit.json`).
        explainers: those that were measured, in the plan's order.
        metrics: those of the plan, by name.
    """

    folder: Path
    about: Mapping[str, Any]
    plan: Plan
    explainers: tuple[str, ...]
    metrics: Mapping[str, Metric]

    @classmethod
    def open(cls, folder: Path) -> Finished:
        """Open the folder that an audit wrote.

        Raises:
            DataError: there is no audit in it, or it is not finished or lacks cases.
        """
        about = read_json(folder / MANIFEST)
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise DataError(f"{folder / MANIFEST} was written by another version of Pellucid; run the audit again.")
        if not (folder / FINDINGS).exists():
            raise DataError(f"The audit in {folder} is not finished; run the same audit again, which goes on where it stopped.")
        counts = read_json(folder / COUNTS)
        there = len(list((folder / CASES).glob("*.npz")))
        if not isinstance(counts, dict) or counts.get("cases") != there:
            raise DataError(f"{folder / CASES} does not hold the cases that {COUNTS} counts; run the same audit again.")
        plan = Plan.from_json(about["plan"])
        metrics = {name: registry.metrics.create(name) for name in plan.metrics}
        return cls(folder, about, plan, tuple(about["explainers"]), metrics)

    @cached_property
    def frame(self) -> Frame:
        """The findings, indexed."""
        return Frame(finding.read(self.folder / FINDINGS))

    @cached_property
    def measured(self) -> frozenset[str]:
        """The metrics of which there is any finding, refusals among them: without evidence, many are never asked."""
        return frozenset(metric for _, metric, _ in self.frame.addresses())

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label of a case is right, as the model sees it."""
        return bool(self.about["model"].get("exclusive", False))

    @cached_property
    def counts(self) -> Mapping[str, Any]:
        """What was measured and what was left out."""
        return dict(read_json(self.folder / COUNTS))

    @cached_property
    def cost(self) -> Mapping[str, Any]:
        """What it took."""
        return dict(read_json(self.folder / COST))

    @cached_property
    def thresholds(self) -> Mapping[str, Any]:
        """What validation said."""
        return dict(read_json(self.folder / THRESHOLDS))

    def shards(self) -> Iterator[Shard]:
        """The finished cases, in their order, one at a time.

        Raises:
            DataError: a shard is damaged.
        """
        key = digest_json(self.about["identity"])
        for path in sorted((self.folder / CASES).glob("*.npz")):
            whole = shard.read(path)
            if whole.identity == key:
                yield whole

    def explained(self) -> Iterator[Shard]:
        """The finished cases that have explanations."""
        return (whole for whole in self.shards() if not whole.facts["excluded"])

    @cached_property
    def methods(self) -> list[str]:
        """Explainers that use the model, the best on the first primary metric first."""
        return self._ranked([name for name in self.explainers if name not in BASELINES])

    @cached_property
    def baselines(self) -> list[str]:
        """Explainers that know nothing of the model, in the same order."""
        return self._ranked([name for name in self.explainers if name in BASELINES])

    @property
    def vocabulary(self) -> Vocabulary:
        """The words in which the report speaks."""
        return VOCABULARIES[self.plan.modality]

    @cached_property
    def contests(self) -> Sequence[Contest]:
        """The primary metrics that were measured, plausibility first."""
        found = []
        for family, names in PRIMARY[self.plan.modality].items():
            measured = [name for name in names if name in self.metrics and self._has_values(name)]
            if measured:
                setting = self.setting_of(measured[0])
                higher = self.metrics[measured[0]].higher_is_better
                found.append(Contest(family, measured[0], setting, higher is not False))
        return found

    def contest(self, family: str) -> Contest | None:
        """The primary metric of a family, if it was measured."""
        return next((c for c in self.contests if c.family == family), None)

    @cached_property
    def headline(self) -> str | None:
        """The method whose explanations are shown: the best on the first primary metric; None if no method was measured."""
        if not self.contests:
            return self.methods[0] if self.methods else None
        return best_of(self.frame, self.contests[0], self.explainers)[0]

    def setting_of(self, metric: str) -> str:
        """The headline setting of a metric: the plan's first filler where it needs one, else empty."""
        return self.plan.fillers[0] if PERTURBED & set(self.metrics[metric].needs) else ""

    def _ranked(self, names: list[str]) -> list[str]:
        if not self.contests:
            return names
        found = means(self.frame, self.contests[0], names)
        sign = -1.0 if self.contests[0].higher else 1.0
        return sorted(names, key=lambda name: sign * found[name] if name in found else math.inf)

    def _has_values(self, metric: str) -> bool:
        setting = self.setting_of(metric)
        return any(len(self.frame.sample(name, metric, setting).values) for name in self.explainers)
