"""Alerts: conditions on symbols, of which each crossing tells their owner once."""
