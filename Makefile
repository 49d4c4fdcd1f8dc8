# What you do most often, with the tools of the active environment.
.PHONY: test lint docs bench

test:
	pytest

lint:
	ruff check .
	ruff format --check .
	codespell
	mypy

docs:
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

bench:
	python benchmarks/run.py --quick
