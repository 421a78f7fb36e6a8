"""Work in the background: what is to be done later, again, or every so often."""
