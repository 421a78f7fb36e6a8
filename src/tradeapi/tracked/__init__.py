"""Background jobs that whoever asked for them can watch and cancel: begin to read in `service`."""
