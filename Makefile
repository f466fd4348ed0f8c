# README's two commands are `make demo` and `make test`; the rest are their parts.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
PYTEST := $(BIN)/pytest -q
# a topology's name: which Molecule scenario `make molecule` runs
SCENARIO ?= mirrored-3node

.PHONY: demo test test-all fast lint unit fuzz kills lab molecule matrix matrix-lab benchmark audit environment engine browser engine-stop image clean

demo: environment engine  ## A cluster of three brokers behind two load balancers, and its first failover test
	$(BIN)/mqctl deploy mirrored-3node
	$(BIN)/mqctl failover-test mirrored-3node -s kill-queue-leader -s power-off-vip-holder

test: fast lab molecule  ## What a change must pass

test-all: test matrix  ## And every other topology: hours on a small machine

fast: lint unit  ## No engine, no root: what every commit passes

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint

unit: environment
	$(PYTEST) tests/unit tests/errors tests/golden tests/fuzz -n 2

fuzz: environment  ## Twenty thousand mutants of the bundled inventories, others each night
	$(BIN)/python -m tests.fuzz --cases 20000 --first $$(date +%Y%m%d0000)

kills: environment engine  ## Fifty deploys that are killed, each by another seed; an hour and a half
	$(BIN)/python -m tests.lab.kills --seeds 1-50

lab: environment engine browser  ## On real containers, and the report in a real browser
	$(PYTEST) --durations 15 -m 'not matrix' -n 2 --dist loadfile tests/lab

molecule: environment engine
	$(BIN)/molecule test --scenario-name $(SCENARIO)

matrix: matrix-lab  ## The topologies and the long scenarios that `make test` leaves out
	for scenario in $$(ls molecule | grep -v -x -e default -e shared -e mirrored-3node); do \
		$(MAKE) molecule SCENARIO="$$scenario" || exit 1; done

matrix-lab: environment engine
	$(PYTEST) --durations 15 -m matrix tests/lab

benchmark: environment engine  ## Ratios measured in one run, see docs/performance.md
	failed=; for one in deploy change scale failover_workload; do \
		$(BIN)/python benchmarks/$$one.py || failed="$$failed $$one"; done; \
	test -z "$$failed" || { echo "a goal is missed in:$$failed"; exit 1; }

audit: environment  ## Secrets in git's files, and known weaknesses of what is installed; asks the network
	tools/audit

environment: .venv/installed

.venv/installed: pyproject.toml tools/environment
	PYTHON=$(PYTHON) tools/environment

engine:
	tools/engine

browser:
	tools/browser

engine-stop:  ## Ends the engine that `make engine` started, and no other
	test ! -f /run/mqctl-dockerd.pid || { kill "$$(cat /run/mqctl-dockerd.pid)"; rm /run/mqctl-dockerd.pid; }

clean:
	rm -rf .venv build dist reports .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
