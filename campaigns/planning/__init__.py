"""Campaigns, stages, publications: the intention."""
