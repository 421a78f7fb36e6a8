"""Where market data comes from by itself."""
