"""Watchlists: symbols that somebody keeps an eye on, and their prices."""
