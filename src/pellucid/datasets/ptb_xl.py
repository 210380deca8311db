"""PTB-XL: clinical electrocardiograms of twelve leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.image_files import Folder, Row, check_choice, table
from pellucid.datasets.ptb_xl_rows import Statements, facts, stated, statements, whole
from pellucid.datasets.recordings import lazy_record, wfdb
from pellucid.datasets.telling import told
from pellucid.errors import DataError
from pellucid.registry import datasets

_COLUMNS = ("ecg_id", "patient_id", "scp_codes", "strat_fold")
_FILES = {100: "filename_lr", 500: "filename_hr"}
_SECONDS = 10
_FOLDS: dict[int, SplitName] = {**dict.fromkeys(range(1, 9), "train"), 9: "validation", 10: "test"}


@datasets.register("ptb_xl")
@dataclass(frozen=True)
class PtbXl:
    """PTB-XL: 21,799 clinical electrocardiograms of 18,869 patients, twelve leads over 10 seconds.

    Labels are the diagnostic superclasses NORM, MI, STTC, CD and HYP, several of which may be true of a recording, or all
    statements as they were made. Recordings without any label are left out and counted: nobody stated that all are untrue.
    The published folds are kept: 1 to 8 for training, 9 for validation, 10 for test.

    Attributes:
        root: the folder with ptbxl_database.csv, scp_statements.csv, and records100 or records500.
        labels: "superclass", or "scp" for each statement (diagnosis, form and rhythm).
        rate: samples a second: 100 reads the recordings of records100, 500 those of records500.
        likelihood: per cent at which a diagnostic statement counts, at least. 0, the default, takes all of them, as the example
            published with the data does: there 0 stands for a likelihood that is not known. Statements on form and rhythm
            have none, and always count.
    """

    root: Path
    labels: Literal["superclass", "scp"] = "superclass"
    rate: Literal[100, 500] = 100
    likelihood: float = 0.0

    licence: ClassVar[str] = "CC BY 4.0"
    cites: ClassVar[str] = (
        "Wagner, Strodthoff, Bousseljot et al.: PTB-XL, a large publicly available electrocardiography dataset, "
        "Scientific Data 2020; PhysioNet, version 1.0.3, doi 10.13026/kfzx-aw45"
    )
    needs: ClassVar[str] = "the unpacked folder of PTB-XL: both tables and the recordings; and wfdb (the extra `ecg`)"

    def __post_init__(self) -> None:
        check_choice("ptb_xl", "labels", self.labels, ("superclass", "scp"))
        check_choice("ptb_xl", "rate", str(self.rate), ("100", "500"))
        if not 0 <= self.likelihood <= 100:
            raise DataError(f"The option likelihood of ptb_xl is {self.likelihood}; give per cent, from 0 to 100.")

    def prepare(self) -> Prepared:
        """Read the tables; recordings are read when they are asked for.

        Raises:
            DataError: a table is missing or has a row that is not what it should be; names file, row and remedy.
            CapabilityError: wfdb is not installed.
        """
        wfdb()
        folder = Folder(self.root, "PTB-XL")
        known = statements(folder.file("scp_statements.csv"))
        base = folder.file("ptbxl_database.csv")
        exclusions: list[Exclusion] = []
        assigned: dict[str, SplitName] = {}
        cases = []
        for where, row in table(base, (*_COLUMNS, _FILES[self.rate])):
            name = f"{whole(row, 'ecg_id', where):05}"
            made = self._case(name, where, row, known, base.parent)
            if isinstance(made, Exclusion):
                exclusions.append(made)
            else:
                cases.append(made)
                assigned[name] = _split(row, where)
        options = {"labels": self.labels, "rate": self.rate, "likelihood": self.likelihood}
        return Prepared("ptb_xl", cases, exclusions, told(self, "PTB-XL", options, []), assigned)

    def _case(self, name: str, where: str, row: Row, known: Statements, base: Path) -> Case | Exclusion:
        labels = frozenset(self._labels(stated(row["scp_codes"], known, where), known))
        path = base / row[_FILES[self.rate]]
        if not labels:
            return Exclusion(name, "no statement that is one of the labels")
        if not all(path.with_name(path.name + suffix).is_file() for suffix in (".hea", ".dat")):
            return Exclusion(name, "the record is missing")
        signal = lazy_record(path, rate=self.rate, seconds=_SECONDS)
        return Case(name, str(whole(row, "patient_id", where)), {"signal": signal}, labels, meta=facts(row))

    def _labels(self, found: dict[str, float], known: Statements) -> Iterator[str]:
        for code, likelihood in found.items():
            superclass = known[code]
            if superclass is None or likelihood >= self.likelihood:
                label = code if self.labels == "scp" else superclass
                if label is not None:
                    yield label


def _split(row: Row, where: str) -> SplitName:
    fold = whole(row, "strat_fold", where)
    if fold not in _FOLDS:
        raise DataError(f"{where} has the fold {fold}; it must be one of 1 to 10: correct the row.")
    return _FOLDS[fold]
