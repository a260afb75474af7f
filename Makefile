# Every command sets up what it needs in .venv; nothing outside it is touched.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.PHONY: help demo test check conformance soak bench docs lock fix clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## the main job: good and bad releases on the embedded cluster, under load
	@$(BIN)/python -m compileall -q src
	@$(BIN)/davy demo

test: $(VENV)/.dev ## everything that needs only Python
	$(BIN)/python -m pytest -m "not conformance"

check: $(VENV)/.dev ## format, lint, types, layers, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_house.py

conformance: $(VENV)/.dev ## against real parts: etcd, kube-apiserver, kube-controller-manager
	$(BIN)/python -m pytest -m conformance -rs tests

soak: $(VENV)/.dev ## twenty promotions in a row under load
	$(BIN)/davy demo --soak 20

bench: $(VENV)/.dev ## measure, and write docs/benchmarks.md
	$(BIN)/python -m tests.bench

docs: $(VENV)/.dev ## write what is generated: CRDs, reference, the map
	$(BIN)/python tools/docs.py

fix: $(VENV)/.dev ## format and apply safe lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.dev ## resolve pyproject.toml anew into requirements/*.lock
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra demo --extra dev pyproject.toml -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra demo -c requirements/dev.lock pyproject.toml requirements/build.in -o requirements/demo.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements/demo.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/demo.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/dev.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo
