"""A copy of everything that cannot be made again (database, media, keys), and putting it back."""
