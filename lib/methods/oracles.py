"""What masking with the noisy phase could reach at best: masks made with the clean signal.

No denoiser has that.  Each oracle is ``denoise(noisy, sample_rate, clean)``.
"""

from __future__ import annotations

import numpy as np

from lib.methods.classical import WINDOW
from lib.signals.stft import istft, stft

__all__ = ["ideal_mask"]


def ideal_mask(noisy: np.ndarray, sample_rate: int, clean: np.ndarray, *, kind: str) -> np.ndarray:
    """Denoise with one of the three ideal masks.

    Parameters
    ----------
    kind : str
        "ratio", "Wiener" or "phase-sensitive".
    """
    X, Y = stft(clean, **WINDOW), stft(noisy, **WINDOW)
    speech, noise = np.abs(X) ** 2, np.abs(Y - X) ** 2
    tiny = np.finfo(float).tiny
    mask = {
        "ratio": lambda: np.sqrt(speech / (speech + noise + tiny)),
        "Wiener": lambda: speech / (speech + noise + tiny),
        "phase-sensitive": lambda: np.clip(np.real(X * np.conj(Y)) / (np.abs(Y) ** 2 + tiny), 0, 1),
    }[kind]()
    return istft(mask * Y, **WINDOW, length=len(noisy))
