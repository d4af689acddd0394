# `make run` and `make test` are the two main commands; `make help` lists all of them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ifdef DATA
export OLIST_DATA := $(DATA)
endif

RUNTIME := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
GX := $(VENV)/.installed-gx
BENCH := $(VENV)/.installed-bench
# --no-deps: the requirements files list every package, so pip resolves nothing and installs nothing that is not pinned.
# --no-compile: pip would compile all 16,000 modules, and Python compiles the imported ones by itself.
# --no-build-isolation: otherwise pip downloads the newest setuptools to build PySpark and this project.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
  --no-deps --no-compile --no-build-isolation

# Where this variable is set, Python keeps no compiled modules, and each process of the tests would compile all that it
# imports, which takes three times as long.
unexport PYTHONDONTWRITEBYTECODE

# What the benchmarks measure: make bench ENGINES=sail
ENGINES ?= sail spark
BENCH_ENGINES := $(addprefix --engine ,$(ENGINES))

# Tests that take minutes each have a command of their own.
LONG := faults or cluster or wheel or automation or published_engines or cases or browser or stream

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: $(RUNTIME) ## Build and check all tables, from the sample data or from DATA=path (folder or zip)
	@$(BIN)/olist materialize

.PHONY: ui
ui: $(RUNTIME) ## Open Dagster's UI on http://127.0.0.1:3000
	@$(BIN)/olist ui

.PHONY: test
test: $(DEV) ## Run the tests on Sail and, at the same time, those of Spark; all but those of the commands below
	@$(MAKE) --no-print-directory --keep-going -j 2 test-sail test-spark

.PHONY: test-sail
test-sail: $(DEV)
	@$(BIN)/python -m pytest -n 2 --dist loadfile

# Spark's half prints its report at its end, as the other half prints at the same time.
.PHONY: test-spark
test-spark: $(DEV)
	@report=$$(mktemp); trap 'rm -f "$$report"' EXIT; \
	  OLIST_ENGINE=spark $(BIN)/python -m pytest -m "(spark or engines) and not ($(LONG))" >"$$report" 2>&1; \
	  code=$$?; cat "$$report"; exit $$code

.PHONY: test-long
test-long: $(DEV) ## Test 200 random sequences of day reruns; `make test` tries two (two hours)
	@$(BIN)/python -m pytest --hypothesis-profile=long --timeout=0 olist_assets_tests/laws/test_law_8_plans.py

.PHONY: test-engines
test-engines: $(DEV) ## Compare all tables and checks of both engines on the dataset of DATA=path (some minutes)
	@OLIST_ENGINE=spark $(BIN)/python -m pytest -m published_engines --timeout=3600 -rP olist_assets_tests/engines

.PHONY: test-faults
test-faults: $(DEV) ## Test killed writers, full disks and broken logs, with a table of results (half an hour)
	@$(BIN)/python -m pytest -m faults --timeout=3600 -rP olist_assets_tests/faults

.PHONY: test-stream
test-stream: $(DEV) ## Test killed consumers and brokers, lost and broken messages of the stream (forty minutes)
	@OLIST_ENGINE=sail $(BIN)/python -m pytest -m "stream and not spark" --timeout=3600 -rP
	@OLIST_ENGINE=spark $(BIN)/python -m pytest -m "stream and spark" --timeout=3600 -rP

.PHONY: test-cases
test-cases: $(DEV) ## Test the inputs and situations of public bug reports on both engines (some minutes)
	@$(BIN)/python -m pytest -m "not spark" olist_assets_tests/cases
	@OLIST_ENGINE=spark $(BIN)/python -m pytest -m "" olist_assets_tests/cases \
	  olist_assets_tests/engine/test_foreign_environment.py olist_assets_tests/engine/test_thrift_attacks.py \
	  olist_assets_tests/engines/test_foreign_tables.py \
	  olist_assets_tests/operations/test_forget.py

