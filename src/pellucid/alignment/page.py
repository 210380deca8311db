"""The page of an audit of alignment: one HTML file that needs nothing else, which a radiologist reads in a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pellucid.alignment import moves
from pellucid.alignment.answers import SUBSETS, Answers
from pellucid.alignment.checking import read as read_checks
from pellucid.alignment.findings import AUROC, JS, LEAN, RANDOM, SWAP
from pellucid.alignment.gallery import gallery, headline
from pellucid.alignment.judging import NAMED, TSI, Judgement, judged
from pellucid.alignment.manifest import COUNTS, FORMAT, MANIFEST, PAGE
from pellucid.alignment.passing import ORDER, Passed
from pellucid.alignment.plan import BASELINES, OTHER_PATIENT, PRIOR, AlignmentPlan
from pellucid.alignment.sensitivity import Asked
from pellucid.audit.wording import bounds, figure, heading, number, p_value, plural
from pellucid.errors import DataError
from pellucid.files import read_json, write_text
from pellucid.rewording.base import Expected
from pellucid.statistics import Interval

KINDS = {"listens": "listens", "insensitive": "does not listen", "contrary": "contradicts", "unclear": "cannot be judged"}
EXPECTED: Mapping[Expected, str] = {"mirror": "should change sides", "decrease": "should fall", "invariance": "should stay"}
FIRST = "iou_at_10_percent"
COLUMNS = (AUROC, "average_precision", "relevance_mass", "pointing_game", "cnr", "iou_otsu", FIRST, "entropy")


@dataclass(frozen=True)
class Bar:
    """A figure as a bar: its text, and where it and its interval stand between 0 and 100."""

    text: str
    bounds: str
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One perturbation: what it does, what should happen, and how often it did by each method's map and by the score.

    Attributes:
        bars: by name of the method; "" is the score of the pair.
    """

    name: str
    about: str
    expected: str
    score_expected: str
    bars: Mapping[str, Bar]


def report(out: Path, command: str = "", found: Judgement | None = None) -> Path:
    """Write `report.html` from a finished audit; the same audit gives the same bytes.

    Args:
        out: the folder of the audit.
        command: what reproduces it; shown as it is.
        found: the judgement, where it was made just now.

    Raises:
        DataError: the folder holds no finished audit.
    """
    about = read_json(out / MANIFEST)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise DataError(f"{out / MANIFEST} was written by another version of Pellucid; run the audit again.")
    answers = Answers.open(out)
    judgement = found or judged(answers, AlignmentPlan.from_json(about["plan"]), about["methods"])
    environment = Environment(
        loader=PackageLoader("pellucid.alignment", "templates"),
        autoescape=True,  # sentences and names come from outside
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"plural": plural, "figure": figure, "number": number, "p_value": p_value, "style": Markup(_style())}
    content = _content(out, about, answers, judgement) | {"command": command}
    write_text(out / PAGE, environment.get_template("report.html.j2").render(content))
    return out / PAGE


def _style() -> str:
    """That of the audit's page, and what is drawn here alone."""
    sheets = (files("pellucid.audit") / "templates" / "report.css", files("pellucid.alignment") / "templates" / "align.css")
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


def _content(out: Path, about: Mapping[str, Any], answers: Answers, found: Judgement) -> dict[str, Any]:
    shown = headline(answers, found.methods)
    own = [name for name in found.methods if name not in BASELINES]
    return {
        "about": about,
        "plan": found.plan,
        "counts": read_json(out / COUNTS),
        "found": found,
        "method": shown,
        "lead": next((one.sentence for one in found.verdicts if one.method == shown), ""),
        "summary": _summary(found),
        "gallery": [] if shown is None else gallery(out, answers, found.plan, shown),
        "own": own,
        "tested": [name for name in found.methods if name in own or name == "random"],
        "kinds": KINDS,
        "turned": {one.method: _bar(one.rate) for one in found.passed if (one.setting, one.by) == (SWAP, "map")},
        "lines": _lines(about, found),
        "localisation": _localisation(found),
        "columns": [(name, "IoU of the first 10 %" if name == FIRST else heading(name).short) for name in COLUMNS],
        "moved": _moved(found),
        "moves": moves.said(found, Asked.read(out)),
        "subsets": SUBSETS,
        "prior": PRIOR,
        "skills": {(one.method, one.subset): one for one in found.skills},
        "baselines": BASELINES,
        "checks": read_checks(out),
    }


def _summary(found: Judgement) -> str:
    """How many methods listen; nothing where one alone was asked."""
    counts = Counter(str(one.kind) for one in found.verdicts)
    said = [f"{KINDS[kind]}: {counts[kind]} of {len(found.verdicts)} methods" for kind in KINDS if counts[kind]]
    return f"{'; '.join(said).capitalize()}." if len(found.verdicts) > 1 else ""


def _lines(about: Mapping[str, Any], found: Judgement) -> list[Line]:
    """Every perturbation of the plan that has a rule: those of sides first, those that should change nothing last."""
    said = {name: facts["about"] for name, facts in about["rewordings"].items()} | dict(about["images"])
    by_name: dict[str, list[Passed]] = {name: [one for one in found.passed if one.setting == name] for name in said}
    lines = [_line(name, said[name], passed) for name, passed in by_name.items() if passed]
    order = [EXPECTED[expected] for expected in ORDER]
    return sorted(lines, key=lambda line: order.index(line.expected or line.score_expected))


def _line(name: str, about: str, passed: list[Passed]) -> Line:
    expected = {one.by: EXPECTED[one.expected] for one in passed}
    bars = {one.method: _bar(one.rate) for one in passed}
    return Line(name.replace("_", " "), about, expected.get("map", ""), expected.get("score", ""), bars)


def _bar(share: Interval) -> Bar:
    """Of a share between 0 and 1."""
    ends = (share.value, *((share.value, share.value) if bounds(share) == "" else (share.low, share.high)))
    at, low, high = (100 * min(max(end, 0.0), 1.0) for end in ends)
    text = f"{100 * share.value:.0f} %"
    within = f"[{100 * share.low:.0f}, {100 * share.high:.0f}], n = {share.n:,}" if bounds(share) else f"n = {share.n:,}"
    return Bar(text, within, round(at, 1), round(low, 1), round(high, 1))


def _localisation(found: Judgement) -> dict[tuple[str, str, str], str]:
    """Figures by method, metric and subset."""
    return {(one.method, one.metric, one.subset): figure(one.interval) for one in found.localisation}


def _moved(found: Judgement) -> list[tuple[str, list[str]]]:
    """How far each method's map moves with the text and with the picture, and to which side it leans."""
    columns = ((JS, RANDOM), (JS, OTHER_PATIENT), (TSI, ""), (LEAN, ""), (NAMED, ""))
    cells = {(f.method, f.metric, f.setting): figure(f.interval) for f in (*found.sensitivity, *found.laterality)}
    return [(name, [cells.get((name, *column), "–") for column in columns]) for name in found.methods]
