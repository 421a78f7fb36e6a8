"""The newest prices."""
