"""Compile the numba functions of librosa that the project uses: ``python -m lib.signals.compile``.

This takes half a minute and is part of the installation, when nothing else runs: processes that
compile the same function concurrently may leave a corrupt cache that crashes every process that
loads it (numba, issues 4807 and 10128).
"""

from __future__ import annotations

import librosa
import numpy as np

from lib.signals.stft import istft, stft

__all__ = ["compile_all"]


def compile_all() -> None:
    """Call each function once in every precision; functions cached on disk are not recompiled."""
    for dtype in (np.float32, np.float64):
        y = np.sin(np.arange(4000, dtype=dtype))
        istft(stft(y, n_fft=512, hop_length=128), n_fft=512, hop_length=128, length=len(y))
        librosa.pyin(y, fmin=60, fmax=400, sr=8000, frame_length=512)
        librosa.effects.trim(y, frame_length=160, hop_length=80)


if __name__ == "__main__":
    compile_all()
