"""The gold part of Chest ImaGenome: images of 500 patients, whose relations and boxes were checked by people, as two tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pellucid.datasets import mimic_cxr
from pellucid.datasets.base import Exclusion
from pellucid.datasets.image_files import Folder, Row, number, table
from pellucid.datasets.imagenome_graphs import UNPLACED, Graph, box, condition, longest_side, placed
from pellucid.datasets.imagenome_rows import Listed
from pellucid.datasets.phrases import Box, Draft
from pellucid.datasets.sources import shown
from pellucid.errors import DataError

_SENTENCES = "gold_object_attribute_with_coordinates.txt"
_BOXES = "gold_bbox_coordinate_annotations_1000images.csv"
_COLUMNS = (
    *("patient_id", "study_id", "image_id", "bbox", "coord_original", "row_id", "sentence"),
    *("label_name", "context", "categoryID"),
)
_EDGES = tuple(f"original_{edge}" for edge in ("x1", "y1", "x2", "y2"))


def gold(folder: Folder, exclusions: list[Exclusion]) -> tuple[list[Listed], dict[str, Graph]]:
    """The images in the order of the table of sentences, and what is known of each; all are for testing.

    Raises:
        DataError: a table is missing, or has a row that is not what it should be.
    """
    boxes = _boxes(folder.file(_BOXES))
    listed: dict[str, Listed] = {}
    drafts: dict[str, dict[str, Draft]] = {}
    for where, row in table(folder.file(_SENTENCES), _COLUMNS, "\t"):
        name = _name(row)
        listed.setdefault(name, _listed(name, row, where))
        if not row["coord_original"]:
            exclusions.append(Exclusion(where, UNPLACED))
        _add(drafts.setdefault(name, {}), row, where)
    graphs = {}
    for name, some in drafts.items():
        rows = boxes.get(name, [])
        regions = dict(placed(((row["bbox_name"], box(row)) for row in rows), name, exclusions))
        graphs[name] = Graph(regions, some, longest_side(rows))
    return list(listed.values()), graphs


def _boxes(path: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for where, row in table(path, ("image_id", "bbox_name", *_EDGES)):
        for edge in _EDGES:
            number(row[edge], f"{where}, column {edge},")
        found.setdefault(_name(row), []).append(row)
    return found


def _name(row: Row) -> str:
    return row["image_id"].removesuffix(".dcm")


def _listed(name: str, row: Row, where: str) -> Listed:
    person = mimic_cxr.patient(row["patient_id"], f"{where}, column patient_id,")
    subject, study = person.rpartition("-")[2], row["study_id"].removeprefix("s")
    path = f"files/p{subject[:2]}/p{subject}/s{study}/{name}.dcm"
    return Listed(name, person, path, "test", {"study": study, "part": "gold"})


def _add(drafts: dict[str, Draft], row: Row, where: str) -> None:
    try:
        said = list(condition(row["categoryID"], row["context"], row["label_name"]))
    except KeyError:
        raise DataError(f"{where} has the context {shown(row['context'])}; it must be yes or no: correct the row.") from None
    drafts.setdefault(row["row_id"], Draft(row["sentence"])).add(_place(row, where), [row["bbox"]], said)


def _place(row: Mapping[str, str], where: str) -> list[Box]:
    """The box that a cell holds as "[x1, y1, x2, y2]", parsed as what it is: the cell comes from elsewhere."""
    cell = row["coord_original"]
    if not cell:
        return []
    parts = cell.strip("[]").split(",") if cell.startswith("[") and cell.endswith("]") else []
    if len(parts) != 4:
        raise DataError(f"{where} has no box in the column coord_original; it must be [x1, y1, x2, y2]: correct the row.")
    x0, y0, x1, y1 = (number(part.strip(), f"{where}, column coord_original,") for part in parts)
    if x0 >= x1 or y0 >= y1:
        raise DataError(f"{where} has the empty box {x0:g}, {y0:g}, {x1:g}, {y1:g}; correct the row.")
    return [(x0, y0, x1, y1)]
