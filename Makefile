# make demo   install into .venv and watch a liquid network learn
# make test   the whole test suite          make lint   style, types, floors
# make setup  install for development       make clean  remove all that make made
#
# Needs python3 (3.11 or newer), make and a C++ compiler; the rest comes with pip, at the versions in constraints.txt.
# The first call installs. A later one does so again only after a change to the files in $(SETUP) or in the list of
# modules: edits to Python files count at once.
PYTHON ?= python3
VENV = .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
SETUP = Makefile pyproject.toml constraints.txt CMakeLists.txt $(wildcard csrc/*) $(VENV)/modules

.PHONY: demo test lint setup clean modules
demo: $(VENV)/installed
	$(VENV)/bin/tauflow demo

# Two processes of one thread each: tests are small, and numbers don't depend on the number of threads.
test: $(VENV)/installed-test
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2

lint: $(VENV)/installed-test
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

setup: $(VENV)/installed-test

$(VENV)/installed: $(SETUP)
	$(PIP) install -q -c constraints.txt scikit-build-core nanobind cmake ninja
	$(PIP) install -c constraints.txt --no-build-isolation -e .
	touch $@

$(VENV)/installed-test: $(SETUP)
	$(PIP) install -q -c constraints.txt scikit-build-core nanobind cmake ninja
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[test]'
	touch $(VENV)/installed $@

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "tauflow needs Python's venv module. Debian, Ubuntu: sudo apt install python3-venv" >&2; exit 1; }

# The editable installation knows each module by name: a module that comes or goes asks for a new one.
modules: | $(VENV)/bin/pip
$(VENV)/modules: modules
	@find src -name '*.py' | sort | cmp -s - $@ || find src -name '*.py' | sort > $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
