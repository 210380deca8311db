"""Alignment: does the map for a sentence lie where the sentence says, and does the text matter?"""

from __future__ import annotations

from pellucid.alignment.judging import Judgement, judge
from pellucid.alignment.manifest import check_free
from pellucid.alignment.page import report
from pellucid.alignment.plan import AlignmentPlan
from pellucid.alignment.runner import run

__all__ = ["AlignmentPlan", "Judgement", "check_free", "judge", "report", "run"]
