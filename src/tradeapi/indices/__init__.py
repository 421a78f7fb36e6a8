"""Indices: defined, built from the bars of their constituents, and symbols like any other."""
