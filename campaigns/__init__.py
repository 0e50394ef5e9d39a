"""Why, to whom, and what came of it."""
