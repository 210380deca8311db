"""Findings of all cases, side by side: one row a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from pellucid import finding
from pellucid.alignment.manifest import CASES, FINDINGS, MANIFEST
from pellucid.alignment.sentences import ABSENT
from pellucid.audit import shard
from pellucid.audit.shard import Shard
from pellucid.errors import DataError
from pellucid.files import digest_json, read_json

ALL, ABNORMAL, ONE_LUNG, DIVERSE = "all", "abnormal", "one lung", "most diverse boxes"
SUBSETS = (ALL, ABNORMAL, ONE_LUNG, DIVERSE)
DECILE = 0.1


class Answers:
    """What was found about N sentences.

    Args:
        findings: with the columns of :class:`pellucid.finding.Finding`.
        facts: of the cases, as their shards keep them.

    Attributes:
        items: case and name of each sentence.
        patients: whose each is.
        placed: it speaks of a place.
        absent: it says only what is absent.
        subsets: sentences with a place, by name: all; those that say something abnormal; those about one lung; and those of
            the tenth of the reports whose places overlap least (mean intersection over union, pair by pair).
    """

    def __init__(self, findings: pa.Table, facts: Iterable[Mapping[str, Any]]) -> None:
        asked = [one for one in facts if not one["excluded"]]
        rows = [(one, said) for one in asked for said in one["sentences"]]
        self.items = [(str(one["case"]), str(said["target"])) for one, said in rows]
        self.patients = np.array([one["patient"] for one, _ in rows])
        self.placed = np.array([said["placed"] for _, said in rows], dtype=bool)
        self.absent = np.array([said["stratum"] == ABSENT for _, said in rows], dtype=bool)
        flags = {name: np.array([said[name] for _, said in rows], dtype=bool) for name in (ABNORMAL, ONE_LUNG)}
        overlap = np.array([np.nan if one["diversity"] is None else one["diversity"] for one, _ in rows])
        diverse = _lowest(overlap, [one["diversity"] for one in asked])
        self.subsets = {name: self.placed & mask for name, mask in {ALL: self.placed, **flags, DIVERSE: diverse}.items()}
        self._values = findings["value"].to_numpy()
        self._codes = {name: _coded(findings, name) for name in ("explainer", "metric", "setting")}
        self._rows = _places(findings, self.items)

    @classmethod
    def open(cls, out: Path) -> Self:
        """Those of a finished audit.

        Raises:
            DataError: there is none in the folder, or it is damaged.
        """
        return cls(finding.read(out / FINDINGS), (one.facts for one in shards(out)))

    def __len__(self) -> int:
        return len(self.items)

    def column(self, method: str, metric: str, setting: str = "") -> Float[np.ndarray, " N"]:
        """One number a sentence; NaN where it was not measured, or refused."""
        chosen = self._chosen(method, metric, setting)
        result = np.full(len(self), np.nan)
        result[self._rows[chosen]] = self._values[chosen]
        return result

    def measured(self, method: str, metric: str, setting: str = "") -> Bool[np.ndarray, " N"]:
        """Sentences for which it was measured, and perhaps refused."""
        result = np.zeros(len(self), dtype=bool)
        result[self._rows[self._chosen(method, metric, setting)]] = True
        return result

    def _chosen(self, method: str, metric: str, setting: str) -> Bool[np.ndarray, " R"]:
        chosen = np.ones(len(self._values), dtype=bool)
        for name, text in (("explainer", method), ("metric", metric), ("setting", setting)):
            codes, names = self._codes[name]
            chosen &= codes == (names.index(text) if text in names else -1)
        return chosen


def shards(out: Path) -> Iterable[Shard]:
    """The finished cases of an audit, in their order.

    Raises:
        DataError: there is no audit, or a shard is damaged.
    """
    about = read_json(out / MANIFEST)
    if not isinstance(about, dict) or "identity" not in about:
        raise DataError(f"{out / MANIFEST} does not say what was audited; run the audit again in another folder.")
    key = digest_json(about["identity"])
    for path in sorted((out / CASES).glob("*.npz")):
        whole = shard.read(path)
        if whole.identity == key:
            yield whole


def _lowest(overlap: Float[np.ndarray, " N"], reports: Iterable[float | None]) -> Bool[np.ndarray, " N"]:
    known = [value for value in reports if value is not None]
    return np.zeros(len(overlap), dtype=bool) if not known else np.asarray(overlap <= np.quantile(known, DECILE))


def _coded(findings: pa.Table, name: str) -> tuple[Int[np.ndarray, " R"], list[str]]:
    column = findings[name].cast(pa.string()).combine_chunks().dictionary_encode()
    return column.indices.to_numpy(zero_copy_only=False), column.dictionary.to_pylist()


def _places(findings: pa.Table, items: list[tuple[str, str]]) -> Int[np.ndarray, " R"]:
    """For each finding the row of its sentence."""
    (cases, case_names), (targets, target_names) = (_coded(findings, name) for name in ("case", "target"))
    known = {item: row for row, item in enumerate(items)}
    table = np.array([[known.get((case, target), -1) for target in target_names] for case in case_names], dtype=np.int64)
    return table[cases, targets] if len(cases) else np.zeros(0, dtype=np.int64)
