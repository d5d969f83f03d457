"""Queries about the past: what they would have answered when the views stood at an earlier position (PROTOCOL Q4)."""
