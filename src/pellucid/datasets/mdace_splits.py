"""The published splits of MDACE: three lists of admissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, SplitName
from pellucid.datasets.sources import decode
from pellucid.errors import DataError

Lists = Literal["ev", "code-ev"]
"""Which lists: of the annotated admissions only, or of these together with the whole of MIMIC-III."""

_FILES: Mapping[str, SplitName] = {"train": "train", "val": "validation", "test": "test"}
_PRIORITY: Mapping[SplitName, int] = {"train": 0, "validation": 1, "test": 2}


def published(
    folder: Path, lists: Lists, cases: Sequence[Case], exclusions: list[Exclusion]
) -> tuple[list[Case], dict[str, SplitName]]:
    """Cases of the published lists, and the split of each.

    The lists are of admissions, so a patient may be in several: the patient's cases then stay in the test list, or else in the
    validation list, and those of the other lists are left out. Cases of MIMIC-IV are in no list; all of them are for training.
    Whatever is left out is counted in `exclusions`.

    Raises:
        DataError: a list is missing, holds something other than admissions, or an admission is in two lists.
    """
    admissions = _read(folder, lists)
    wanted: dict[str, SplitName] = {}
    for case in cases:
        if case.meta["source"] == "mimic4":
            wanted[case.id] = "train"
        elif case.meta["admission"] in admissions:
            wanted[case.id] = admissions[case.meta["admission"]]
        else:
            exclusions.append(Exclusion(case.id, "the admission is in no published list"))
    home: dict[str, SplitName] = {}
    for case in cases:
        if case.id in wanted:
            home[case.patient] = max(wanted[case.id], home.get(case.patient, "train"), key=_PRIORITY.__getitem__)
    leaking = [case.id for case in cases if case.id in wanted and wanted[case.id] != home[case.patient]]
    exclusions.extend(Exclusion(case, "the patient is also in a later published list") for case in leaking)
    kept = [case for case in cases if case.id in wanted and case.id not in set(leaking)]
    return kept, {case.id: wanted[case.id] for case in kept}


def _read(folder: Path, lists: str) -> dict[str, SplitName]:
    found: dict[str, SplitName] = {}
    for name, split in _FILES.items():
        path = folder / f"MDace-{lists}-{name}.csv"
        if not path.is_file():
            raise DataError(f"{path} does not exist; give the folder of the published lists (splits/Inpatient of MDACE).")
        for number, line in enumerate(decode(path.read_bytes(), str(path)).splitlines(), start=1):
            admission = line.strip()
            if admission and not admission.isdigit():
                raise DataError(f"{path} row {number} is not the number of an admission; get the list again.")
            if found.setdefault(admission, split) != split and admission:
                raise DataError(f"{path} row {number}: admission {admission} is in two lists; get the lists again.")
    return found
