"""Recorded bars, sent to a running service as live trades."""
