"""Providers, found by their modules."""
