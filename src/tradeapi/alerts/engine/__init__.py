"""Watches the market for all alerts there are; one process at a time does, under a lease."""
