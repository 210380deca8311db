"""Tables of a reproduction from finished audits, one a training seed, as Markdown.

python docs/reproductions/table.py audits/codiesp-0 audits/codiesp-1 audits/codiesp-2
"""

from __future__ import annotations

import sys
from pathlib import Path

from pellucid.audit import combined
from pellucid.audit.aggregate import Row
from pellucid.registry import explainers

PLAUSIBILITY = ("average_precision", "pooled_f1", "iou_at_size", "recall_at_5", "span_hit_recall", "empty", "entropy")
FAITHFULNESS = (
    "comprehensiveness",
    "sufficiency",
    "deletion_auc",
    "insertion_auc",
    "naopc_comprehensiveness",
    "naopc_sufficiency",
)


def cell(row: Row | None) -> str:
    """Value, interval over patients, and standard deviation between seeds."""
    if row is None or row.interval.value != row.interval.value:
        return "–"
    i = row.interval
    spread = f" ±{i.seed_sd:.3f}" if i.seeds > 1 else ""
    return f"{i.value:.3f} [{i.low:.3f}, {i.high:.3f}]{spread}"


def table(rows: list[Row], metrics: tuple[str, ...], setting: str, stratum: str = "") -> str:
    """One line an explainer, one column a metric."""
    found = {(r.explainer, r.metric): r for r in rows if r.setting == setting and r.stratum == stratum}
    lines = ["| method | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 1) + "|"]
    cells = ((name, " | ".join(cell(found.get((name, m))) for m in metrics)) for name in explainers.names())
    return "\n".join([*lines, *(f"| {name} | {row} |" for name, row in cells)])


def main() -> None:
    rows = combined([Path(folder) for folder in sys.argv[1:]])
    print("Plausibility\n\n" + table(rows, PLAUSIBILITY, ""))
    for filler in ("mask", "delete"):
        print(f"\nFaithfulness, filler {filler}\n\n" + table(rows, FAITHFULNESS, filler))
    for stratum in ("true positive", "false positive", "false negative"):
        print(f"\n{stratum}\n\n" + table(rows, ("average_precision", "empty"), "", stratum))
        print("\n" + table(rows, ("comprehensiveness",), "mask", stratum))


if __name__ == "__main__":
    main()
