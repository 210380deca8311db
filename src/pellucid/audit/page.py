"""The report: one HTML file that needs nothing else, for a reader who may never have seen an attribution."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pellucid.audit.aggregate import summarise
from pellucid.audit.aims import STRATA
from pellucid.audit.causes import causes
from pellucid.audit.figures import perturbation_curves, recall_curves, trade
from pellucid.audit.finished import Finished
from pellucid.audit.gallery import gallery
from pellucid.audit.gazed import gazed
from pellucid.audit.human import human_evidence
from pellucid.audit.manifest import COUNTS, FINDINGS, THRESHOLDS
from pellucid.audit.moved import moved
from pellucid.audit.omissions import LIMITS, never_tested, omissions
from pellucid.audit.removing import removal
from pellucid.audit.sane import sane
from pellucid.audit.shown import shown
from pellucid.audit.tabulating import (
    all_columns,
    column,
    main_columns,
    model_rows,
    model_totals,
    seconds_per_case,
    strata_table,
    table,
)
from pellucid.audit.verdict import verdict
from pellucid.audit.vocabulary import Vocabulary
from pellucid.audit.wording import Heading, bounds, heading, number, p_value, plural, seconds, what_is
from pellucid.files import digest_json, write_text
from pellucid.statistics import Interval

REPORT, SUMMARY = "report.html", "summary.csv"


def write_report(out: Path, command: str) -> Path:
    """Write `report.html` and `summary.csv` (every figure of the report and many more) from a finished audit.

    The same audit gives the same bytes.

    Args:
        out: the folder of the audit.
        command: what reproduces it; shown as it is.

    Returns:
        The path of the report.

    Raises:
        DataError: the folder holds no finished audit.
    """
    audit = Finished.open(out)
    write_text(out / SUMMARY, _summary(audit))
    page = _environment(audit.vocabulary).get_template("report.html.j2").render(_content(audit, command))
    write_text(out / REPORT, page)
    return out / REPORT


class _Templates(PackageLoader):
    """The report's templates, in the words of what was audited."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__("pellucid.audit", "templates")
        self._vocabulary = vocabulary

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Any]:
        source, name, fresh = super().get_source(environment, template)
        return self._vocabulary.template(source), name, fresh


def _environment(vocabulary: Vocabulary) -> Environment:
    def headed(metric: str) -> Heading:
        found = heading(metric)
        return Heading(vocabulary.said(found.short), vocabulary.said(found.plain))

    environment = Environment(
        loader=_Templates(vocabulary),
        autoescape=True,  # names, notes and metadata come from outside
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "p_value": p_value, "seconds": seconds, "what_is": what_is}
    environment.filters["said"] = vocabulary.said
    environment.globals |= {"plural": plural, "heading": headed, "style": Markup(_template("report.css"))}
    return environment


def _template(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _content(audit: Finished, command: str) -> dict[str, Any]:
    figures = [f for f in (recall_curves(audit), perturbation_curves(audit), trade(audit)) if f]
    return {
        "audit": audit,
        "command": command,
        "verdict": verdict(audit),
        "removal": removal(audit.plan),
        "model_rows": model_rows(audit),
        "model_totals": model_totals(audit),
        "main": table(audit, main_columns(audit)),
        "families": _families(audit),
        "strata": [(c, *strata_table(audit, column(audit, c.metric, c.setting))) for c in audit.contests],
        "shown": shown(audit),
        "sane": sane(audit),
        "gazed": gazed(audit),
        "moved": moved(audit.folder, digest_json(audit.about["identity"])),
        "human": human_evidence(audit),
        "time": seconds_per_case(audit),
        # Drawn here from escaped labels.
        "figures": [(f, Markup(audit.vocabulary.drawing(f.svg))) for f in figures],
        "gallery": gallery(audit),
        "causes": causes(audit),
        "omissions": omissions(audit),
        "never": never_tested(audit),
        "limits": LIMITS,
        "provenance": _provenance(audit),
        "paired": _paired,
        "cites": {name: facts["cites"] for name, facts in audit.about["explainers"].items()},
    }


def _families(audit: Finished) -> list[tuple[str, Any]]:
    """Every metric measured, family by family, for the folded tables."""
    families = dict.fromkeys(metric.family for metric in audit.metrics.values())
    columns = {family: all_columns(audit, family) for family in families}
    return [(family, table(audit, found)) for family, found in columns.items() if found]


def _paired(comparison: Any) -> str:
    """A difference with its interval."""
    paired = comparison.paired
    interval = Interval(paired.difference, paired.low, paired.high, paired.n, paired.patients)
    return f"{number(paired.difference)} {bounds(interval)}".strip()


def _provenance(audit: Finished) -> Mapping[str, str]:
    """Fingerprints and digests, each with what it is of."""
    about = {name: str(value) for name, value in audit.about["identity"].items()}
    files = {f"SHA-256 of {name}": _sha256(audit.folder / name) for name in (FINDINGS, THRESHOLDS, COUNTS)}
    return about | files


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _summary(audit: Finished) -> str:
    """Every figure as comma-separated values."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    fields = ("value", "low", "high", "n", "patients", "excluded", "seeds", "seed_sd")
    writer.writerow(("explainer", "metric", "setting", "stratum", *fields))
    for row in summarise(audit.frame, STRATA, audit.plan.draws, audit.plan.seed):
        numbers = (f"{getattr(row.interval, name):.6g}" for name in fields)
        writer.writerow((row.explainer, row.metric, row.setting, row.stratum, *numbers))
    return text.getvalue()
