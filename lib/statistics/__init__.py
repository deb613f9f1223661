"""Confidence intervals over speakers, and permutation tests."""
