"""What indices hold, and how that changes."""
