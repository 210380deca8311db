"""The command line: `pellucid`.

Nothing here imports PyTorch until a command needs it, so that help and mistakes are answered at once.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command that the process was started with, and exit."""
    # PyTorch reads this when it is first imported. Without it, threads that wait for work spin, and a second busy process on
    # the machine makes everything many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from pellucid.cli.app import app

    app(args=debug_first(sys.argv[1:]), prog_name="pellucid")


def debug_first(arguments: list[str]) -> list[str]:
    """Let `--debug` stand anywhere, since it is added to a command that has just failed."""
    others = [a for a in arguments if a != "--debug"]
    return ["--debug", *others] if len(others) < len(arguments) else others
