"""Writes: accounts and events."""
