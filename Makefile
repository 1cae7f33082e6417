# Two commands matter: `make demo` and `make test`. Each prepares .venv by itself; nothing is needed
# but Python 3.11 to 3.13, make and a network.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed-from-lock

.DEFAULT_GOAL := help
POSTGRES15 = $(BIN)/python tools/with_postgres15.py $(BIN)/pytest -n 2 --dist loadfile -m 'database and not e2e and not browser and not long'

.PHONY: help setup demo up test test-long coverage test-postgres15 e2e check lint types format lock validate-focus bench bench-load bench-lock fuzz mutation-check screenshots clean

help:  ## Show what can be made
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Make .venv from requirements.lock (every other target does it when needed)

$(STAMP): requirements.lock pyproject.toml hatch_build.py staxpipe/scan/scanner.c
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"staxpipe needs Python 3.11, 3.12 or 3.13; $(PYTHON) is {v[0]}.{v[1]}. Try: make PYTHON=python3.12 setup")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python has no venv module. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock:  ## Resolve requirements.lock anew from pyproject.toml
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/python -m pip install --quiet uv
	$(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras --group dev \
		--no-header --no-annotate --upgrade pyproject.toml -o requirements.lock

demo: $(STAMP)  ## The whole way against an emulated AWS; ONCE=1 ends when the cost table is there, MISTAKES=1 shows what goes wrong
	$(BIN)/staxpipe demo $(if $(ONCE),--once) $(if $(MISTAKES),--mistakes)

up: $(STAMP)  ## Run staxpipe: Postgres, Dagster and the onboarding pages, until Ctrl-C
	$(BIN)/staxpipe up

test: $(STAMP)  ## Tests, all but the long ones, then those of the rooms that speak SQL once more on Debian's Postgres 15
	$(BIN)/pytest -n 2 --dist loadfile -m 'not e2e and not long'
	$(BIN)/pytest -m 'e2e and not long'
	$(POSTGRES15) $(addprefix staxpipe_tests/,db warehouse organization)

test-long: $(STAMP)  ## The tests that take minutes: every page in every state, every mistake, every format, the API's fuzzing
	$(BIN)/pytest -n 2 --dist loadfile -m 'long and not e2e'
	$(BIN)/pytest -m 'long and e2e'

coverage: $(STAMP)  ## All tests again, slower: which lines they reach
	$(BIN)/pytest -n 2 --dist loadfile -m 'not e2e' --cov=staxpipe --cov-report=
	$(BIN)/pytest -m e2e --cov=staxpipe --cov-append --cov-report=term --cov-fail-under=85

test-postgres15: $(STAMP)  ## Every test that needs Postgres, on Debian's Postgres 15
	$(POSTGRES15)

e2e: $(STAMP)  ## Only the tests that start every server
	$(BIN)/pytest -m e2e

check: lint types test test-long  ## What must be clean before a change is proposed

lint: $(STAMP)  ## Style and mistakes, by ruff
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP)  ## Types, by mypy
	$(BIN)/mypy

format: $(STAMP)  ## Put the code into its one form, and README's settings table and the role's template too
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python tools/readme_settings.py
	$(BIN)/python tools/role_template.py

BENCH     := .bench
BENCHMARK := $(BIN)/python -m benchmarks

bench: $(STAMP) $(BENCH)/venv/.installed-from-lock $(BENCH)/venv-focus-converter/.installed-from-lock  ## Measure everything, about an hour, and write docs/performance.md; QUICK=1 tries it in minutes
	$(BENCHMARK) $(if $(QUICK),--quick) $(if $(THOROUGH),--thorough) $(if $(ONLY),--only $(ONLY))

bench-load: $(STAMP)  ## Rows per second and peak memory of `staxpipe load`, 1 M and 5 M rows; AGAINST=checkout compares
	$(BIN)/python -m benchmarks.load $(if $(AGAINST),--against $(AGAINST))

$(BENCH)/venv/.installed-from-lock: benchmarks/requirements.lock
	$(PYTHON) -m venv $(BENCH)/venv
	$(BENCH)/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

# focus-converter needs a pyarrow that has no wheels for Python 3.13 and later. pyenv's own folder is looked into because
# its shims answer only to versions that are switched on. Where there is no such Python, the benchmark goes without it.
$(BENCH)/venv-focus-converter/.installed-from-lock: benchmarks/focus-converter.lock
	@mkdir -p $(@D)
	@set -e; for python in $(PYTHON) python3.11 python3.12 $(HOME)/.pyenv/versions/3.1[12]*/bin/python; do \
		if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then \
			"$$python" -m venv $(@D); \
			$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<; break; fi; done; \
	test -x $(@D)/bin/python || echo "focus-converter needs Python 3.11 or 3.12, and none was found: it is left out."
	@touch $@

bench-lock: $(STAMP)  ## Resolve the benchmarks' own lock files anew
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/python -m pip install --quiet uv
	sed -nE 's/^([A-Za-z0-9._-]+==[^ ]+.*[^ \\]) *\\?$$/\1/p' requirements.lock > $(VENV)/lock/product.txt
	for name in requirements focus-converter; do \
		$(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
			$$(test $$name = focus-converter || echo -c $(VENV)/lock/product.txt) benchmarks/$$name.in -o benchmarks/$$name.lock; done

fuzz: $(STAMP)  ## The native CSV scanner under AddressSanitizer against Python's csv module; SECONDS=300
	$(BIN)/python -m tools.fuzz_scanner --seconds $(or $(SECONDS),300)

mutation-check: $(STAMP)  ## Break each rule that money depends on, and see its tests fail
	$(BIN)/python tools/mutation_check.py

screenshots: $(STAMP)  ## All pages in all states, at two sizes, light and dark, into .screenshots; ONLY=deploy for some
	$(BIN)/python -m tools.screenshots $(ONLY)

clean:  ## Remove what tests and tools leave behind; .venv and data stay
	rm -rf .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find staxpipe staxpipe_tests -name __pycache__ -type d -prune -exec rm -rf {} +

VALIDATOR := .validate-focus

validate-focus: $(STAMP) $(VALIDATOR)/.installed  ## Run the official FOCUS validator on a generated month, or on FILE=x.parquet
	$(BIN)/python tools/validate_focus.py $(VALIDATOR) $(FILE)

# The validator needs Python 3.12 or 3.13 and a pyarrow older than ours: an environment of its own. pyenv's own folder
# is looked into because its shims answer only to versions that are switched on.
$(VALIDATOR)/.installed:
	@set -e; for python in python3.12 python3.13 $(HOME)/.pyenv/versions/3.12*/bin/python $(HOME)/.pyenv/versions/3.13*/bin/python; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
			"$$python" -m venv $(VALIDATOR); break; fi; done; \
	test -x $(VALIDATOR)/bin/python || { echo "focus-validator needs Python 3.12 or 3.13, and none was found."; exit 1; }
	$(VALIDATOR)/bin/python -m pip install --quiet --disable-pip-version-check 'focus-validator==2.2.1' 'pyarrow<22'
	@touch $@
