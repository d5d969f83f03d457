"""Faults on a running system under load, and the oracle that judges what is left of it."""
