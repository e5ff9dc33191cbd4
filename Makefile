# make demo   install into .venv and watch a liquid network learn
# make test   the whole test suite          make lint   style, types, floors
# make setup  install for development       make clean  remove all that make made
#
# The order of the tests is drawn, and its seed printed: make test SEED=1 repeats it. make test TESTS="-m 'not slow'" or
# TESTS=tests/test_ltc.py runs a part. TAUFLOW_ISA=scalar ATEN_CPU_CAPABILITY=default make test is an older processor.
#
# make mutants             breaks the package in 180 ways, and prints the share that the tests notice (half an hour)
# make test-lowest         the quick tests with the oldest dependencies that pyproject.toml promises to work with
# make verify              are the files that pip would install those of hashes.txt?
#
# Of the C++ core, for those who change it; each builds in build/ alone, and says what it does:
# make sanitize            its tests and threads under the sanitizers of GCC (some minutes)
# make fuzz SECONDS=600    calls made up by libFuzzer, which is part of Clang
# make arm                 the code for ARM, compiled and run by an emulator, against this machine's numbers
#
# Needs python3 (3.11 or newer), make and a C++ compiler; the rest comes with pip, at the versions in constraints.txt.
# The first call installs. A later one does so again only after a change to the files in $(SETUP) or in the list of
# modules: edits to Python files count at once.
PYTHON ?= python3
VENV = .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
BUILDERS = scikit-build-core nanobind cmake ninja
SETUP = Makefile pyproject.toml constraints.txt CMakeLists.txt $(wildcard csrc/*) $(VENV)/modules

.PHONY: demo docs test test-lowest lint setup verify mutants clean modules sanitize fuzz fuzz-files arm
demo: $(VENV)/installed
	$(VENV)/bin/tauflow demo

# Two processes of one thread each: tests are small, and numbers don't depend on the number of threads.
test: $(VENV)/installed-test
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist worksteal $(if $(SEED),--randomly-seed=$(SEED)) $(TESTS)

mutants: $(VENV)/installed-test
	$(VENV)/bin/python -m tests.mutants $(if $(SEED),--seed $(SEED)) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(NEEDED),--needed $(NEEDED))

LOWEST = build/lowest
test-lowest:
	$(PYTHON) -m venv --clear $(LOWEST)
	$(PYTHON) tests/lowest.py $(TORCH) > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install -q -c constraints.txt $(BUILDERS)
	$(PYTHON) tests/lowest.py --tools > $(LOWEST)/tools.txt
	$(LOWEST)/bin/python -m pip install -q --prefer-binary -c $(LOWEST)/lowest.txt --no-build-isolation '.[parquet]' -r $(LOWEST)/tools.txt
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -n 2 -m 'not slow' \
	  $(patsubst %,--ignore tests/test_%.py,build install benchmarks paper versus docs_site)

lint: $(VENV)/installed-test
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

setup: $(VENV)/installed-test

# The site: every equation of the primer and every tutorial runs as it is built. A warning is an error.
docs: $(VENV)/installed-docs
	$(VENV)/bin/codespell docs examples src benchmarks $(wildcard *.md)
	OMP_NUM_THREADS=1 PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/sphinx-build -W --keep-going -b html docs build/docs

REPORT = $(PIP) install -q --dry-run --ignore-installed --report build/report.json -c constraints.txt --no-build-isolation
verify: $(VENV)/installed-test
	mkdir -p build
	$(REPORT) $(BUILDERS) -e '.[test]'
	$(VENV)/bin/python tests/hashes.py build/report.json $(WRITE)

sanitize: $(VENV)/installed-test
	VENV=$(VENV) tests/native/sanitize.sh

# First the corpus that is kept with the tests: calls and chains that reach all code the fuzzer has found; then new ones from there on.
# A call that fails is kept in build/fuzz/ as crash-...: `build/fuzz/tests/native/fuzz build/fuzz/crash-...` repeats it.
SECONDS ?= 60
CLANG ?= clang++
NATIVE = -G Ninja -DSKBUILD_PROJECT_VERSION=0 -DTAUFLOW_PYTHON=OFF -DTAUFLOW_NATIVE=ON
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

fuzz: $(VENV)/installed-test
	@command -v $(CLANG) >/dev/null || { echo "The fuzzer is part of Clang, and there is no $(CLANG) here: sudo apt install clang," \
	  "or make fuzz CLANG=/path/to/clang++" >&2; exit 1; }
	cmake -S . -B build/fuzz $(NATIVE) -DTAUFLOW_MARCH=native -DCMAKE_CXX_COMPILER=$(CLANG) \
	  -DTAUFLOW_SANITIZE=fuzzer-no-link,address,undefined
	cmake --build build/fuzz
	mkdir -p build/fuzz/corpus
	build/fuzz/tests/native/fuzz -runs=0 -verbosity=0 tests/native/corpus
	build/fuzz/tests/native/fuzz -max_len=160 -len_control=0 -max_total_time=$(SECONDS) -artifact_prefix=build/fuzz/ -print_final_stats=1 \
	  -verbosity=0 build/fuzz/corpus tests/native/corpus

# Model files, forecasters and checkpoints, edited at random. A file that breaks a reader is kept in build/fuzz-files/.
fuzz-files: $(VENV)/installed-test
	$(VENV)/bin/python -m tests.fuzz_files --seconds $(SECONDS)

ARM = aarch64-linux-gnu
arm: $(VENV)/installed-test
	@command -v $(ARM)-g++ >/dev/null && command -v qemu-aarch64 >/dev/null || { echo "make arm needs a compiler and an" \
	  "emulator for ARM: sudo apt install g++-$(ARM) qemu-user" >&2; exit 1; }
	cmake -S . -B build/here $(NATIVE)
	cmake --build build/here
	cmake -S . -B build/arm $(NATIVE) -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=$(ARM)-g++
	cmake --build build/arm
	build/here/tests/native/drive write 500 build/here/numbers
	qemu-aarch64 -L /usr/$(ARM) build/arm/tests/native/drive compare 500 build/here/numbers

$(VENV)/installed: $(SETUP)
	$(PIP) install -q -c constraints.txt $(BUILDERS)
	$(PIP) install -c constraints.txt --no-build-isolation -e .
	touch $@

$(VENV)/installed-test: $(SETUP)
	$(PIP) install -q -c constraints.txt $(BUILDERS)
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[test]'
	touch $(VENV)/installed $@

$(VENV)/installed-docs: $(VENV)/installed
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[docs]'
	touch $@

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "tauflow needs Python's venv module. Debian, Ubuntu: sudo apt install python3-venv" >&2; exit 1; }

# The editable installation knows each module by name: a module that comes or goes asks for a new one.
modules: | $(VENV)/bin/pip
$(VENV)/modules: modules
	@find src -name '*.py' | sort | cmp -s - $@ || find src -name '*.py' | sort > $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
