"""`pellucid explain`: why a model gives one note its codes, or one image, signal or row its findings."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from pellucid.cli.options import Device, ModelFolder
from pellucid.errors import DataError, PellucidError

if TYPE_CHECKING:
    from pellucid.api import Explanation, ImageExplanation
    from pellucid.api.scored import Scored
    from pellucid.case import Case
    from pellucid.datasets import StoredDataset
    from pellucid.explainers.base import Explainer


def explain(
    model: ModelFolder,
    text: Annotated[str | None, typer.Option("--text", metavar="FILE", help="A note, UTF-8; - reads a pipe.")] = None,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="An image: PNG, JPEG, TIFF, DICOM or NIfTI.")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(metavar="N", help="Of an image file that holds several: which one, counted from 0.")
    ] = None,
    window: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="CENTRE WIDTH", help="Values to show of a DICOM or NIfTI file, in its unit; else as it says."),
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="A prepared data set, with --case.")] = None,
    case: Annotated[str | None, typer.Option("--case", metavar="ID", help="Id of the case to explain.")] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="See `pellucid list explainers`; else attingrad, of images layer_cam, for sentences local_attention, of "
            "signals and rows integrated_gradients.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="Repeatable; or a sentence. Without it every predicted one.")
    ] = None,
    unit: Annotated[
        str, typer.Option(metavar="UNIT", help="What one score is about: token, word, sentence or section.")
    ] = "word",
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a page.")] = None,
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="FILE", help="Also write a picture of the explanation."),
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write labels, spans and scores.")] = None,
    noise: Annotated[
        float | None,
        typer.Option(metavar="SD", help="For pbx: standard deviation of the input's noise, in its unit, for error bars."),
    ] = None,
    device: Device = "cpu",
) -> None:
    """Show which words made a model predict each code, which pixels, samples or measurements each finding, or where in an image
    a sentence points.

    [bold]Examples[/]
    [cyan]pellucid explain --model runs/coder --text note.txt[/]
    [cyan]cat note.txt | pellucid explain --model runs/coder --text - --label I10 --html note.html[/]
    [cyan]pellucid explain --model runs/coder --data data/codiesp --case S0004 --method attingrad_signed[/]
    [cyan]pellucid explain --model runs/chest --image chest.dcm --label effusion --png effusion.png[/]
    [cyan]pellucid explain --model runs/ct --image abdomen.dcm --frame 3 --window 40 400 --png abdomen.png[/]
    [cyan]pellucid explain --model runs/cancer --data data/cancer --case wdbc-010 --method kernel_shap_feature[/]
    [cyan]pellucid explain --model runs/pairs --image chest.dcm --label "Small left effusion." --png left.png[/]
    [cyan]pellucid explain --model runs/ecg --data data/ecg --case p000001-1 --method pbx --html ecg.html[/]
    """
    import pellucid
    from pellucid import imaging
    from pellucid.api import Explanation
    from pellucid.api.asking import usual_method
    from pellucid.api.items import as_case
    from pellucid.cli import as_json, explain_pbx
    from pellucid.files import write_json
    from pellucid.predictor import modality_of

    _check_given(text, image, data, case, method)
    if image is None and (frame is not None or window is not None):
        raise PellucidError("--frame and --window say how the file of --image is read; leave them out.")
    opened = pellucid.load(model, device)
    explainer = _create(method or usual_method(opened.predictor))
    if data is not None and case is not None:
        explained, explainer = _from_data(data, case, explainer)
    elif image is not None:
        explained = as_case(imaging.read(image, frame=frame, window=window), "image")
    else:
        explained = as_case(read(cast(str, text)))
    modality = modality_of(opened.predictor)
    _check_kind(explained, modality)
    if method == "pbx":
        if unit != "word":
            raise PellucidError("The table of pbx is about named changes and its page shows words; leave out --unit.")
        explain_pbx.show(opened, explained, label or [], noise, html, png, json)
        return
    if noise is not None:
        raise PellucidError("Error bars from --noise are part of --method pbx; leave it out, or choose that method.")
    if unit != "word" and modality != "text":
        raise PellucidError("--unit is about the units of a text; leave it out.")
    explanation = opened.explain(explained, label or None, method=explainer, unit=cast(Any, unit))  # which checks the unit
    if isinstance(explanation, Explanation):
        _show_text(explanation, html, png)
    else:
        _show_scores(explanation, html, png)
    if json:
        write_json(json, as_json.of(explanation))


def _check_given(text: str | None, image: Path | None, data: Path | None, case: str | None, method: str | None) -> None:
    """Refuse nothing to explain, two things at once, and methods that learn where there is nothing to learn from."""
    from pellucid.explainers.base import Fittable

    if sum(source is not None for source in (text, image, data)) != 1 or (data is None) != (case is None):
        raise PellucidError("Say what to explain: --text FILE, --image FILE, or --data DIR with --case ID.")
    if method is not None and data is None and isinstance(_create(method), Fittable):
        raise PellucidError(f"The explainer {method} learns from training cases; give --data DIR and --case ID.")


def _show_text(explanation: Explanation, html: Path | None, png: Path | None) -> None:
    """Print the note with its words marked, and write the page."""
    from rich.console import Console

    if png:
        raise PellucidError("A text has no picture; leave out --png, or ask for a page with --html.")
    Console().print(explanation)
    if html:
        Console().print(f"Page: {explanation.to_html(html)}", markup=False, soft_wrap=True)


def _show_scores(explanation: ImageExplanation | Scored, html: Path | None, png: Path | None) -> None:
    """Print the tables of an image, a row or a signal, and write the picture."""
    from rich.console import Console

    from pellucid.api import ImageExplanation

    if html:
        raise PellucidError("Images, signals and rows are written with --png; pages are for texts.")
    if isinstance(explanation, ImageExplanation):
        Console().print(where(explanation))
        for note in explanation.notes:
            Console().print(note, markup=False, soft_wrap=True)
    else:
        Console().print(explanation)  # with its notes
    if png:
        Console().print(f"Picture: {explanation.to_png(png)}", markup=False, soft_wrap=True)


def _check_kind(case: Case, modality: str) -> None:
    """Refuse a case that holds nothing for the model to read."""
    if modality not in case.inputs:
        reads = {"text": "text", "image": "images", "table": "rows of a table", "signal": "signals"}[modality]
        remedy = f"--{modality} FILE" if modality in ("text", "image") else "--data DIR with --case ID"
        raise PellucidError(f"The model reads {reads}; give {remedy}.")


def where(explanation: ImageExplanation) -> Any:
    """A table: each label, its probability or fit, where its evidence is strongest, and how small an area holds half of it."""
    from rich.table import Table

    table = Table(box=None, title=f"By {explanation.method}", title_justify="left", title_style="bold")
    axes = "x, y" if len(explanation.picture.size) == 2 else "x, y, z"
    for heading in ("label", explanation.number, f"strongest at ({axes})", "half of it in"):
        table.add_column(heading, justify="left" if heading == "label" else "right")
    for label, probability in explanation.probabilities.items():
        table.add_row(label, f"{probability:.2f}", *_place(explanation, label))
    return table


def _place(explanation: ImageExplanation, label: str) -> tuple[str, str]:
    import numpy as np

    from pellucid.metrics.base import shares

    share = shares(explanation.map(label).ravel())
    if not share.any():
        return "nowhere", "-"
    at = np.unravel_index(int(share.argmax()), explanation.picture.size)
    half = int(np.searchsorted(np.cumsum(np.sort(share)[::-1]), 0.5)) + 1
    return ", ".join(str(int(i)) for i in reversed(at)), f"{100 * half / len(share):.1f} % of the pixels"


def read(file: str) -> str:
    """The note in a file, or from standard input for "-".

    Raises:
        DataError: no such file, or it is not UTF-8, or empty.
    """
    from pellucid.datasets.sources import decode

    name = "Standard input" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror}); check the path.") from None
    text = decode(data.removeprefix(codecs.BOM_UTF8), name)  # the mark that some editors put first is no part of the note
    if not text.strip():
        raise DataError(f"{name} is empty; give a note with at least one word.")
    return text


def _create(method: str) -> Explainer:
    from pellucid.registry import explainers

    made: Explainer = explainers.create(method)
    return made


def _from_data(data: Path, name: str, explainer: Explainer) -> tuple[Case, Explainer]:
    """The case, and the explainer fitted on training cases if it learns."""
    from pellucid.datasets import open_dataset
    from pellucid.explainers.base import Fittable

    dataset = open_dataset(data)
    case = dataset[name]
    if isinstance(explainer, Fittable):
        explainer = explainer.fit(_others(dataset, name))
    return case, explainer


def _others(dataset: StoredDataset, name: str) -> list[Case]:
    return [case for case in dataset.split("train") if case.id != name]
