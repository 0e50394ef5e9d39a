"""The admin edge: screens of campaigns, occasions and publications, by noun."""
