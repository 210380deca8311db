"""Commands as a person types them."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from pellucid.cli.app import app


def pellucid(*words: object, given: str | bytes | None = None) -> Result:
    """What a command does, on a terminal of 200 columns.

    Args:
        given: what a pipe holds.
    """
    return CliRunner().invoke(app, [str(word) for word in words], input=given, env={"COLUMNS": "200"})


def done(*words: object) -> str:
    """What a command that succeeds prints."""
    result = pellucid(*words)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def said(result: Result) -> str:
    """What a command wrote to standard error, without line breaks."""
    return " ".join(result.stderr.split())
