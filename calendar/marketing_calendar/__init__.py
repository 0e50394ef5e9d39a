"""When: a view over plans."""
