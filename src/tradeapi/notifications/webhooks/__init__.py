"""Notifications to users' own servers, as https://www.standardwebhooks.com has it."""
