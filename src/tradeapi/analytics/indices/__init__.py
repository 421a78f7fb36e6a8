"""What indices are: how well they did, at what risk, and because of what."""
