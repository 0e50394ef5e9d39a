"""The wiring: settings, addresses, processes. The only room that knows every other."""
