"""Protocols that providers speak, for providers to share: SMTP, MIME, the sender's address. Knows nothing of accounts."""
