# Two commands do everything on a fresh machine with Python 3.11 and make:
#   make grade   set up, grade the example class, print the table and the path of the report
#   make test    set up, run every test but the slow ones
PYTHON ?= python3.11
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
BIN = .venv/bin
CLASS = .autograder/example-class
HANDED_IN ?= attention tuning  # the modules that the example class hands in; a class hands in one or two at a time

# Tests and graders work side by side, one process on each core: more threads in each only wait for one another.
export OMP_NUM_THREADS ?= 1
# A few hundred processes run the course's own code: each would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup grade test test-slow test-all lint types verify one release figures site bench gpu gpu-wheels clean

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
	@test -d $(CLASS) || $(BIN)/autograder example-class $(CLASS) $(addprefix -e ,$(HANDED_IN))
	$(BIN)/autograder grade $(CLASS) $(addprefix -e ,$(HANDED_IN))

# The exercises' checks.py are no part of it: `verify` runs every case of them, in the jail.
test: .venv/.dev    ## every test but the slow ones
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" --ignore-glob="$(CURDIR)/solutions/*/*/checks.py" $(ARGS)

test-slow: .venv/.dev ## attacks as an ordinary user and on weaker machines, fifty kills, whatever else is slow
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m slow $(ARGS)

test-all: .venv/.dev ## the slow ones too
	$(BIN)/python -m pytest -q $(ARGS)

lint: .venv/.dev    ## style, and which package may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check autograder tests benchmarks
	$(BIN)/lint-imports --no-logo --no-cache

types: .venv/.dev   ## types
	$(BIN)/pyright autograder

verify: .venv/.dev  ## is the course any good
	$(BIN)/autograder verify

# ONLY is an exercise (attention/gqa), or a topic (attention).
one: .venv/.dev     ## one exercise or topic: make one ONLY=attention/gqa
	$(BIN)/autograder verify $(ONLY)
	$(BIN)/autograder release --topic $(firstword $(subst /, ,$(ONLY)))
	$(BIN)/python -m pytest -q solutions/$(ONLY) tests/test_lessons.py -k "$(notdir $(ONLY))" $(ARGS)

release: .venv/.dev ## write assignments/ from solutions/
	$(BIN)/autograder release

figures: .venv/.dev ## draw the lectures' figures from the references (ARGS=a script for one of them)
	$(PIP) --editable '.[figures]'
	$(BIN)/python docs/figures.py $(ARGS)

site: .venv/.dev    ## the lectures as static pages, in site/
	$(BIN)/autograder site $(ARGS)

bench: .venv/.dev   ## speed, as ratios
	$(BIN)/python benchmarks/grading.py

# On a machine with CUDA, also one without a network and with another Python and torch than ours: GPU_PYTHON has torch and Triton,
# and what else it lacks comes from WHEELS, which `make gpu-wheels` fills where there is a network.
GPU_PYTHON ?= python3
GPU_PYTHON_VERSION ?= 3.12
WHEELS ?= .wheels
GPU_PACKAGES = msgspec pydantic pydantic-core annotated-types typing-inspection typing-extensions typer click shellingham \
	annotated-doc rich markdown-it-py mdurl pygments typeguard watchfiles anyio idna jinja2 markupsafe regex hypothesis sortedcontainers \
	pytest pluggy iniconfig packaging "numpy<2.4"

.venv-gpu/.ready: pyproject.toml constraints.txt
	$(GPU_PYTHON) -m venv --without-pip --clear .venv-gpu
	$(GPU_PYTHON) -c "import pathlib, torch; print(pathlib.Path(torch.__file__).parents[1])" > .venv-gpu/lent.pth
	pwd >> .venv-gpu/lent.pth
	mv .venv-gpu/lent.pth .venv-gpu/lib/python3*/site-packages/
	! ls $(WHEELS)/*.whl > /dev/null 2>&1 || $(GPU_PYTHON) -m pip --python .venv-gpu/bin/python install --quiet --no-index --no-deps $(WHEELS)/*.whl
	touch $@

gpu: .venv-gpu/.ready  ## every GPU check, and the jail with a GPU in it; writes docs/gpu.md
	.venv-gpu/bin/python -m autograder doctor
	.venv-gpu/bin/python -m autograder verify --gpu --report docs/gpu.md
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 .venv-gpu/bin/python -m pytest -q -p autograder.local.pytest_plugin -m gpu tests/attacks/test_gpu.py solutions $(ARGS)

gpu-wheels:     ## fetch what `make gpu` needs beside torch, for a machine without a network
	$(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --constraint constraints.txt \
		--python-version $(GPU_PYTHON_VERSION) --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
		--platform manylinux2014_x86_64 --dest $(WHEELS) $(GPU_PACKAGES)

clean:          ## remove environments, caches and results
	rm -rf .venv .venv-bench .venv-gpu .autograder build *.egg-info .pytest_cache .ruff_cache
