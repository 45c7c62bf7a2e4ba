# make demo    take in the history of this checkout, and ask it something
# make test    style, documentation and tests
# make bench   compare with SQLite, DuckDB and others: benchmarks/RESULTS.md
# make docs    the documentation: docs/_build/html/index.html
# make dist    the archives of a release
#
# Each makes what it needs in .venv by itself.  Another Python:
# make test PYTHON=python3.13

PYTHON ?= python3
VENV ?= .venv

BIN := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c 'import sys; v = sys.version_info; \
  print("%d.%d.%d" % v[:3] if v >= (3, 10) else "")')
ifeq ($(VERSION),)
$(error PYTHON=$(PYTHON) is no Python of 3.10 or later)
endif
MADE := $(VENV)/made-by-python-$(VERSION)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable
# All pages each time: a page that is not read again keeps its warnings to itself.
SPHINX := $(BIN)/python -m sphinx -q -E -W --keep-going -b html docs docs/_build/html

.NOTPARALLEL:
.PHONY: demo demo-history test bench docs dist clean

demo: $(VENV)/has-cli
	@mkdir -p var && rm -f var/demo.fs*
	@$(BIN)/python -m trackstore.demo var/demo.fs

test: $(VENV)/has-test
	$(BIN)/ruff check .
	$(SPHINX)
	$(BIN)/python -m pytest

bench: $(VENV)/has-test $(VENV)/has-bench
	@# of its packages the tracker, which is compared, needs none but pytz
	$(BIN)/python -m pip install --quiet --no-deps event-tracking==4.0.2
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.events --write

docs: $(VENV)/has-docs
	$(SPHINX)
	@echo "The documentation is in docs/_build/html/index.html"

# A release has no git: it carries an export of the history for its demo.
demo-history: $(VENV)/has-cli
	$(BIN)/python -m trackstore.demo --export

dist: demo-history
	rm -rf build dist
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	$(BIN)/python -m build

clean:
	@test ! -e $(VENV)/of-trackstore || rm -rf $(VENV)
	rm -rf build dist docs/_build var *.egg-info

# A stamp for each extra that has been installed.
$(VENV)/has-%: $(MADE) setup.py
	$(INSTALL) '.[$*]'
	@touch $@

# Made anew where another Python had made it; what is somebody else's stays.
$(MADE):
	@test ! -e $(VENV) -o -e $(VENV)/of-trackstore || { \
	  echo "$(VENV) was not made by this Makefile; try VENV=.venv-make"; exit 1; }
	rm -rf $(VENV)
	mkdir -p $(VENV)
	@touch $(VENV)/of-trackstore
	$(PYTHON) -m venv $(VENV)
	@touch $@

.PRECIOUS: $(VENV)/has-%
