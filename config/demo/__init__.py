"""The demo: a shop with a year's calendar, on one machine, with a sandbox instead of the outside world."""
