"""Cases that the page shows, chosen by a rule that nobody can steer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from pellucid.alignment.answers import Answers, shards
from pellucid.alignment.findings import AUROC, JS, LEAN, SWAP
from pellucid.alignment.plan import BASELINES, AlignmentPlan
from pellucid.audit.shard import Shard
from pellucid.files import digest
from pellucid.imaging import resized
from pellucid.overlay import data_url, overlay
from pellucid.picture import Picture

WRONG, STILL, DRAWN = 4, 2, 2
"""How many sentences each group shows at most."""


@dataclass(frozen=True)
class Half:
    """One picture of a pair.

    Attributes:
        text: the sentence that was asked.
        side: the one that it names.
        share: of what the map has on either side, how much lies on that one; in per cent.
        url: the picture with the map over it.
    """

    text: str
    side: str
    share: int
    url: str

    @property
    def where(self) -> str:
        """Where a map with such a share lies, in words."""
        other = "right" if self.side == "left" else "left"
        if abs(self.share - 50) <= 1:
            return "on both sides alike"
        return f"{self.share} % on the {self.side}" if self.share > 50 else f"{100 - self.share} % on the {other}"


@dataclass(frozen=True)
class Pair:
    """A sentence, and the same with its side exchanged, about one picture."""

    case: str
    target: str
    said: Half
    twin: Half


@dataclass(frozen=True)
class Group:
    """Pairs of one rule."""

    title: str
    rule: str
    pairs: list[Pair]


def headline(answers: Answers, methods: Sequence[str]) -> str | None:
    """The method that is shown: of those that are no baseline the one with the greatest AUROC, or else the first."""
    own = [name for name in methods if name not in BASELINES]

    def rank(name: str) -> float:
        values = answers.column(name, AUROC)
        return -np.inf if np.isnan(values).all() else float(np.nanmean(values))

    return max(own, key=rank) if own else None


def gallery(out: Path, answers: Answers, plan: AlignmentPlan, method: str) -> list[Group]:
    """Sentences whose map lies on the other side, those whose map stays when sides are swapped, and some by lot."""
    chosen = _chosen(answers, plan, method)
    rows = {row for picked in chosen.values() for row in picked}
    shown = dict(_pairs(out, answers, method, rows))
    rules = {
        "wrong": (
            "Says one side, looks at the other",
            f"The {WRONG} sentences whose maps lean most to the other side.",
        ),
        "still": (
            "Moves least with the side",
            f"{'Of the others, the' if chosen['wrong'] else 'The'} {STILL} whose map changes least when the side is swapped.",
        ),
        "drawn": ("By lot", f"{DRAWN} more, drawn by a hash of the audit's seed, the case and the sentence."),
    }
    return [Group(*rules[name], [shown[row] for row in picked]) for name, picked in chosen.items() if picked]


def _chosen(answers: Answers, plan: AlignmentPlan, method: str) -> dict[str, list[int]]:
    """Rows of sentences with a map and a twin."""
    lean, after, apart = (answers.column(method, *at) for at in ((LEAN,), (LEAN, SWAP), (JS, SWAP)))
    left = [int(row) for row in np.flatnonzero(~np.isnan(lean + after + apart))]
    wrong = sorted((row for row in left if lean[row] < -plan.lean), key=lambda row: (lean[row], answers.items[row]))[:WRONG]
    left = [row for row in left if row not in wrong]
    still = sorted(left, key=lambda row: (apart[row], answers.items[row]))[:STILL]
    left = [row for row in left if row not in still]
    drawn = sorted(left, key=lambda row: digest(str(plan.seed), *answers.items[row]))[:DRAWN]
    return {"wrong": wrong, "still": still, "drawn": drawn}


def _pairs(out: Path, answers: Answers, method: str, rows: set[int]) -> Iterator[tuple[int, Pair]]:
    wanted: dict[str, list[int]] = {}
    for row in rows:
        wanted.setdefault(answers.items[row][0], []).append(row)
    leans = answers.column(method, LEAN), answers.column(method, LEAN, SWAP)
    for whole in shards(out):
        for row in wanted.get(whole.facts["case"], []):
            yield row, _pair(whole, answers.items[row][1], method, float(leans[0][row]), float(leans[1][row]))


def _pair(whole: Shard, target: str, method: str, before: float, after: float) -> Pair:
    """Both halves; the lean of the twin's map is towards the side that the first sentence names."""
    said: dict[str, Any] = next(one for one in whole.facts["sentences"] if one["target"] == target)
    picture = whole.array("picture")
    truth = whole.array(f"truth/{target}").reshape(picture.shape[:2]) if said["placed"] else None
    other = "right" if said["side"] == "left" else "left"
    urls = [_drawn(picture, whole.array(f"{kind}/{method}/{target}"), truth) for kind in ("map", "twin")]
    halves = Half(said["text"], said["side"], _share(before), urls[0]), Half(said["swapped"], other, _share(-after), urls[1])
    return Pair(whole.facts["case"], target, *halves)


def _share(lean: float) -> int:
    return round(50 * (1 + lean))


def _drawn(picture: UInt8[np.ndarray, "H W C"], kept: Float[np.ndarray, "h w"], truth: Bool[np.ndarray, "H W"] | None) -> str:
    scores = resized(Picture(kept[..., None].astype(np.float32)), picture.shape[:2]).pixels[..., 0]
    return data_url(overlay(picture / 255.0, scores, truth))
