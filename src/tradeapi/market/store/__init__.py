"""Where bars are kept: how they are written, folded, sealed and read."""
