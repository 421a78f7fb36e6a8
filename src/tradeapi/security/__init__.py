"""Secrets, passwords, access tokens and API keys: what they are, not whose."""
