"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="A prepared data set.")]
ModelFolder = Annotated[str, typer.Option("--model", metavar="MODEL", help="A model folder, or hub id of a classifier.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other option; see above.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="Such as cpu or cuda:0.")]
