# Two commands for users: `make demo` and `make test`. The others are for developers (CONTRIBUTING.md).

VENV ?= .venv
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Each may hold TensorFlow and need 1.5 GB.
WORKERS ?= 3
DATA ?=

.PHONY: demo test check lint types contracts stale format fix sizes bench figures readme wheel clean

demo: $(VENV)/.base
	$(BIN)/toolkit demo

# The package is compiled as an installation is: tests start the command a thousand times.
test: $(VENV)/.dev
	@$(BIN)/python -c 'import shutil; print("Pages are tested in", shutil.which("chromium") or "no browser: chromium was not found, so the page tests are skipped")'
	@$(BIN)/python -m compileall -q toolkit
	$(BIN)/python -m pytest -n $(WORKERS)

check: format lint types contracts stale test

format: $(VENV)/.dev
	$(BIN)/ruff format --check .

lint: $(VENV)/.dev
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

stale: $(VENV)/.dev
	$(BIN)/cog -I bench --check -r README.md exported/README.md bench/README.md

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/cog -I bench -r README.md exported/README.md bench/README.md

sizes:
	@for d in toolkit toolkit/*/; do printf '%6d  %s\n' "$$(find $$d -maxdepth $$([ $$d = toolkit ] && echo 1 || echo 9) -name '*.py' | xargs cat | wc -l)" $$d; done

bench figures: $(VENV)/.dev
	for script in start_up keras_import training_step epoch_end shipped_latency paper_latency harness_cost raw_export batch_pixels pictures; do $(BIN)/python bench/$$script.py || exit 1; done
	@if [ -z "$(DATA)" ]; then echo "the other scripts need CIFAR-10 as JPEG files: make bench DATA=FOLDER"; else \
		for script in paper_accuracy shipped_accuracy calibration weight_bits int8_latency classify_cifar classify_photos classify_feed classify_memory fine_tune; do $(BIN)/python bench/$$script.py $(DATA) || exit 1; done; fi

wheel: $(VENV)/.dev
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) build dist toolkit-demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.13 was found: install one, or run make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(BIN)/python pyproject.toml
	$(PIP) install --quiet -e .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	$(PIP) install --quiet -e '.[dev]'
	@touch $@ $(VENV)/.base
