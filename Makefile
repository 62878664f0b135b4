# The commands of this repository.  `make demo` and `make test` do all the set-up themselves.
#
# PYTHON       the interpreter that makes the virtual environment; by default the first one of 3.11 or newer that is found
# VENV         where the virtual environment lies
# TORCH_FLAGS  more options for installing torch, for example an index that has builds for your GPU

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	if $$name -c '$(NEW_ENOUGH)' > /dev/null 2>&1; then echo $$name; break; fi; done)
VENV ?= .venv
TORCH_FLAGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
STAMP := $(VENV)/.seqcast

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck bench clean

help:
	@echo "make demo       install, forecast a real data set, say where the picture and the report are"
	@echo "make test       install the test tools too and run the tests"
	@echo "make lint       ruff: rules and format"
	@echo "make typecheck  mypy, strict"
	@echo "make bench      seqcast beside bare torch, and beside others where they are installed, measured"
	@echo "make clean      remove what the commands above made"

demo: $(STAMP)/report
	@$(BIN)/forecast run co2 --horizon 26 --max-time 60 -o demo --force
	@echo
	@echo "picture  $(CURDIR)/demo/forecast.png"
	@echo "report   $(CURDIR)/demo/report.html   (opens in a browser, no network needed)"

test: $(STAMP)/dev
	$(BIN)/pytest -n 2

lint: $(STAMP)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(STAMP)/dev
	$(BIN)/mypy

bench: $(STAMP)/dev
	$(BIN)/python tests/benchmarks/compare.py

clean:
	rm -rf $(VENV) build dist demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Each stamp is one finished installation; it is out of date when the requirements change.
$(STAMP)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found. Install one, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Making the virtual environment $(VENV) with $(PYTHON)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMP) && touch $@

# torch first and alone: it is by far the largest part, and so it survives a failure of the rest
$(STAMP)/torch: constraints.txt | $(STAMP)/python
	@echo "Installing torch (the first time takes a few minutes)"
	@$(PIP) $(TORCH_FLAGS) torch
	@touch $@

$(STAMP)/report: pyproject.toml $(STAMP)/torch
	@echo "Installing seqcast"
	@$(PIP) -e '.[report]'
	@touch $@

$(STAMP)/dev: pyproject.toml $(STAMP)/torch
	@echo "Installing seqcast and the test tools"
	@$(PIP) -e '.[dev]'
	@touch $@ $(STAMP)/report
