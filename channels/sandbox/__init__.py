"""Mail server and provider APIs on loopback, for demonstrations and tests: real protocols, and a record of what arrived."""
