"""Bars and ticks over HTTP."""
