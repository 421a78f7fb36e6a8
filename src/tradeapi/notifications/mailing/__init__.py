"""Notifications by mail, as they come and once a day."""
