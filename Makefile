# `make check` is the gate (.ci/run) on this checkout and environment; `.ci/run` itself does it from a fresh clone.
BIN ?= .venv/bin

.PHONY: check setup lint types imports test bench format

check: lint types imports test

setup:
	python3 -m venv .venv
	$(BIN)/pip install -e '.[test,lint]'
	-.ci/q1asm $(BIN)/python

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports

test:
	$(BIN)/pytest -n 2 --dist worksteal

bench:
	$(BIN)/pytest benchmarks --benchmark-only

format:
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
