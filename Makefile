# Commands of the project; `make` alone lists them.

PYTHON ?= python3
PORT ?= 8000
SAMPLE ?= 0
SEED ?= 1
EXAMPLES ?= 2000
VENV := .venv
BIN := $(VENV)/bin
# setuptools warns of each editable installation, which pip prints even when it is quiet
INSTALL := PYTHONWARNINGS='ignore:Editable installation' \
  $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo demo-oauth unit test soak cluster fuzz interop lint docs diagram dist matrix mutants bench measure load \
  clean system

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/demo ## start the example application on 127.0.0.1:8000; PORT=… takes another port
	$(BIN)/python -m example_app --port $(PORT)

demo-oauth: $(VENV)/demo-oauth ## the same behind an authorization server, embedded: 401 without a token, 200 with it
	$(BIN)/python -m example_app --oauth --port $(PORT)

unit: $(VENV)/unit ## run the unit tests: no root, no server, no compiler
	$(BIN)/python -m pytest -n auto tests/unit

test: $(VENV)/test ## run every test, against a real slapd and in a real browser, and print the coverage
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal --cov

soak: $(VENV)/test ## torture directory, journal and consumers for minutes, and print the seeds (SEED="17 42": these)
	$(BIN)/python -m pytest -v -rP tests/soak

cluster: $(VENV)/test ## kill and cut off nodes of database clusters for minutes, and print the seeds (SEED=…)
	$(BIN)/python -m pytest -v -rP tests/cluster

fuzz: SEED := $(shell date +%s)
fuzz: $(VENV)/test ## send broken and odd input to all that reads any (EXAMPLES=2000 for each test, SEED=…)
	@echo 'to repeat this: make fuzz EXAMPLES=$(EXAMPLES) SEED=$(SEED)'
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/fuzz --timeout=3600 \
	  --hypothesis-seed=$(SEED)

interop: $(VENV)/test ## run against Keycloak and OpenDJ, downloaded by Maven (260 MB, once; needs mvn)
	$(BIN)/python -m interop
	$(BIN)/python -m pytest interop

lint: $(VENV)/lint ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/docs ## build the manual in docs/_build/html, every warning an error
	$(BIN)/python -m sphinx -E -W -n --keep-going -q -b html docs docs/_build/html

diagram: $(VENV)/made ## draw the diagram of the architecture anew, and print its figures
	$(BIN)/python -m tools.architecture --write

dist: $(VENV)/dist ## build the wheel and the sdist, check them, run the unit tests against the wheel
	rm -rf build dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m tools.check_dist

matrix: $(VENV)/dist | system ## run the unit tests with the lowest and the newest versions, on each Python that is found
	$(BIN)/python -m tools.matrix

mutants: $(VENV)/mutants ## change the core in small ways and see whether its unit tests fail (SAMPLE=100: so many a module)
	$(BIN)/python -m tools.mutants --sample $(SAMPLE) --seed $(SEED)

bench: ## print the table of speeds, by an interpreter that is optimised (PEOPLE=100000, QUICK=1: in two minutes)
	@$(MAKE) --no-print-directory measure VENV=$(VENV)-bench PYTHON="$$($(PYTHON) -m tools.optimised)"

measure: $(VENV)/test
	$(BIN)/python -m benchmarks $(PEOPLE) $(if $(QUICK),--quick)

load: $(VENV)/test ## see whether rude clients leave ordinary ones their answers; a minute
	$(BIN)/python -m benchmarks.load

clean: ## remove what the other commands made
	rm -rf $(VENV) $(VENV)-bench .matrix build dist docs/_build *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Debian 12's venv brings pip 23, which does not know dependency groups: `--group` came with 25.1.
$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade 'pip>=25.1'
	@touch $@

system:
	@PYTHON=$(PYTHON) tools/system-packages

# One stamp for each dependency group of pyproject.toml. None of these needs root or a compiler …
GROUPS := $(addprefix $(VENV)/,unit lint docs dist mutants demo demo-oauth)
$(GROUPS): $(VENV)/%: $(VENV)/made setup.cfg pyproject.toml
	$(INSTALL) --editable . --group $*
	@touch $@

# … but python-ldap does, and the tests need the servers.
$(VENV)/test: $(VENV)/made setup.cfg pyproject.toml | system
	$(INSTALL) --editable '.[ldap]' --group test
	@touch $@ $(addprefix $(VENV)/,unit demo demo-oauth)
