"""Files of bars, symbols, corporate actions and shares, taken in from the command line."""
