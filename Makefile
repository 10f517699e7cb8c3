# The folder's own path may hold spaces, so everything here is named relative to it.

PYTHON ?= python3
# Pinned, and installed before anything that might want another build of it. Only tests import it.
TORCH ?= torch==2.13.0

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Folders of tests that start a process each, or need torch, editors or corpora: left to `make test`.
HEAVY := cli deep editors judge lsp real_world

.DEFAULT_GOAL := help
.PHONY: help demo test check snapshot docs bench clean editors
.DELETE_ON_ERROR:
.NOTPARALLEL:

help:
	@echo "make demo      install nnlint into .venv, check examples/, say how to connect an editor"
	@echo "make test      install what the tests need and run all of them"
	@echo "make check     seconds: ruff, mypy, layer contracts, fast tests"
	@echo "make snapshot  rewrite tests/real_world/snapshots from today's findings"
	@echo "make docs      rewrite what is generated from the rule files"
	@echo "make bench     measure speed and memory"
	@echo "make clean     remove what was built, and .venv"

demo: .venv/installed.stamp
	@$(BIN)/lsp-check --exit-zero examples
	@$(BIN)/python scripts/print_connections.py

test: .venv/torch.stamp .venv/dev.stamp .cache/corpus.stamp editors
	@$(BIN)/python -m pytest

check: .venv/dev.stamp
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m pytest --quiet -m "not slow and not torch" $(HEAVY:%=--ignore=tests/%)

snapshot: .venv/dev.stamp .cache/corpus.stamp
	@NNLINT_WRITE_SNAPSHOTS=1 $(BIN)/python -m pytest --quiet -m "corpus and not huge" tests/real_world

docs: .venv/installed.stamp
	@$(BIN)/python scripts/write_rule_table.py

bench: .venv/dev.stamp .cache/corpus.stamp
	@$(BIN)/python benchmarks/whole_tree.py
	@$(BIN)/python benchmarks/edit_latency.py
	@$(BIN)/python benchmarks/memory.py

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis vscode-extension/node_modules vscode-extension/out

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'nnlint needs Python 3.11 or newer: name one, as in "make $(MAKECMDGOALS) PYTHON=python3.12"' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo '$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed.stamp: pyproject.toml .venv/pyvenv.cfg
	$(PIP) --editable .
	@touch $@

.venv/torch.stamp: .venv/pyvenv.cfg
	$(PIP) $(TORCH) numpy einops
	@touch $@

.venv/dev.stamp: .venv/installed.stamp
	$(PIP) --editable '.[dev]'
	@touch $@

.cache/corpus.stamp: scripts/corpus.toml .venv/pyvenv.cfg
	$(BIN)/python scripts/fetch_corpus.py timm torchvision segmentation-models-pytorch training
	@touch $@

# Looks itself whether there is anything to do, and says what cannot be had; those tests are skipped.
editors:
	@tests/editors/fetch.sh
