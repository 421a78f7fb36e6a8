"""Notifications to browsers, by the push services of their makers: RFC 8030, 8291 and 8292."""
