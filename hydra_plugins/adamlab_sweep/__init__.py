"""Sweeper and launchers for Hydra, which imports them at every start; they import nothing that is slow to load."""
