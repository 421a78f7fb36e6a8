.PHONY: run test bench check lint types contracts dist dev

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

# What a release consists of: the wheel, its sources, and the list of what it brings along.
dist: export PATH := $(PATH):$(CURDIR)/.venv/uv/bin
dist: dev
	@rm -rf dist
	@uv build --quiet
	@tools/sbom >dist/sbom.cdx.json
	@ls dist

dev:
	@tools/bootstrap dev
