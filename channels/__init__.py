"""How it gets there: the provider contract, accounts, webhooks."""
