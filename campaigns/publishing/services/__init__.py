"""Writes of the ledger: each checks, changes, logs, and announces on commit."""
