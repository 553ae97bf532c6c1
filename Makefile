# Everything a developer and a first user need. `make help` lists it.

# Any Python from 3.11 on: `make PYTHON=python3.12 …`. Otherwise python3, or what .venv was made with.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
# Command line of `make run`, for example: make run UP="--listen 0.0.0.0:8000 --workers 2"
UP ?=
# Command line of pytest in `make unit` and `make test`, for example: make test TESTS="tests/unit -x"
TESTS ?=
# Length of `make soak` and `make fuzz`
MINUTES ?= 10

# Makes .venv ready for a set of packages; a moment's work when it is.
READY = @python=$$(sh deploy/checkout/find_python.sh '$(PYTHON)') && PYTHONSAFEPATH= "$$python" -B -m deploy.checkout

# Several processes run tests. They keep what they compiled, wherever Python is told not to: that takes a third of their start.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n logical

.DEFAULT_GOAL := help
.PHONY: help setup run check unit test format bench soak fuzz wheels clean

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: ## Create .venv with pinned packages, all of them wheels
	$(READY) --tell run

run: ## Run the whole system on this machine, until Ctrl-C
	$(READY) run
	@exec $(BIN)/headrace up $(UP)

check: ## Check format, style, types and import rules, in seconds
	$(READY) test
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/mypy

unit: ## Run the unit tests in less than a minute, with fewer and smaller examples
	$(READY) test
	$(PYTEST) --maxprocesses 8 --hypothesis-profile quick tests/unit $(TESTS)

test: check ## Check the code, then run every layer of tests
	$(PYTEST) --maxprocesses 4 --cov --cov-report=term:skip-covered $(TESTS)
	$(if $(TESTS),,$(BIN)/python -m tests.floor)

format: ## Format the code, and mend what can be mended without thought
	$(READY) test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: ## Measure, and print a table
	$(READY) test
	$(BIN)/python -m tests.bench

soak: ## Kill everything at random for MINUTES, then check the books
	$(READY) test
	$(BIN)/python -m tests.faults.soak $(MINUTES)

fuzz: ## Try payloads nobody would send, for MINUTES
	$(READY) test fuzz
	$(BIN)/python -m tests.fuzz $(MINUTES)

wheels: ## Check that every pinned package has wheels for all platforms
	$(READY) test
	$(BIN)/python -m tests.wheels

clean: ## Remove what setup and tests made; data in .headrace stays
	rm -rf $(VENV) *.egg-info build .coverage .fuzz .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
