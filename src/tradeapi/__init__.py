"""Market-data backend for chart and trading front ends."""

__version__ = "0.1.0"
