"""Approval, seal, runs, deliveries: the ledger and the send pipeline."""
