# make demo | make test: from a clean clone, these two do all set-up. The second run is quick.

VENV  := .venv
BIN   := $(VENV)/bin
SECONDS ?= 60
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup peers demo test lint format house docs unit e2e long fuzz fuzz-short bench lock clean

help:
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 18

# --- set-up: a stamp is as new as what it was made from

$(VENV)/runtime.stamp: requirements/runtime.txt requirements/build.txt pyproject.toml scripts/setup.sh
	@scripts/setup.sh $(VENV) requirements/runtime.txt requirements/build.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/runtime.stamp requirements/dev.txt
	@scripts/setup.sh $(VENV) requirements/dev.txt
	@touch $@

setup: $(VENV)/dev.stamp  ## the virtual environment with the tools

peers:  ## real peers from Debian's packages, where they may be installed
	@scripts/peers.sh

# --- the two commands

demo: $(VENV)/runtime.stamp  ## the main job, on embedded defaults
	@mailward demo

test: setup peers  ## lint, house, unit, fuzz and end-to-end tests
	@$(MAKE) --no-print-directory lint unit fuzz-short e2e

# --- their parts

lint: setup  ## ruff, mypy, import contracts
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-logo

format: setup  ## let ruff write it
	ruff check --fix .
	ruff format .

house: setup  ## the rules of the house, as tests
	pytest -q tests/house -m "not e2e and not slow"

docs: setup  ## run every snippet of the documentation
	pytest -q tests/house/test_docs.py

unit: setup
	pytest -q -n 2 -m "not e2e and not slow"

e2e: setup
	pytest -q -m "(e2e or slow) and not long"

long: setup  ## tests that take minutes
	pytest -q -m long

fuzz-short: setup
	@python fuzz/run.py --seconds 3

fuzz: setup  ## fuzz each parser for SECONDS (60)
	@python fuzz/run.py --seconds $(SECONDS)

bench: setup  ## side by side with peers
	@python -m benchmarks

lock:  ## pin the dependencies again; scripts/lock.sh --upgrade for newer ones
	scripts/lock.sh

clean:  ## remove what make made
	rm -rf $(VENV) .cache dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
