"""A leaf: where tracked links lead."""
