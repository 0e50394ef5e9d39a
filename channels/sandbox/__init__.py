"""Servers that speak the providers' wire formats, for the demo and for tests."""
