"""What indices are worth during a session; one process at a time computes it, under a lease."""
