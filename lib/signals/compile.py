"""Have numba compile what the project calls of librosa, as ``python -m lib.signals.compile``.

The installation does it, while nothing else runs: it takes half a minute, and processes that
compile the same function at a time may leave a mixture on disk which crashes whoever loads it
(numba, issues 4807 and 10128).
"""

from __future__ import annotations

import librosa
import numpy as np

from lib.signals.stft import istft, stft

__all__ = ["compile_all"]


def compile_all() -> None:
    """Call each function once in every precision; what is on disk is not compiled again."""
    for dtype in (np.float32, np.float64):
        y = np.sin(np.arange(4000, dtype=dtype))
        istft(stft(y, n_fft=512, hop_length=128), n_fft=512, hop_length=128, length=len(y))
        librosa.pyin(y, fmin=60, fmax=400, sr=8000, frame_length=512)
        librosa.effects.trim(y, frame_length=160, hop_length=80)


if __name__ == "__main__":
    compile_all()
