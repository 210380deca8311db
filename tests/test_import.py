"""Importing the package, asking for help and making a mistake cost no deep-learning stack."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pellucid

HEAVY = {"torch", "transformers", "pyarrow", "scipy", "numpy", "matplotlib"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after running `code`."""
    code += "\nimport sys; print('modules:', *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("modules:")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import pellucid; pellucid.__version__",
        "import pellucid.cli.app",
        "import pellucid.cli.app as a\ntry: a.app(['--help'])\nexcept SystemExit: pass",
        "import pellucid.cli.app as a\ntry: a.app(['demo', '--help'])\nexcept SystemExit: pass",
        "import pellucid.cli.app as a\ntry: a.app(['trian'])\nexcept SystemExit: pass",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    assert not loaded_by(code) & HEAVY


def test_what_the_package_offers_is_there() -> None:
    for name in pellucid.__all__:
        assert getattr(pellucid, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'explode'"):
        pellucid.explode  # noqa: B018
