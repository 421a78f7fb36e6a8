"""Files of bars, symbols and corporate actions, taken in from the command line."""
