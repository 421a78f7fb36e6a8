"""Notifications as they come, for whoever follows theirs."""
