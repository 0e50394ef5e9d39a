"""What is promised as a ratio, measured: ``uv run python -m benchmarks [NAME …] [--json] [--short] [--write]``.

Every file in `benchmarks.cases` holds one path of the product with its reference beside it, and lists its `Benchmark`s in
``BENCHMARKS``. The two are run in turns (A B A B), because a machine is never twice the same; what counts is the median of
the ratios. `benchmarks.frame` runs and judges, `benchmarks.tools` has what cases share.
"""
