# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
# uv installs in seconds what takes pip minutes; it is used where it is present, and nothing needs it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

.PHONY: demo test lint docs pictures clean

demo: $(VENV)/.demo
	$(BIN)/skdistill demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -j 2 -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# The pictures that README shows; they are committed.
pictures: $(VENV)/.dev
	$(BIN)/python docs/images/draw.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
ifdef UV
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif

define install
$(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet) --editable "$(1)"
endef

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(call install,.[demo])
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(call install,.[demo$(comma)dev])
	touch $@

$(VENV)/.docs: $(VENV)/bin/python pyproject.toml
	$(call install,.[demo$(comma)docs])
	touch $@

comma := ,

clean:
	rm -rf $(VENV) .venv-peers docs/_build docs/gallery docs/reference build dist demo-output .pytest_cache .mypy_cache .ruff_cache
