"""Cases that the report shows, chosen by a rule that nobody can steer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pellucid.audit.aims import FALSE_POSITIVE
from pellucid.audit.comparing import Contest
from pellucid.audit.finished import Finished
from pellucid.audit.highlighting import Piece, phrases, pieces
from pellucid.audit.picturing import PICTURES, pictures
from pellucid.audit.shard import Shard
from pellucid.audit.wording import heading, number
from pellucid.files import digest
from pellucid.metrics.base import shares

EACH = 2
TOP_WORDS = 5


@dataclass(frozen=True)
class Pick:
    """One target of one case that will be shown.

    Attributes:
        value: the metric that ranked it; NaN where it was drawn without one.
    """

    case: str
    target: str
    value: float


@dataclass(frozen=True)
class Shown:
    """What the page needs of one pick.

    Attributes:
        pieces: the note with the headline method's explanation; empty for anything but a text.
        marked: what people marked, as phrases.
        top: the strongest phrases of the headline method, with their shares in percent.
        others: the same of every other method.
        pictures: of an image or signal, itself and the methods' explanations of it, each with its name and address; of a row
            the explanations alone. The headline method's comes first of them. Empty for a text.
    """

    case: str
    target: str
    stratum: str
    probability: float
    value: str
    pieces: list[Piece]
    marked: list[str]
    top: list[tuple[str, str]]
    others: list[tuple[str, list[tuple[str, str]]]]
    planted: bool
    pictures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """Cases of one rule."""

    title: str
    rule: str
    shown: list[Shown] = field(default_factory=list)


def choose(values: Sequence[Pick], higher: bool, seed: int) -> dict[str, list[Pick]]:
    """Which explanations are shown.

    Of all ranked explanations the two worst and the two best (equal values by name of case and target), then two more of
    those left, drawn by a hash of `seed`, case and target; no explanation twice.

    Args:
        values: every explanation that the metric could rank.
        higher: whether more is better.
    """
    sign = 1.0 if higher else -1.0
    ranked = sorted((p for p in values if not np.isnan(p.value)), key=lambda p: (sign * p.value, p.case, p.target))
    worst = ranked[:EACH]
    best = [p for p in reversed(ranked) if p not in worst][:EACH]
    left = [p for p in ranked if p not in worst and p not in best]
    return {"worst": worst, "random": drawn(left, seed), "best": best}


def drawn(picks: Sequence[Pick], seed: int) -> list[Pick]:
    """Two of the picks, by a hash of `seed`, case and target."""
    return sorted(picks, key=lambda p: digest(str(seed), p.case, p.target))[:EACH]


def gallery(audit: Finished) -> list[Group]:
    """Worst, random and best explanations of the headline method, and some of labels that the model predicts wrongly."""
    method, contest = audit.headline, next(iter(audit.contests), None)
    if method is None or contest is None:
        return []
    ranked, wrong = _candidates(audit, method, contest)
    chosen = choose(ranked, contest.higher, audit.plan.seed)
    taken = {(p.case, p.target) for picks in chosen.values() for p in picks}
    chosen["wrong"] = drawn([p for p in wrong if (p.case, p.target) not in taken], audit.plan.seed)
    shown = _shown(audit, method, [p for picks in chosen.values() for p in picks])
    name = f"{heading(contest.metric).short.lower()} of {method}"
    rules = {
        "worst": ("Worst", f"The {EACH} explanations with the worst {name}."),
        "random": ("Random", f"{EACH} of the others, drawn by a hash of the audit's seed, the case and the code."),
        "best": ("Best", f"The {EACH} explanations with the best {name}."),
        "wrong": ("Predicted, but not coded", f"{EACH} codes that the model assigns and the record does not, drawn likewise."),
    }
    said = audit.vocabulary.said
    return [
        Group(said(title), said(rule), [shown[p.case, p.target] for p in chosen[key]])
        for key, (title, rule) in rules.items()
        if chosen[key]
    ]


def _candidates(audit: Finished, method: str, contest: Contest) -> tuple[list[Pick], list[Pick]]:
    """Every explanation that the metric ranks, and every false positive."""
    ranked, wrong = [], []
    for whole in audit.explained():
        case = whole.facts["case"]
        address = {"explainer": method, "metric": contest.metric, "setting": contest.setting}
        here = [pc.field(name) == value for name, value in address.items()]
        found = whole.findings().filter(here[0] & here[1] & here[2]).select(["target", "value"]).to_pylist()
        ranked += [Pick(case, row["target"], row["value"]) for row in found]
        wrong += [Pick(case, t["label"], np.nan) for t in whole.facts["targets"] if t["stratum"] == FALSE_POSITIVE]
    return ranked, wrong


def _shown(audit: Finished, method: str, picks: Sequence[Pick]) -> dict[tuple[str, str], Shown]:
    """The picks, made ready for the page."""
    wanted: dict[str, list[Pick]] = {}
    for pick in picks:
        wanted.setdefault(pick.case, []).append(pick)
    result = {}
    for whole in audit.explained():
        for pick in wanted.get(whole.facts["case"], []):
            result[pick.case, pick.target] = _show(audit, method, whole, pick)
    return result


def _show(audit: Finished, method: str, whole: Shard, pick: Pick) -> Shown:
    facts = whole.facts
    k = [t["label"] for t in facts["targets"]].index(pick.target)
    target = facts["targets"][k]
    truth, cause = whole.array("truth")[k], whole.array("cause")[k] & bool(target["planted"])
    scores = {name: whole.array(f"scores/{name}")[k].astype(np.float64) for name in audit.methods}
    head: dict[str, Any] = {
        "case": pick.case,
        "target": pick.target,
        "stratum": target["stratum"],
        "probability": target["probability"],
        "value": number(pick.value),
        "planted": bool(target["planted"]),
    }
    if not facts["text"]:
        drawn = pictures(audit.plan.modality, whole, {n: scores[n] for n in _first(audit, method)}, truth, cause)
        return Shown(**head, pieces=[], marked=[], top=[], others=[], pictures=drawn)
    text, offsets = facts["text"], whole.array("offsets")
    marked = phrases(text, offsets, truth, truth.astype(np.float64))
    return Shown(
        **head,
        pieces=pieces(text, offsets, scores[method], truth, cause),
        marked=list(dict.fromkeys(phrase for phrase, _ in marked)),
        top=top_phrases(text, offsets, scores[method]),
        others=[(name, top_phrases(text, offsets, values)) for name, values in scores.items() if name != method],
    )


def _first(audit: Finished, method: str) -> list[str]:
    """The methods that are drawn: the headline method, and those that come next."""
    return [method, *(name for name in audit.methods if name != method)][: PICTURES[audit.plan.modality]]


def top_phrases(text: str, offsets: np.ndarray, scores: np.ndarray) -> list[tuple[str, str]]:
    """The strongest words of an explanation, neighbours joined, each with its share of the explanation in percent."""
    share = shares(scores)
    chosen = np.zeros(len(share), dtype=bool)
    chosen[np.argsort(-share, kind="stable")[:TOP_WORDS]] = True
    return [(phrase, f"{100 * part:.0f} %") for phrase, part in phrases(text, offsets, chosen & (share > 0), share)]
