.PHONY: run test check lint types contracts dev

run:
	@tools/bootstrap
	@exec .venv/bin/tradeapi serve

test: dev
	@.venv/bin/python -m pytest --numprocesses=logical --dist=worksteal

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
