# Each target makes what it needs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
BUILD_INPUTS := pyproject.toml hatch_build.py client/pyproject.toml
WORKERS := 2
PYTEST_ARGS :=
ADVISORIES := https://api.osv.dev/v1/query

UV := $(shell command -v uv 2>/dev/null)
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate
ifneq ($(UV),)
INSTALL := uv pip install --python $(BIN)/python
else
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check
endif

# Without it each of the hundred processes that tests start compiles the whole package for itself.
export PYTHONDONTWRITEBYTECODE :=

# Two checks side by side, each with its output in one piece; after the first that fails no other begins.
SIDE_BY_SIDE := --no-print-directory --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help demo up test faults check ruff types mypy pyright imports templates audit words bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## run the guided demo on real data; Ctrl-C ends it
	$(BIN)/review demo $(DEMO_ARGS)

up: $(VENV)/.installed ## run an empty stack on this machine
	$(BIN)/review up

test: check ## run the checks, then every test
	$(BIN)/pytest -n $(WORKERS) $(PYTEST_ARGS)

faults: $(VENV)/.installed-dev ## break servers for some minutes: crash cycles, long searches (not part of make test)
	$(BIN)/pytest -n $(WORKERS) -m faults $(PYTEST_ARGS)

check: $(VENV)/.installed-dev ## lint, types, import contracts, templates, advisories
	@$(MAKE) $(SIDE_BY_SIDE) ruff pyright mypy imports templates audit

ruff: $(VENV)/.installed-dev ## lint and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: mypy pyright ## mypy and pyright, both strict

mypy: $(VENV)/.installed-dev
	$(BIN)/mypy

pyright: $(VENV)/.installed-dev
	$(BIN)/pyright

imports: $(VENV)/.installed-dev ## the import contracts
	$(BIN)/lint-imports

templates: $(VENV)/.installed-dev ## lint the HTML templates
	$(BIN)/djlint templates --lint --quiet

# Skipped aloud where nobody answers, as without a network; what is found fails.
audit: $(VENV)/.installed-dev ## look for known vulnerabilities in what is locked
	@if $(BIN)/python -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], b"{\"package\": {\"name\": \"pip\", \"ecosystem\": \"PyPI\"}, \"version\": \"26\"}", timeout=5)' '$(ADVISORIES)' >/dev/null 2>&1; then \
		$(BIN)/pip-audit --requirement requirements-dev.lock --require-hashes --disable-pip --progress-spinner off \
			--vulnerability-service osv --osv-url '$(ADVISORIES)'; \
	else echo 'NOT AUDITED: no advisory source answers at $(ADVISORIES), so known vulnerabilities were not looked for.' >&2; fi

words: $(VENV)/.installed-dev ## collect the words of the pages for translators (docs/translating.md)
	$(BIN)/pybabel --quiet extract --mapping babel.cfg --keyword=say --keyword=say_n:1,2 --no-wrap --omit-header \
		--add-location file --sort-by-file --output review/web/words/countersign.pot .

bench: $(VENV)/.installed-dev ## measure against the baselines (BENCH_ARGS=--help)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

lock: ## resolve the dependencies again (needs uv; UPGRADE=--upgrade for newer ones)
	printf '%s\n' 'hatchling>=1.27' 'editables>=0.5' 'django-htmx==1.29.0' > build-requirements.tmp
	$(COMPILE) $(UPGRADE) pyproject.toml build-requirements.tmp --extra demo -o requirements.lock
	$(COMPILE) $(UPGRADE) pyproject.toml build-requirements.tmp --extra demo --group dev -o requirements-dev.lock
	rm build-requirements.tmp

clean: ## remove what the targets made, except the data of `review up`
	rm -rf $(VENV) dist build review/web/static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
ifneq ($(UV),)
	uv venv --quiet --python '>=3.11' $(VENV)
else
	@python=; for name in python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer was not found; install it and run make again." >&2; exit 1; fi; \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "python3 -m venv failed; install your system's package for it (Debian: apt install python3-venv)." >&2; exit 1; }
endif

# The project and its client, which the demo reads snapshots with, are installed editable; the build copies htmx out of django-htmx (hatch_build.py).
# --no-deps and --no-build-isolation keep this to what the lock names.
$(VENV)/.installed: requirements.lock $(BUILD_INPUTS) | $(BIN)/python
	@echo "Installing the locked dependencies into $(VENV); this happens once."
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --quiet --no-deps --no-build-isolation --editable . --editable ./client
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(BUILD_INPUTS) | $(BIN)/python
	@echo "Installing the locked development dependencies into $(VENV); this happens once."
	$(INSTALL) --require-hashes -r requirements-dev.lock
	$(INSTALL) --quiet --no-deps --no-build-isolation --editable . --editable ./client
	@touch $(VENV)/.installed $@
