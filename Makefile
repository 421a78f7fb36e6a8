.PHONY: run test bench check lint types contracts dev

run:
	@tools/bootstrap
	@exec .venv/bin/tradeapi serve

# With the bytecode of the tests kept each worker begins five seconds earlier.
unexport PYTHONDONTWRITEBYTECODE

test: dev
	@.venv/bin/python -m pytest --numprocesses=logical --dist=worksteal

# Which of them, if not all: make bench NAMES="history kept"
bench: dev
	@.venv/bin/python -m benchmarks $(NAMES)

check: lint types contracts

lint: dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types: dev
	.venv/bin/mypy

contracts: dev
	.venv/bin/lint-imports --no-logo

dev:
	@tools/bootstrap dev
