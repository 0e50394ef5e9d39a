"""Offers, which are facts, and orders."""
