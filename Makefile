# Everything a person or CI does with this repository. `make help` lists the targets.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
PINS   := pyproject.toml constraints.txt

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help install install-all serve test test-all check format bench image clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "expected Python 3.11 or newer, got $$($(PYTHON) --version); set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.service: $(BIN)/python $(PINS)
	@echo "installing the service (no torch)"
	$(PIP) --editable '.[service,parquet]'
	@touch $@

$(VENV)/.everything: $(BIN)/python $(PINS)
	@echo "installing service, training and development tools"
	$(PIP) --editable '.[service,parquet,training,dev]'
	@touch $@ $(VENV)/.service

install: $(VENV)/.service  ## .venv with the service

install-all: $(VENV)/.everything  ## .venv with service, training and development tools

serve: install  ## start the service on the bundles in models/ (http://127.0.0.1:8000/docs)
	$(BIN)/python -m service

test test-all: export OMP_NUM_THREADS = 1  # two workers on two cores; threads inside each would only fight

test: install-all  ## the default tests, a few minutes
	$(BIN)/python -m pytest -n 2 -m "not full"

test-all: install-all  ## also the tests that need data or more minutes
	$(BIN)/python -m pytest -n 2

check: install-all  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-all  ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install-all  ## the side-by-side measurements of docs/results.md
	$(BIN)/python -m benchmarks

image:  ## container image pofx:VERSION with the service (needs docker or podman)
	docker build --target service --tag pofx:$(VERSION) .

clean:  ## remove everything that can be made again; data/ and runs/ stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis *.egg-info build
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +
