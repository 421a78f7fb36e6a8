"""The tests, and the throw-away servers they run against."""
