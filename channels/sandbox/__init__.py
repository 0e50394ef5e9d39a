"""Servers that speak the providers' wire formats, for the demo and for tests.

The sandbox plays the world outside: its servers import nothing of ours, keep their own time and their own store, and are
reached over the wire only. What the rest of the house needs of it (accounts, outbox, player) stands beside them.
"""
