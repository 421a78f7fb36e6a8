"""What is done in the background, by any process that plays the role: begin to read in `port`."""
