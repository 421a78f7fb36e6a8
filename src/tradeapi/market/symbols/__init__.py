"""Symbols, their exchanges and their corporate actions."""
