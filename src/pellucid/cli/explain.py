"""`pellucid explain`: why a model gives one note its codes."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.options import Device, ModelFolder
from pellucid.errors import DataError, PellucidError

if TYPE_CHECKING:
    from pellucid.api import Explanation
    from pellucid.case import Case
    from pellucid.datasets import StoredDataset
    from pellucid.explainers.base import Explainer


def explain(
    model: ModelFolder,
    text: Annotated[str | None, typer.Option("--text", metavar="FILE", help="A note, UTF-8; - reads a pipe.")] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="A prepared data set, with --case.")] = None,
    case: Annotated[str | None, typer.Option("--case", metavar="ID", help="Id of the case to explain.")] = None,
    method: Annotated[str, typer.Option(metavar="NAME", help="See `pellucid list explainers`.")] = "attingrad",
    label: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="Repeatable; without it every predicted one.")
    ] = None,
    unit: Annotated[
        str, typer.Option(metavar="UNIT", help="What one score is about: token, word, sentence or section.")
    ] = "word",
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a page.")] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write labels, spans and scores.")] = None,
    device: Device = "cpu",
) -> None:
    """Show which words made a model predict each code.

    [bold]Examples[/]
    [cyan]pellucid explain --model runs/coder --text note.txt[/]
    [cyan]cat note.txt | pellucid explain --model runs/coder --text - --label I10 --html note.html[/]
    [cyan]pellucid explain --model runs/coder --data data/codiesp --case S0004 --method attingrad_signed[/]
    """
    from rich.console import Console

    import pellucid
    from pellucid.api.model import as_case
    from pellucid.explainers.base import Fittable
    from pellucid.files import write_json

    if (text is None) == (data is None) or (data is None) != (case is None):
        raise PellucidError("Say what to explain: either --text FILE, or --data DIR with --case ID.")
    explainer = _create(method)
    if data is None and isinstance(explainer, Fittable):
        raise PellucidError(
            f"The explainer {method} learns from training cases; give --data DIR and --case ID instead of --text."
        )
    opened = pellucid.load(model, device)
    if data is not None and case is not None:
        explained, explainer = _from_data(data, case, explainer)
    else:
        explained = as_case(read(text or ""))
    explanation = opened.explain(explained, explainer, label or None, unit)  # type: ignore[arg-type]  # explain checks the unit
    Console().print(explanation)
    if html:
        Console().print(f"Page: {explanation.to_html(html)}", markup=False, soft_wrap=True)
    if json:
        write_json(json, as_json(explanation))


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


def as_json(explanation: Explanation) -> dict[str, Any]:
    """An explanation as JSON values: offsets are half-open and count characters of the note."""
    given = explanation.attribution
    return {
        "format": "pellucid.explanation/1",
        "case": given.case,
        "method": given.method,
        "settings": dict(given.settings),
        "model": given.predictor,
        "unit": given.units.kind,
        "notes": list(explanation.notes),
        "labels": [
            {
                "label": label,
                "probability": probability,
                "for": [vars(h) for h in explanation.spans(label)],
                "against": [vars(h) for h in explanation.against(label)] if given.signed else [],
                "facts": {name: float(values[row]) for name, values in given.facts.items()},
                "scores": explanation.scores(label).tolist(),
            }
            for row, (label, probability) in enumerate(explanation.probabilities.items())
        ],
        "offsets": given.units.offsets.tolist(),
    }


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
