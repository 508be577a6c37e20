# Commands of the project; `make` alone lists them.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo demo-oauth unit test soak interop lint bench clean system

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/example ## start the example application on 127.0.0.1:8000; PORT=… takes another port
	$(BIN)/python -m example_app --port $(PORT)

demo-oauth: $(VENV)/demo-oauth ## the same behind an authorization server, embedded: 401 without a token, 200 with it
	$(BIN)/python -m example_app --oauth --port $(PORT)

unit: $(VENV)/unit ## run the unit tests: no server, no python-ldap, no browser
	$(BIN)/python -m pytest tests/unit

test: $(VENV)/test ## run every test, against a real slapd and in a real browser
	$(BIN)/python -m pytest

soak: $(VENV)/test ## torture the journal, more and for longer than the tests do
	$(BIN)/python -m pytest tests/soak

interop: $(VENV)/test ## run against Keycloak and OpenDJ, downloaded by Maven (260 MB, once; needs mvn)
	$(BIN)/python -m interop
	$(BIN)/python -m pytest interop

lint: $(VENV)/test ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/test ## print the table of speeds (PEOPLE=100000)
	$(BIN)/python -m benchmarks $(PEOPLE)

clean: ## remove what the other commands made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

system:
	@PYTHON=$(PYTHON) tools/system-packages

# The core, and what the pages need: no root and no compiler.
$(VENV)/example: $(VENV)/made setup.cfg
	$(INSTALL) --editable '.[example]'
	@touch $@

$(VENV)/demo-oauth: $(VENV)/made setup.cfg
	$(INSTALL) --editable '.[demo-oauth]'
	@touch $@ $(VENV)/example

# The core, and SQLAlchemy for the tests of the journal: nothing by apt.
$(VENV)/unit: $(VENV)/made setup.cfg
	$(INSTALL) --editable '.[journal]' 'hypothesis>=6.100' 'pytest>=8' 'pytest-timeout>=2.3'
	@touch $@

$(VENV)/test: $(VENV)/made setup.cfg | system
	$(INSTALL) --editable '.[ldap,lint,test]' 'pytest-timeout>=2.3'
	@touch $@ $(VENV)/example $(VENV)/unit