.PHONY: test-gx
test-gx: $(GX) ## Install the extra gx and compare the checks with the verdicts of Great Expectations (some minutes)
	@$(BIN)/python -m pytest -m gx olist_assets_tests/operations/test_expectations.py olist_assets_tests/packaging

.PHONY: test-wheel
test-wheel: $(DEV) ## Build the wheel, install it with all its dependencies and test it
	@$(BIN)/python -m pytest -m wheel --timeout=3600 -rP olist_assets_tests/packaging

.PHONY: test-browser
test-browser: $(DEV) ## Test pages of other sites against the web servers in a headless Chromium, and the proxy (minutes)
	@$(BIN)/python -m pytest -m browser --timeout=1200 -rsP olist_assets_tests/browser

.PHONY: test-automation
test-automation: $(DEV) ## Test the automation with a real daemon: new and changed days arrive (ten minutes)
	@$(BIN)/python -m pytest -m automation --timeout=3600 -rP olist_assets_tests/automation

.PHONY: cluster-test
cluster-test: $(DEV) ## Test a local Spark cluster that loses executors, Spark Connect and S3 (half an hour)
	@OLIST_ENGINE=spark $(BIN)/python -m pytest -m cluster --timeout=3600 -rP olist_assets_tests

.PHONY: check
check: $(DEV) ## Check lint, format, types and that the installed packages are compatible
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/python -m pip --disable-pip-version-check check

.PHONY: format
format: $(DEV) ## Format the code and apply the automatic lint fixes
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: docs
docs: $(DEV) ## Generate the column lineage and the data dictionary from the contracts and query plans
	@$(BIN)/python -m tools.column_lineage
	@$(BIN)/python -m tools.data_dictionary

.PHONY: bench
bench: $(DEV) ## Time cold runs of both engines (ENGINES=sail for one), the notebooks and DuckDB, on the sample or DATA=path
	@$(BIN)/python -m bench.whole_graph $(BENCH_ENGINES) --scope notebooks --with notebooks --with duckdb

.PHONY: bench-scale
bench-scale: $(DEV) ## Measure a full run, days, checks and queries at scales 0.1, 1 and 10 on both engines (an hour)
	@$(BIN)/python -m bench.suite $(BENCH_ENGINES) --scale 0.1 --scale 1 --scale 10

.PHONY: bench-decisions
bench-decisions: $(BENCH) ## Install other forecasts and a regression, and compare them with the platform's on its tables (minutes)
	@$(BIN)/python -W ignore -m bench.forecasts
	@$(BIN)/python -W ignore -m bench.price_elasticities

.PHONY: install
install: $(RUNTIME) ## Install what the platform needs to run

.PHONY: setup
setup: $(DEV) ## Install what development needs: the same, the test tools and the linters

$(RUNTIME): requirements-build.txt requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || \
	  { echo "Python 3.11 or 3.12 is needed, and $(PYTHON) is neither. Name one: make PYTHON=python3.11 ..."; exit 2; }
	@echo "Installing the pinned packages into $(VENV). This takes some minutes and is done once."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP_INSTALL) --require-hashes -r requirements-build.txt
	@$(PIP_INSTALL) --require-hashes -r requirements.txt
	@$(PIP_INSTALL) --no-index --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.txt
	@echo "Installing the development packages into $(VENV)."
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

$(GX): $(DEV) requirements-gx.txt
	@echo "Installing Great Expectations into $(VENV)."
	@$(PIP_INSTALL) --require-hashes -r requirements-gx.txt
	@touch $@

$(BENCH): $(DEV) requirements-bench.txt
	@echo "Installing the packages of the benchmarks into $(VENV)."
	@$(PIP_INSTALL) --require-hashes -r requirements-bench.txt
	@touch $@

.PHONY: clean
clean: ## Delete the warehouse, the sample data and Dagster's run storage
	rm -rf warehouse data/sample .dagster .logs_queue .nux logs
