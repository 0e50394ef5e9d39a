"""The shared ground: clock, ids, signing, money, transitions, errors, users and markets."""
