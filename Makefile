# Two commands do all the set-up: `make demo` and `make test`. Both make .venv once and keep it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# What a user of the demo needs is a part of what a developer needs; one environment serves both.
EXTRAS := text,dev

# Threads that wait for work must not spin (see pellucid.cli).
export OMP_WAIT_POLICY := PASSIVE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check docs clean

demo: $(STAMP)  ## Train, explain and audit on generated notes; prints the path of the report.
	$(BIN)/pellucid demo

test: $(STAMP)  ## The whole test suite, on two cores.
	$(BIN)/python -m pytest -n 2

check: $(STAMP) $(VENV)/.installed-docs  ## What a change must pass besides the tests.
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

docs: $(VENV)/.installed-docs  ## The documentation as pages in docs/_build/html.
	$(BIN)/sphinx-build -b html docs docs/_build/html

clean:  ## Remove the environment and whatever was built.
	rm -rf $(VENV) docs/_build build dist

# The stamp is newer than pyproject.toml exactly when the environment fits it.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Pellucid needs Python 3.11 or newer, and {sys.executable} is {v[0]}.{v[1]}; try: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.installed-docs: $(STAMP)
	$(BIN)/python -m pip install --editable '.[docs]'
	@touch $@
