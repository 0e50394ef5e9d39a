"""People, consent, segments."""
