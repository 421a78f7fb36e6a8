"""Charts as they change, for whoever follows them."""
