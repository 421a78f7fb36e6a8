"""Symbols, bars, quotes, ticks, calendars and providers."""
