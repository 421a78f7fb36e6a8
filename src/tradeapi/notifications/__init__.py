"""What users are told: their inbox, and the ways on which it reaches them elsewhere."""
