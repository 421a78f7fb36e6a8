"""What the people who operate the service look at: health and metrics."""
