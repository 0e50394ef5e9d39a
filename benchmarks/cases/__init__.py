"""One file per path that is measured, with its reference beside it; found by their ``BENCHMARKS``."""
