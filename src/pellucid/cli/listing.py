"""`pellucid list`: what there is, from the facts that every registered thing states about itself."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from pellucid import registry
from pellucid.errors import PellucidError
from pellucid.registry import Registry

KINDS: dict[str, Registry] = {
    "explainers": registry.explainers,
    "metrics": registry.metrics,
    "datasets": registry.datasets,
    "predictors": registry.predictors,
    "objectives": registry.objectives,
    "presets": registry.presets,
}


_FACTS = {
    "signed": "gives evidence for and against",
    "stochastic": "draws random numbers",
    "complete": "scores add up to the change of the output",
}


def listing(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(list(KINDS)[:-1])} or {list(KINDS)[-1]}.")],
) -> None:
    """Show what there is of a kind: what each is, what it needs, and whom to cite.

    [bold]Examples[/]
    [cyan]pellucid list explainers[/]
    [cyan]pellucid list datasets[/]
    """
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1) or [", ".join(KINDS)]
        raise PellucidError(f"There is nothing of the kind {kind!r} to list; did you mean {near[0]}?")
    console = Console()
    for name in KINDS[kind]:
        console.print(Text(name, "bold cyan"))
        for line, style in described(KINDS[kind], name):
            console.print(Padding(Text(line, style), (0, 0, 0, 2)))


def described(kinds: Registry, name: str) -> Iterator[tuple[str, str]]:
    """Lines about one registered thing, each with its style."""
    factory = kinds.factory(name)
    thing = _facts_of(factory)
    first = (inspect.getdoc(factory) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")
    yield first, ""
    bound = getattr(factory, "settings", None)
    if isinstance(bound, dict):
        yield f"settings: {', '.join(f'{key}={value}' for key, value in bound.items())}", "dim"
    for fact, text in (("", _traits(thing)), ("needs: ", _needs(thing)), ("licence: ", getattr(thing, "licence", ""))):
        if text:
            yield f"{fact}{text}", "dim"
    for note in getattr(thing, "notes", ()):
        yield f"differs: {note}", "dim"
    if getattr(thing, "cites", ""):
        yield f"cites: {thing.cites}", "dim"


def _facts_of(factory: Any) -> Any:
    """What states the facts: a thing made with its defaults, or, where it has none, its class."""
    try:
        return factory()
    except TypeError:
        return factory


def _traits(thing: Any) -> str:
    words = [words for fact, words in _FACTS.items() if getattr(thing, fact, False) is True]
    if hasattr(thing, "fit"):
        words.append("learns from other cases first")
    if hasattr(thing, "higher_is_better"):
        better = {True: "higher is better", False: "lower is better", None: "neither direction is better"}
        low, high = thing.range
        words += [thing.family, better[thing.higher_is_better], f"from {low:g} to {high:g}"]
    return ", ".join(words)


def _needs(thing: Any) -> str:
    needs = getattr(thing, "needs", ())
    return needs if isinstance(needs, str) else ", ".join(_in_words(need) for need in needs)


def _in_words(need: str) -> str:
    from pellucid.predictor import CAPABILITIES

    return f"a model with {CAPABILITIES[need][1]}" if need in CAPABILITIES else need
