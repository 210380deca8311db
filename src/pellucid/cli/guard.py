"""Every error becomes a sentence: what a person sees when a command fails.

Exit codes: 0 done; 2 a mistake that the user can mend; 130 interrupted; 1 a defect of the library.
"""

from __future__ import annotations

import shlex
import traceback
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from pellucid.errors import PellucidError

ORDER = ("demo", "data", "pretrain", "train", "explain", "audit", "report", "agree", "align", "reproduce", "list")


class Guarded(TyperGroup):
    """The root command; whatever a command raises is explained here."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in the order in which they are used; Typer would put groups last."""
        return sorted(super().list_commands(ctx), key=lambda name: ORDER.index(name))

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        command = shlex.join(["pellucid", *args])
        context = super().make_context(info_name, args, parent, **extra)
        context.meta["pellucid.command"] = command
        return context

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail(130, "Interrupted", "Finished work is kept; the same command goes on from there.", ctx)
        except PellucidError as error:
            _fail(2, "Error", str(error), ctx)
        except Exception as error:
            # Typer's own exceptions (usage errors, exits) carry an exit code, and a closed pipe is no failure.
            if hasattr(error, "exit_code") or isinstance(error, BrokenPipeError):
                raise
            place = "" if ctx.params.get("debug") else " Run the same command with --debug to see where, and report it."
            _fail(1, "Defect", f"Pellucid met an error it should not have: {type(error).__name__}: {error}.{place}", ctx)


def command_line(ctx: typer.Context) -> str:
    """The command as it was typed, quoted for a shell."""
    return str(ctx.meta["pellucid.command"])


def _fail(code: int, title: str, message: str, ctx: Any) -> NoReturn:
    if ctx.params.get("debug"):
        traceback.print_exc()
    style = "bold yellow" if code == 130 else "bold red"
    Console(stderr=True, soft_wrap=True).print(Text.assemble((f"{title}: ", style), message))
    raise typer.Exit(code) from None
