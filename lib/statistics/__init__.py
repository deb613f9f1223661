"""Intervals over speakers, and permutation tests."""
