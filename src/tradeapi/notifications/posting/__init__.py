"""Requests to addresses that users have named: sent to the public network, and nowhere else."""
