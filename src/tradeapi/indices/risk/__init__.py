"""Where the returns and the risk of indices come from."""
