"""The routes of the equal-weight index tracker, for clients of it: about one index, `EW100`."""
