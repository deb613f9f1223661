"""How good: scores on waveforms, method against method, other noise, and what it costs."""
