"""Tables of a reproduction from finished audits, one a training seed, as Markdown.

python docs/reproductions/table.py audits/codiesp-0 audits/codiesp-1 audits/codiesp-2
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from pellucid import finding
from pellucid.audit import Row, combined
from pellucid.audit.aggregate import Frame
from pellucid.registry import explainers
from pellucid.statistics import holm, paired_test

PLAUSIBILITY = ("average_precision", "pooled_f1", "iou_at_size", "recall_at_5", "span_hit_recall", "empty")
FAITHFULNESS = ("comprehensiveness", "sufficiency", "insertion_auc", "naopc_comprehensiveness", "naopc_sufficiency")
STRATA = ("true positive", "false positive", "false negative")
RIVALS = (
    "attention_filtered",
    "attgrad",
    "attgrad_signed",
    "input_x_gradient",
    "attingrad",
    "integrated_gradients",
    "occlusion_word",
)


def cell(row: Row | None) -> str:
    """Value, interval over patients, and standard deviation between seeds."""
    if row is None or np.isnan(row.interval.value):
        return "–"
    i = row.interval
    spread = f" ±{i.seed_sd:.2f}" if i.seeds > 1 else ""
    return f"{i.value:.3f} [{i.low:.3f}, {i.high:.3f}]{spread}"


def markdown(head: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [list(head), ["---"] * len(head), *rows])


def methods(rows: list[Row], metrics: tuple[str, ...], setting: str) -> str:
    """One line an explainer, one column a metric."""
    found = {(r.explainer, r.metric): r for r in rows if r.setting == setting and not r.stratum}
    return markdown(("method", *metrics), [[name, *(cell(found.get((name, m))) for m in metrics)] for name in explainers])


def strata(rows: list[Row], metric: str, setting: str) -> str:
    """One line an explainer, one column a stratum."""
    found = {(r.explainer, r.stratum): r for r in rows if (r.metric, r.setting) == (metric, setting)}
    return markdown(("method", *STRATA), [[name, *(cell(found.get((name, s))) for s in STRATA)] for name in explainers])


def against(folders: list[Path], base: str, metric: str, setting: str) -> str:
    """Paired differences to one method, tested by patient and corrected for the number of rivals."""
    table = finding.concatenate(finding.read(folder / "findings.parquet") for folder in folders)
    frame = Frame(table)
    ours = frame.sample(base, metric, setting)
    rivals = [frame.sample(name, metric, setting) for name in RIVALS]
    if not all(np.array_equal(rival.keys, ours.keys) for rival in rivals):
        raise SystemExit("The methods were not measured on the same codes; run the audits again.")
    tests = [paired_test(rival.values, ours.values, ours.patients, ours.seeds) for rival in rivals]
    rows = [
        [name, f"{t.difference:+.3f} [{t.low:+.3f}, {t.high:+.3f}]", f"{p:.4f}"]
        for name, t, p in zip(RIVALS, tests, holm([t.p for t in tests]), strict=True)
    ]
    return markdown((f"method, against {base}", f"difference of {metric}", "p, Holm"), rows)


def main() -> None:
    folders = [Path(folder) for folder in sys.argv[1:]]
    rows = combined(folders)
    print("### Plausibility\n\n" + methods(rows, PLAUSIBILITY, ""))
    for filler in ("mask", "delete"):
        print(f"\n### Faithfulness, filler {filler}\n\n" + methods(rows, FAITHFULNESS, filler))
    print("\n### Average precision by stratum\n\n" + strata(rows, "average_precision", ""))
    print("\n### Comprehensiveness (mask) by stratum\n\n" + strata(rows, "comprehensiveness", "mask"))
    print("\n### Empty explanations by stratum\n\n" + strata(rows, "empty", ""))
    print("\n### Is the difference to attention real?\n")
    for metric, setting in (("average_precision", ""), ("comprehensiveness", "mask"), ("naopc_comprehensiveness", "mask")):
        print(against(folders, "attention", metric, setting) + "\n")


if __name__ == "__main__":
    main()
