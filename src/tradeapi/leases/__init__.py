"""What one process at a time does, of all on one database: begin to read in `lease`."""
