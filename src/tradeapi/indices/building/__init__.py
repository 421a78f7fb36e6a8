"""Building indices: what is to be built, from which data, and how it becomes the next revision."""
