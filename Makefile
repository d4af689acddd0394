# The platform's two commands are `make run` and `make test`; `make help` lists the others.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Data, warehouse and Dagster's storage lie in this folder unless the environment says otherwise.
export DAGSTER_HOME ?= $(CURDIR)
ifdef DATA
export OLIST_DATA := $(DATA)
endif

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: setup ## Make all tables with their checks, from the sample or from DATA=path (folder or zip)
	@$(BIN)/olist materialize

.PHONY: ui
ui: setup ## Open Dagster's UI on http://127.0.0.1:3000
	@$(BIN)/olist ui

.PHONY: test
test: setup ## Run all tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: test-long
test-long: setup ## Try 200 random plans of day reruns instead of the gate's few (two hours)
	@$(BIN)/python -m pytest --hypothesis-profile=long --timeout=0 olist_assets_tests/laws/test_law_8_plans.py

.PHONY: test-faults
test-faults: setup ## Kill writers, fill disks, break logs: all faults, with a table of figures (half an hour)
	@$(BIN)/python -m pytest -m faults --timeout=3600 -rP olist_assets_tests/faults

.PHONY: cluster-test
cluster-test: setup ## The graph on a cluster while executors die, over Spark Connect, in S3: all started here (half an hour)
	@$(BIN)/python -m pytest -m cluster --timeout=3600 -rP olist_assets_tests

.PHONY: check
check: setup ## Lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --pythonpath $(BIN)/python

.PHONY: format
format: setup ## Put the code into the house's form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: docs
docs: setup ## Write what is made from contracts and query plans: the column lineage, the data dictionary
	@$(BIN)/python -m tools.column_lineage
	@$(BIN)/python -m tools.data_dictionary

.PHONY: bench
bench: setup ## Time the whole graph, cold, table by table, beside notebooks and DuckDB; DATA=path for your own
	@$(BIN)/python -m bench.whole_graph --with notebooks --with duckdb

.PHONY: bench-scale
bench-scale: setup ## What a run, a day, the checks and the queries cost at scales 0.1, 1 and 10 (half an hour)
	@$(BIN)/python -m bench.suite --scale 0.1 --scale 1 --scale 10

.PHONY: setup
setup: $(VENV)/.installed ## Make the virtual environment from the pinned requirements

# --no-deps: the file is the whole closure, so pip has nothing to resolve, and installs nothing that is not pinned.
$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || \
	  { echo "Python 3.11 or 3.12 is needed; $(PYTHON) is another. Say which: make PYTHON=python3.11 ..."; exit 2; }
	@echo "Installing the pinned requirements into $(VENV): some minutes, once."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: clean
clean: ## Delete the warehouse, the sample and Dagster's storage of runs
	rm -rf warehouse data/sample .dagster .logs_queue .nux logs
