"""Builds of indices as they are published, for whoever follows them."""
