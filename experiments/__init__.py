"""Experiments of the paper as commands, run from the checkout: `python -m experiments.NAME`."""
