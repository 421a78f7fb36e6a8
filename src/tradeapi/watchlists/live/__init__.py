"""Watchlists as they change and their prices do, for whoever follows them."""
