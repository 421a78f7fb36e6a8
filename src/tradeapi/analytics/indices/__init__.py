"""Indices as numbers: which constituents, at which weights, to which level."""
