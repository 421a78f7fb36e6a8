"""Charts that are kept for their owners: documents, and the points of their series."""
