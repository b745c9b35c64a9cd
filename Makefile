# make demo and make test set everything up by themselves, from nothing but python3; the second call starts at once.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
USABLE := .venv/.usable
INSTALL_UV := install --quiet --disable-pip-version-check uv
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --editable
# Test processes share the cores, one thread each; tests of one file stay together, and with them what they share.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

# Containers often forbid bytecode files; without them every process compiles torch anew, for ten seconds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test lint clean

help:
	@echo "make demo    make a data set, train on it, annotate pictures (four to six minutes on two cores)"
	@echo "make test    the tests"
	@echo "make lint    ruff and mypy"
	@echo "make setup   a virtual environment in .venv with everything needed"
	@echo "make clean   remove .venv and what builds and tests leave behind"

setup: $(READY)

# All that the demo needs, which is there sooner than what the tests need.
$(USABLE): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "unified needs Python 3.10 or later; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	@echo "setting up .venv: a minute, once"
# The pip that is there puts uv into an environment without one, in half the time that an environment with pip takes.
	@test -x $(BIN)/uv \
		|| { $(PYTHON) -m venv --without-pip .venv && $(PYTHON) -m pip --python $(BIN)/python $(INSTALL_UV); } 2>/dev/null \
		|| { $(PYTHON) -m venv .venv && $(BIN)/python -m pip $(INSTALL_UV); }
# First as this machine needs it: without a GPU torch is ten times smaller. Where the index of such builds is out of reach,
# as PyPI has it.
	@UV_HTTP_RETRIES=0 $(INSTALL) '.[tensorboard]' --torch-backend auto 2>/dev/null || $(INSTALL) '.[tensorboard]'
	@touch $(USABLE)

$(READY): $(USABLE)
	@$(INSTALL) '.[dev]'
	@touch $(READY)

# glibc otherwise gives memory back in every step of a training and takes it anew, page by page: a
# fifteenth of its processor time.
demo: $(USABLE)
	@MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=2147483647 $(BIN)/unified demo

test: $(READY)
	@$(PYTEST) -n 2 --dist worksteal

lint: $(READY)
	@$(BIN)/ruff check
	@$(BIN)/mypy

clean:
	rm -rf .venv build dist demo runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
