# Berth. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3.14 python3))
BIN := .venv/bin
LOCKS := deploy/requirements.lock deploy/requirements-dev.lock deploy/requirements-uv.lock
LOCK := pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet

LOCK_OPERATOR := pip compile --group operator --constraints deploy/requirements-dev.lock --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
LOCK_MUTANTS := pip compile --group mutants --constraints deploy/requirements-dev.lock --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.PHONY: help serve test quick both soak check clients cluster bench mutants screenshots lock wheel outdated clean

help: ## List the targets
	@echo 'make TARGET, one of:'
	@sed -nE 's/^([a-z]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

serve: .venv/runtime.stamp ## Start Berth. Options: HOST PORT SERVER_HOSTNAME WORKERS TLS=1 BERTH_DATA
	@exec $(BIN)/python manage.py serve

test: .venv/dev.stamp ## Run all tests. DB=postgres: against PostgreSQL. ARGS='...': for pytest
	@exec $(if $(filter postgres,$(DB)),$(BIN)/python -m tests.private_postgres) \
		$(BIN)/python -m pytest -n 3 --dist loadgroup --durations=20 $(ARGS)

quick: ## Run the tests of units and APIs that need no server, in two minutes
	@$(MAKE) --no-print-directory test ARGS='--quick $(ARGS)'

both: ## Run each test on the databases that it is for, as CI does
	@$(MAKE) --no-print-directory test DB=postgres ARGS='--divided $(ARGS)'
	@$(MAKE) --no-print-directory test ARGS='--divided $(ARGS)'

soak: .venv/dev.stamp ## Run the randomized tests for hours. DB=postgres, ARGS='...' as for test
	@BERTH_SOAK=1 $(MAKE) --no-print-directory test \
		ARGS="-m 'soak or randomized or hypothesis' --timeout 14400 $(ARGS)"

check: .venv/dev.stamp ## Check format, style, types, import contracts, templates and migrations
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy --strict .
	@$(BIN)/lint-imports
	@if [ -n "$$(find templates -name '*.html')" ]; then $(BIN)/djlint templates --lint --quiet; fi
	@data=$$(mktemp -d); trap 'rm -rf "$$data"' EXIT; \
		BERTH_DATA="$$data" $(BIN)/python manage.py makemigrations --check --dry-run

clients: ## Install the registry clients that the tests drive
	@deploy/install-clients

cluster: ## Build a Kubernetes control plane for the tests of the operator, in ten minutes or more
	@deploy/install-clients cluster

bench: .venv/dev.stamp ## Compare Berth's speed with other registries. ARGS='--peer distribution'
	@exec $(BIN)/python -m benchmarks $(ARGS)

mutants: .venv/mutants.stamp ## Look for faults that no test sees. ARGS='[ROOM...] --seed N --files N --seconds N'
	@PYTHONPATH="$$PWD/.venv/mutants" exec $(BIN)/python -m tests.mutants $(ARGS)

screenshots: .venv/dev.stamp ## Take a picture of every page. FOLDER=screenshots: where to
	@exec $(BIN)/python -m tests.browser.screenshots $(FOLDER)

lock: .venv/dev.stamp ## Choose the newest allowed versions of all packages
	@$(BIN)/uv $(LOCK) --upgrade --output-file deploy/requirements.lock
	@$(BIN)/uv $(LOCK) --upgrade --group dev --output-file deploy/requirements-dev.lock
	@$(BIN)/uv $(LOCK_OPERATOR) --upgrade --output-file deploy/operator/requirements.lock
	@$(BIN)/uv $(LOCK_MUTANTS) --upgrade --output-file deploy/requirements-mutants.lock

wheel: .venv/dev.stamp ## Build the wheel into dist
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --out-dir dist

outdated: .venv/dev.stamp ## Tell which locked packages have a newer release that Berth would take
	@for group in '' '--group dev'; do newest=$$(mktemp); \
		$(BIN)/uv $(LOCK) $$group --upgrade --output-file "$$newest" >/dev/null; \
		lock=deploy/requirements$${group:+-dev}.lock; echo "$$lock:"; \
		diff <(grep -oE '^[^ ]+==[^ ]+' "$$lock") <(grep -oE '^[^ ]+==[^ ]+' "$$newest") | \
			sed -nE 's/^< /  locked /p; s/^> /  newest /p' || true; rm -f "$$newest"; done

clean: ## Remove what was installed or cached. The data folder stays
	@rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A development environment also has what serving needs, so serving never takes packages away.
.venv/runtime.stamp: $(LOCKS)
	@if [ -e .venv/dev.stamp ]; then deploy/install-packages '$(PYTHON)' deploy/requirements-dev.lock; \
	else deploy/install-packages '$(PYTHON)' deploy/requirements.lock; fi
	@touch $@

.venv/dev.stamp: $(LOCKS)
	@deploy/install-packages '$(PYTHON)' deploy/requirements-dev.lock
	@touch $@ .venv/runtime.stamp

.venv/mutants.stamp: .venv/dev.stamp deploy/requirements-mutants.lock
	@rm -rf .venv/mutants
	@$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python --target .venv/mutants \
		--requirement deploy/requirements-mutants.lock
	@touch $@
