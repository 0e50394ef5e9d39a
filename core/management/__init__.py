"""Commands of the shared ground."""
