# Two commands do everything on a fresh machine with Python 3.11 and make:
#   make grade   set up, grade the example class, print the table and the path of the report
#   make test    set up, run every test
PYTHON ?= python3.11
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
BIN = .venv/bin
CLASS = .autograder/example-class

.DEFAULT_GOAL := help
.PHONY: help setup grade test test-slow test-all lint types verify release figures bench clean

help:           ## what there is
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Each stamp is made anew when what it depends on changes.
.venv/.grade: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable '.[instructor]'
	touch $@

.venv/.dev: .venv/.grade
	$(PIP) --editable '.[dev]'
	touch $@

setup: .venv/.dev   ## everything that authors need, in .venv

grade: .venv/.grade  ## grade the example class
	@test -d $(CLASS) || $(BIN)/autograder example-class $(CLASS)
	$(BIN)/autograder grade $(CLASS)

test: .venv/.dev    ## every test but the slow ones
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow" $(ARGS)

test-slow: .venv/.dev ## attacks as an ordinary user and on weaker machines, fifty kills, whatever else is slow
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m slow $(ARGS)

test-all: .venv/.dev ## the slow ones too
	$(BIN)/python -m pytest -q $(ARGS)

lint: .venv/.dev    ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check autograder tests benchmarks

types: .venv/.dev   ## types
	$(BIN)/pyright autograder

verify: .venv/.dev  ## is the course any good
	$(BIN)/autograder verify

release: .venv/.dev ## write assignments/ from solutions/
	$(BIN)/autograder release

figures: .venv/.dev ## draw the lectures' figures from the references
	for script in lectures/*/figures/*.py; do $(BIN)/python $$script || exit 1; done

bench: .venv/.dev   ## speed, as ratios
	$(BIN)/python benchmarks/grading.py

clean:          ## remove environments, caches and results
	rm -rf .venv .venv-bench .autograder build *.egg-info .pytest_cache .ruff_cache
