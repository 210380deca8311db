"""The row and the signal of a case made ready for storing: read, and the masks on them checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pellucid.case import Case, Evidence, Mask
from pellucid.datasets.unreadable import Unreadable, UnusableSignal
from pellucid.errors import DataError
from pellucid.measurements import Measurements
from pellucid.signals import Signal

NOTHING = "a mask marks nothing"

_KINDS: dict[str, type] = {"table": Measurements, "signal": Signal}

Shape = tuple[int, ...]


def read_numbers(case: Case) -> Case:
    """The case with its row and its signal in memory.

    Raises:
        Unreadable: the signal cannot be read, or is not what its data set says.
        DataError: the inputs "table" or "signal" are of another kind.
    """
    read = {name: _read(case, name, kind) for name, kind in _KINDS.items() if name in case.inputs}
    return replace(case, inputs={**case.inputs, **read}) if read else case


def _read(case: Case, name: str, kind: type) -> Any:
    try:
        value = case.input(name)
    except UnusableSignal as error:
        raise Unreadable(error.reason) from error
    except DataError as error:
        raise Unreadable(f"the {name} cannot be read") from error
    if not isinstance(value, kind):
        raise DataError(f"Case {case.id} has the input {name!r} of the kind {type(value).__name__}; give a {kind.__name__}.")
    return value


@dataclass(frozen=True)
class Grids:
    """What masks of a case without an image can lie on: its signal and its row.

    Attributes:
        case: id of the case.
        shapes: in words, the size of each.
        changes: reasons for which marks were left out.
    """

    case: str
    shapes: dict[Shape, str]
    changes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, case: Case) -> Grids:
        """Those of a case whose numbers are in memory."""
        shapes: dict[Shape, str] = {}
        if "signal" in case.inputs:
            samples = case.signal.samples
            shapes[samples.shape] = f"a signal of {_times(samples.shape)} samples"
        if "table" in case.inputs:
            shapes[(len(case.measurements),)] = f"a row of {len(case.measurements)} features"
        return cls(case.id, shapes)

    def marks(self, marks: Iterable[Evidence]) -> Iterator[Evidence]:
        """The marks without masks that mark nothing; all that is no mask as it is.

        Raises:
            DataError: a mask fits neither the signal nor the row.
        """
        for mark in marks:
            if not isinstance(mark, Mask) or not self.shapes:
                yield mark
            elif mark.mask.shape not in self.shapes:
                where = " and ".join(self.shapes.values())
                raise DataError(
                    f"Case {self.case} has a mask of {_times(mark.mask.shape)} on {where}; give a mask of the same size."
                )
            elif mark.mask.any():
                yield mark
            else:
                self.changes.append(NOTHING)


def _times(shape: Shape) -> str:
    return " x ".join(map(str, shape))
