# run: the service for example.org in var/, with its console.   test: every test.   check: lint, types, imports, tests.
# bench: against Postfix, side by side; BENCH_RUNS=n, and BENCH="local_mailbox relay" for some of the rows.
# pictures: of every screen, into screens/pictures, from the demonstration.
VENV := .venv
BIN  := $(VENV)/bin

# The system's Python first: Debian builds it with profile-guided optimisation, which is worth an eighth of the speed.
ifndef PYTHON
PYTHON := $(shell for python in /usr/bin/python3 python3; do \
    $$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
endif

.PHONY: run test check lint bench pictures clean

run: $(VENV)/installed
	$(BIN)/python -m mailconsole demo

test: $(VENV)/installed
	$(BIN)/pytest --numprocesses auto --dist loadfile

lint: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

bench: $(VENV)/installed
	$(BIN)/python -m tests.bench $(BENCH)

pictures: $(VENV)/installed
	$(BIN)/python -m tests.pictures

$(VENV)/installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, with its venv: apt-get install python3 python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) var dist build
