"""Writes of this room that people do."""
