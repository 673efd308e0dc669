# The commands of the lab. Everything is installed into .venv, from locks that name versions and hashes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help reproduce test lint lock clean

help:
	@echo "make reproduce  install, run the seed study, draw reports/out/index.html"
	@echo "make test       install, check style and types, run all tests"
	@echo "make lock       resolve the locks anew (needs uv)"
	@echo "make clean      remove .venv, results and the drawn report"

reproduce: $(VENV)/core
	@$(BIN)/python experiments/converge.py +study=seed
	@$(BIN)/python experiments/cost.py +study=seed_cost
	@$(BIN)/python reports/build.py

test: $(VENV)/test lint
	@$(BIN)/python -m pytest

lint: $(VENV)/test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# Each set-up leaves a mark, so that it is done once for each version of its lock.
$(VENV)/core: requirements.lock pyproject.toml
	@$(call set_up,requirements.lock)

$(VENV)/test: requirements-test.lock pyproject.toml
	@$(call set_up,requirements-test.lock)
	@touch $(VENV)/core

define set_up
	command -v $(PYTHON) >/dev/null || { echo "adamlab: needs Python 3.11, 3.12 or 3.13; there is no $(PYTHON) here (set PYTHON=...)" >&2; exit 2; }; \
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "adamlab: needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) -c 'import platform; print(platform.python_version())') (set PYTHON=...)" >&2; exit 2; }; \
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

define resolve
	uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
		pyproject.toml requirements-build.in $(1) -o $(2)
endef

clean:
	rm -rf $(VENV) results reports/out
