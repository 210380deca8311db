"""Evidence supervision: the attention of a label is taught to lie where a person marked it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Case, Spans
from pellucid.errors import CapabilityError, DataError
from pellucid.registry import objectives
from pellucid.training.news import MisalignedError
from pellucid.training.objectives.base import Facts
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable
from pellucid.units import TextUnits, words

_LEAST_ALIGNED = 0.95
_NAMED = 10
_ALIGNED, _UNKNOWN, _CUT, _BLANK = "aligned", "label unknown to the model", "cut off at the end", "no text in the span"


@objectives.register("evidence")
@dataclass(frozen=True)
class EvidenceSupervision(Facts):
    """Cross-entropy between human evidence and the attention of its label: mean over the labels of a case, then over cases.

    For a label c with evidence it is -w_c sum_i e_ci log A_ci, where A is the label's attention over the tokens, e_c the
    evidence as a distribution over them and w_c its confidence (1 for an expert's mark). A token that several spans of the
    label cover has the confidence of the surest; e_c is proportional to these confidences, w_c is the largest of them.

    A label and its evidence meet by name; evidence for the whole case is evidence for each of its labels. A case without
    evidence adds nothing. The sum runs over marked tokens alone, so neither padding nor the length of a note is part of it.
    (The released code of Edin et al. 2024 also divides by the padded length of the notes: its weight of 2.5 corresponds to
    about 0.001 here for notes of 2,500 tokens.)
    """

    name: ClassVar[str] = "evidence"
    weight = 0.1
    cites = "Cheng et al. 2023 (MDACE); Edin et al. 2024, section 3 (supervised attention)"

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        found = [terms(step, index) for index in range(len(step.batch))]
        means = [of_case.mean() for of_case in found if len(of_case)]
        return torch.stack(means).sum() / len(found) if means else step.truth.new_zeros(())

    def inspect(self, model: Trainable, cases: Sequence[Case]) -> Mapping[str, Any]:
        """How many pairs of a case and a label have evidence that can be learnt, and why the others cannot.

        Raises:
            DataError: no case has evidence.
            MisalignedError: less than 95 % of the pairs can be learnt.
            CapabilityError: the model's labels have no attention of their own.
        """
        marked = [case for case in cases if marks_by_label(case)]
        if not marked:
            raise DataError(
                "No training case has evidence, and the objective 'evidence' needs some; choose another data set or objective."
            )
        _check_attention(model, marked[0])
        fates = [(case.id, label, fate) for case in marked for label, fate in _fates(model, case).items()]
        lost = [f"{case} ({label}: {fate})" for case, label, fate in fates if fate != _ALIGNED]
        if len(lost) > (1 - _LEAST_ALIGNED) * len(fates):
            raise MisalignedError(_misaligned(lost, len(fates)), lost)
        unknown = Counter(label for _, label, fate in fates if fate == _UNKNOWN)
        counts = Counter(fate for *_, fate in fates)
        return {"cases": len(marked), "pairs": len(fates)} | dict(counts) | {"unknown labels": dict(unknown)}


def terms(step: Step, index: int) -> Float[Tensor, " T"]:
    """The terms of one case: one for each of its labels with a marked token, in the order of the model's labels."""
    units, given = step.batch.units[index], marks_by_label(step.batch.cases[index])
    strengths = {j: strength(given[label], units) for j, label in enumerate(step.model.labels) if label in given}
    seen = {j: values for j, values in strengths.items() if values.any()}
    if not seen:
        return step.truth.new_zeros(0)
    device = step.truth.device
    assert step.clean.log_attention is not None  # `inspect` has seen to it
    log_attention = step.clean.log_attention(index, torch.tensor(list(seen), device=device))
    shares = np.stack([values.max() * values / values.sum() for values in seen.values()])
    at_tokens = log_attention[:, torch.from_numpy(step.batch.rows[index]).to(device)]
    return -(torch.from_numpy(shares).to(at_tokens) * at_tokens).sum(-1)


def marks_by_label(case: Case) -> dict[str, list[Spans]]:
    """The marked spans of every label that has any; those for the whole case belong to each of its labels."""
    found: dict[str, list[Spans]] = {}
    for mark in case.evidence:
        if isinstance(mark, Spans):
            for label in sorted(case.labels) if mark.label is None else [mark.label]:
                found.setdefault(label, []).append(mark)
    return found


def strength(marks: Sequence[Spans], units: TextUnits) -> Float[np.ndarray, " U"]:
    """For each unit the confidence of the surest mark that covers it; 0 where none does."""
    return np.asarray(np.max([mark.confidence * mark.covers(units) for mark in marks], axis=0))


def _fates(model: Trainable, case: Case) -> dict[str, str]:
    """What becomes of the evidence of each label of a case."""
    read, whole, known = model.encode([case]).units[0], words(case.text), set(model.labels)

    def fate(label: str, marks: Sequence[Spans]) -> str:
        if label not in known:
            return _UNKNOWN
        if strength(marks, read).any():
            return _ALIGNED
        return _CUT if strength(marks, whole).any() else _BLANK

    return {label: fate(label, marks) for label, marks in marks_by_label(case).items()}


@torch.no_grad()
def _check_attention(model: Trainable, case: Case) -> None:
    if model.forward(model.encode([case])).log_attention is None:
        raise CapabilityError(
            "The objective 'evidence' needs a model with label-wise attention, as plm_ca models have, and "
            f"{type(model).__name__} has none; train a plm_ca model, or choose another objective."
        )


def _misaligned(lost: Sequence[str], total: int) -> str:
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    return (
        f"The evidence of {len(lost)} of {total} pairs of a case and a label cannot be learnt, which is more than 5 %: "
        f"{', '.join(lost[:_NAMED])}{more}; mend labels and spans and prepare the data set again, or raise max_tokens."
    )
