"""Small files of the layout in which Chest ImaGenome is published; every number and sentence is made up."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from gaze_files import HEIGHT, WIDTH, published
from published_images import save_table

Box = tuple[float, float, float, float]

RIGHT: Box = (5, 10, 55, 80)
LEFT: Box = (65, 12, 110, 84)
REGIONS: Mapping[str, Box] = {"right lung": RIGHT, "left lung": LEFT, "right lower lung zone": (5, 60, 55, 80)}
NO_EFFUSION = ["anatomicalfinding|no|pleural effusion", "nlp|yes|normal"]

SPLIT = ",subject_id,study_id,dicom_id,path,ViewPosition"
GOLD = (
    "patient_id,study_id,image_id,row_id,bbox,coord224,coord_original,relation,label_name,context,categoryID,sentence"
).replace(",", "\t")
GOLD_BOXES = (
    "image_id,bbox_name,x1,y1,x2,y2,width,height,original_x1,original_y1,original_x2,original_y2,original_width,original_height"
)

Said = tuple[int, str, Sequence[str]]
"""Number of a sentence, the sentence, and its attributes as one region lists them."""


def small(box: Box) -> Box:
    """The box in the frame of the detector: the longer side at 224, the other one padded."""
    scale = 224 / max(HEIGHT, WIDTH)
    left, top = (224 - WIDTH * scale) / 2, (224 - HEIGHT * scale) / 2
    return box[0] * scale + left, box[1] * scale + top, box[2] * scale + left, box[3] * scale + top


def thing(image: str, name: str, box: Box) -> dict[str, object]:
    """An object of a scene graph. The edges stand in the published order, which a reader by name must not mind."""
    edges = ("x1", "y1", "x2", "y2")
    frames = dict(zip(edges, small(box), strict=True)) | {f"original_{e}": v for e, v in zip(edges, box, strict=True)}
    return {"object_id": f"{image}_{name}", "bbox_name": name, "synsets": ["C0"], "name": name.title(), **frames}


def graph(
    image: str, said: Mapping[str, Sequence[Said]], boxes: Mapping[str, Box] = REGIONS, study: str = "50000001"
) -> dict[str, object]:
    """A scene graph: for each region the sentences that speak of it."""
    attributes = [
        {
            "object_id": f"{image}_{region}",
            "bbox_name": region,
            "phrases": [text for _, text, _ in some],
            "phrase_IDs": [f"{study}|{number}" for number, _, _ in some],
            "attributes": [list(words) for _, _, words in some],
        }
        for region, some in said.items()
    ]
    objects = [thing(image, name, box) for name, box in boxes.items()]
    top = {"image_id": image, "patient_id": 10000001, "study_id": 50000001, "viewpoint": "AP", "reason_for_exam": "cough"}
    return {**top, "objects": objects, "attributes": attributes, "relationships": []}


def silver(
    root: Path,
    graphs: Mapping[str, object],
    splits: Mapping[str, Sequence[tuple[str, int]]],
    *,
    avoid: Sequence[str] = (),
    views: Mapping[str, str] | None = None,
    packed: bool = False,
) -> Path:
    """The silver part: scene graphs by image, and of each split the images with their patients."""
    folder = root / "silver_dataset"
    for part in ("train", "valid", "test"):
        rows = [
            (n, patient, f"5{patient}", image, published(patient, image), (views or {}).get(image, "PA"))
            for n, (image, patient) in enumerate(splits.get(part, ()))
        ]
        save_table(folder / "splits" / f"{part}.csv", SPLIT, rows)
    save_table(folder / "splits" / "images_to_avoid.csv", ",dicom_id", list(enumerate(avoid)))
    texts = {
        f"scene_graph/{name}_SceneGraph.json": made if isinstance(made, str) else json.dumps(made)
        for name, made in graphs.items()
    }
    if packed:
        with zipfile.ZipFile(folder / "scene_graph.zip", "w") as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
        return root
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return root


def gold_row(image: str, patient: int, row: int, sentence: str, region: str, place: object, *said: str) -> str:
    """A row of the gold table: context, category and finding are the words of an attribute."""
    category, context, label = said
    cells = (
        patient,
        f"5{patient}",
        f"{image}.dcm",
        f"{patient}|5{patient}|{row}",
        region,
        "",
        place,
        1,
        label,
        context,
        category,
    )
    return "\t".join(map(str, (*cells, sentence)))


def gold(root: Path, rows: Sequence[str], boxes: Mapping[str, Mapping[str, Box]]) -> Path:
    """The gold part: rows of its table, and of each image the boxes of its regions."""
    folder = root / "gold_dataset"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gold_object_attribute_with_coordinates.txt").write_text("\n".join([GOLD, *rows]) + "\n")
    table = [
        (f"{image}.dcm", name, *small(box), 0, 0, *box, 0, 0) for image, places in boxes.items() for name, box in places.items()
    ]
    save_table(folder / "gold_bbox_coordinate_annotations_1000images.csv", GOLD_BOXES, table)
    return root
