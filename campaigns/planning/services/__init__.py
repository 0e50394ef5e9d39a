"""Writes of this room, by noun: each checks, changes, logs, and announces on commit."""
