"""Backups that are proven to restore: begin to read in `creating`, then `proving`."""
