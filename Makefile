# The project's commands. Everything is installed into .venv, from locks with exact versions and hashes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUPPORTED := Python 3.11, 3.12 or 3.13 (hydra-core does not run on 3.14 yet)

.PHONY: help reproduce test test-fast test-peers test-cluster lint docs bench bench-quick bench-page lock clean

help:
	@echo "make reproduce  install, run the seed study, draw reports/out/index.html"
	@echo "make test       install, check style and types, run all tests"
	@echo "make test-fast  check style, run the tests that start no programs: seconds, once kernels are compiled"
	@echo "make test-peers install torch, optax and pytorch_optimizer too, and test our methods beside theirs"
	@echo "make test-cluster install submitit and Ray too, and test sweeps on them: on SLURM where a controller answers"
	@echo "make docs       install Sphinx too, and build the documentation into docs/_build/html"
	@echo "make bench      measure this commit against main (BASE=... for another): is it slower?"
	@echo "make bench-quick run every benchmark once: do they work?"
	@echo "make bench-page publish what asv has measured as a page that needs no network"
	@echo "make lock       resolve the locks anew (needs uv)"
	@echo "make clean      remove .venv, results, the drawn report and the documentation"

reproduce: $(VENV)/core
	@$(BIN)/python experiments/converge.py +study=seed
	@$(BIN)/python experiments/cost.py +study=seed_cost
	@$(BIN)/python reports/build.py

test: $(VENV)/test lint
	@$(BIN)/python -m pytest

# For the loop of a day's work: the tests that start no processes, with kernels that are compiled already.
test-fast: $(VENV)/test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m pytest --fast

test-peers: $(VENV)/peers
	@$(BIN)/python -m pytest tests/peers

test-cluster: $(VENV)/cluster
	@$(BIN)/python -m pytest tests/cluster -n0 -rs

lint: $(VENV)/test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# A warning is an error, as in the tests. The pages load nothing from elsewhere, so they can be read without a network.
docs: $(VENV)/docs
	@$(BIN)/python -m sphinx -W --keep-going -n -q -d docs/_build/doctrees docs docs/_build/html
	@echo "documentation: docs/_build/html/index.html"

BASE := main

bench: $(VENV)/test
	@$(BIN)/python benchmarks/bench.py $(BASE)

# Each benchmark runs once and nothing is stored; these times mean nothing. `make bench` compares times.
bench-quick: $(VENV)/test
	@test -e ~/.asv-machine.json || $(BIN)/asv machine --yes >/dev/null
	@$(BIN)/asv run --quick --dry-run --show-stderr --environment existing:same

bench-page: $(VENV)/test
	@$(BIN)/python benchmarks/page/publish.py

# Each set-up leaves a stamp file, so that it is done only once for each version of its lock.
$(VENV)/core: requirements.lock pyproject.toml
	@$(call set_up,requirements.lock)

$(VENV)/test: requirements-test.lock pyproject.toml
	@$(call set_up,requirements-test.lock)
	@touch $(VENV)/core

# torch is installed first and separately: its builds of one version differ between package indexes, so no hash fits all.
TORCH := torch==2.13.0

$(VENV)/peers: $(VENV)/test requirements-peers.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --dry-run --no-deps --report - $(TORCH) \
		| $(BIN)/python -c 'import json, sys; \
		needs = [need for found in json.load(sys.stdin)["install"] for need in found["metadata"].get("requires_dist", ())]; \
		cuda = any(need.startswith(("nvidia", "cuda")) for need in needs); \
		print("adamlab: only a CUDA build of $(TORCH) is available here; it takes several GB") if cuda else None'
	@echo "adamlab: installing $(TORCH) and requirements-peers.lock into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-peers.lock
	@touch $@

$(VENV)/cluster: $(VENV)/test requirements-cluster.lock
	@echo "adamlab: installing requirements-cluster.lock into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-cluster.lock
	@touch $@

$(VENV)/docs: $(VENV)/test requirements-docs.lock
	@echo "adamlab: installing requirements-docs.lock into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-docs.lock
	@touch $@

define set_up
	command -v $(PYTHON) >/dev/null || { echo "adamlab: needs $(SUPPORTED); there is no $(PYTHON) here (set PYTHON=...)" >&2; exit 2; }; \
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "adamlab: needs $(SUPPORTED); $(PYTHON) is $$($(PYTHON) -c 'import platform; print(platform.python_version())') (set PYTHON=...)" >&2; exit 2; }; \
	test -w . || { echo "adamlab: needs to write into $$(pwd), which is not writable" >&2; exit 2; }; \
	$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "adamlab: needs Python's venv and pip; $(PYTHON) lacks them (on Debian: apt install python3-venv)" >&2; exit 2; }; \
	echo "adamlab: installing $(1) into $(VENV)"; \
	$(PYTHON) -m venv $(VENV) \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1) \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e . \
		&& touch $@
endef

lock:
	@$(call resolve,,requirements.lock)
	@$(call resolve,--extra test -c requirements.lock,requirements-test.lock)
	@$(call resolve,--extra peers -c requirements-test.lock --overrides requirements-peers.overrides,requirements-peers.lock)
	@$(call resolve,--extra slurm --extra ray -c requirements-test.lock,requirements-cluster.lock)
	@$(call resolve,--extra docs -c requirements-test.lock,requirements-docs.lock)

define resolve
	uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
		pyproject.toml requirements-build.in $(1) -o $(2)
endef

clean:
	rm -rf $(VENV) results reports/out docs/_build
