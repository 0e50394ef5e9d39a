"""Hits, attribution, results, reviews."""
