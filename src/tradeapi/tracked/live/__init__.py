"""Jobs as they go on, for whoever follows them."""
