"""Writes: check, change, log, announce on commit. One module per noun."""
