"""Runs that start from trained networks: their own, or somebody else's."""
