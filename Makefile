# The front door: `make help` explains the targets. Each is a plain command too; the README shows them side by side.

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LAB_STAMP := $(VENV)/.installed-notebook
DOCS_STAMP := $(VENV)/.installed-docs

# `import numba` from this folder must not take the folder coverage/ for the package of that name.
export PYTHONSAFEPATH = 1
# Reach the recipes as environment variables, so that spaces, quotes and $ in a path stay what they are.
export STUDY EXTRACT PLACE BOUNDARY ZONES THEFTS RATES OUT RUN

.DEFAULT_GOAL := help
.PHONY: help maps explorer briefing demo-data test kernels suite notebooks notebooks-refresh test-long check docs lab bench bench-large clean

help:  ## this text
	@echo "Targets:"
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-24s %s\n", $$1, $$2}'
	@echo
	@echo "Maps of a place, from a file, by name, or as a study file says:"
	@echo '  make maps EXTRACT=my-city.osm.pbf BOUNDARY=district.geojson ZONES=tracts.gpkg RATES="0.05 0.2" OUT=out/mine'
	@echo '  make maps EXTRACT=my-city.osm.pbf THEFTS=thefts.csv'
	@echo '  make maps PLACE="Lakeland, Florida, USA"'
	@echo '  make maps STUDY=my-study.toml'

$(STAMP): pyproject.toml constraints.txt
	@set -e; \
	if [ ! -x "$(BIN)/python" ]; then \
	  found=; \
	  for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	    if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	    then found=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "doorview needs Python 3.11 or newer with venv (Debian: apt install python3-venv); none was found." >&2; \
	    echo "Name one with: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$("$$found" --version)"; \
	  "$$found" -m venv "$(VENV)"; \
	fi; \
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"; \
	touch "$@"

$(LAB_STAMP): $(STAMP)
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[notebook]"
	@touch "$@"

$(DOCS_STAMP): $(STAMP)
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	@touch "$@"

maps: $(STAMP)  ## maps and tables: of the demo town, or of STUDY=, EXTRACT= or PLACE= (see below)
	@set -e; \
	given=0; for one in "$$STUDY" "$$EXTRACT" "$$PLACE"; do [ -z "$$one" ] || given=$$((given + 1)); done; \
	if [ $$given -gt 1 ]; then echo "make: give only one of STUDY=, EXTRACT= and PLACE=" >&2; exit 2; fi; \
	if [ -z "$$EXTRACT$$PLACE" ] && [ -n "$$BOUNDARY$$ZONES$$RATES$$THEFTS" ]; then \
	  echo "make: BOUNDARY=, ZONES=, RATES= and THEFTS= go with EXTRACT= or PLACE=; a study file says them itself" >&2; exit 2; fi; \
	set --; \
	[ -z "$$BOUNDARY" ] || set -- "$$@" --boundary "$$BOUNDARY"; \
	[ -z "$$ZONES" ] || set -- "$$@" --zones "$$ZONES"; \
	[ -z "$$THEFTS" ] || set -- "$$@" --thefts "$$THEFTS"; \
	[ -z "$$RATES" ] || set -- "$$@" --rates "$$RATES"; \
	[ -z "$$OUT" ] || set -- "$$@" --out "$$OUT"; \
	if [ -n "$$STUDY" ]; then set -- run "$$STUDY" "$$@"; \
	elif [ -n "$$EXTRACT$$PLACE" ]; then set -- estimate "$$EXTRACT$$PLACE" "$$@"; \
	elif [ -n "$$OUT" ]; then set -- run data/demo/study.toml "$$@"; \
	else set -- run data/demo/study.toml --out out/demo; fi; \
	exec "$(BIN)/doorview" "$$@"

briefing: $(STAMP)  ## the briefing of a finished run, HTML and PDF: of out/demo, or of RUN=
	exec "$(BIN)/doorview" briefing "$${RUN:-out/demo}"
explorer: $(STAMP)  ## one HTML file that anyone can open, of the demo town's run, or of RUN=FOLDER
	@set -e; \
	if [ -z "$$RUN" ]; then RUN=out/demo; \
	  [ -f "$$RUN/run.json" ] || "$(BIN)/doorview" run data/demo/study.toml --out "$$RUN"; fi; \
	exec "$(BIN)/doorview" explorer "$$RUN"

demo-data: $(STAMP)  ## write data/demo anew from the generator of the demo town
	"$(BIN)/doorview" demo data/demo

test: kernels suite notebooks check  ## all that must pass: kernels interpreted, the suite, the notebooks, the checks

# Without compiling, the lines of the kernels can be counted; with it, they are fast: so their tests run both ways.
kernels: $(STAMP)  ## the kernels' tests, interpreted, with line coverage
	NUMBA_DISABLE_JIT=1 "$(BIN)/python" -m pytest tests/kernels \
	  --cov=doorview --cov-report=term --cov-fail-under=95

suite: $(STAMP)  ## the main suite, compiled
	"$(BIN)/python" -m pytest -n logical --maxprocesses 4 --dist loadfile

notebooks: $(STAMP)  ## execute the notebooks; a failing cell fails
	"$(BIN)/python" -m pytest --nbmake notebooks

notebooks-refresh: $(STAMP)  ## execute the notebooks and keep what they show, for the documentation
	"$(BIN)/python" docs/refresh_notebooks.py

# The second line: the same properties as in the suite, tried on twenty times as many examples.
test-long: $(STAMP)  ## the tests that take minutes: killed runs, hostile files, large cities, many more examples
	"$(BIN)/python" -m pytest -m long -n logical --maxprocesses 4 --dist load
	DOORVIEW_EFFORT=20 "$(BIN)/python" -m pytest -n logical --maxprocesses 4 --dist load tests/properties

check: $(STAMP)  ## lint, format, types and spelling
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"
	"$(BIN)/codespell"

docs: $(DOCS_STAMP)  ## the documentation, into docs/_build/html; warnings are errors, nothing is fetched
	"$(BIN)/python" -m sphinx -b html -W --keep-going -n -q docs docs/_build/html
	@echo "docs/_build/html/index.html"

lab: $(LAB_STAMP)  ## JupyterLab on the notebooks
	"$(BIN)/python" -m jupyterlab --notebook-dir=notebooks

bench: $(STAMP)  ## benchmarks in one table: each figure, its baseline, the ratio
	"$(BIN)/python" benchmarks/run_all.py

bench-large: $(STAMP)  ## large cities: time by door, memory, the cache, a cluster, a kill (HOMES="10000 100000" for small ones)
	"$(BIN)/python" benchmarks/large.py $(HOMES)

clean:  ## remove the environment, the run of the demo town and what tools left behind; other runs stay
	rm -rf "$(VENV)" out/demo dist build docs/_build docs/_rooms docs/_notebooks .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks .coverage htmlcov
	find coverage tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
