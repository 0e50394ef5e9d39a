"""Tests, at the interfaces we promise."""
