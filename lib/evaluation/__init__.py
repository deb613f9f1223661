"""Evaluation: scores on waveforms, comparison of methods, other noise, computational cost."""
