"""The door for what providers tell us."""
