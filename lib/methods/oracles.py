"""Ideal masks, computed from the clean signal: the limit of masking with the noisy phase.

No real denoiser has access to that.  Each oracle is ``denoise(noisy, sample_rate, clean)``.
"""

from __future__ import annotations

import numpy as np

from lib.methods.classical import WINDOW
from lib.signals.stft import istft, stft

__all__ = ["ideal_mask", "mask_of"]


def mask_of(X: np.ndarray, Y: np.ndarray, *, kind: str) -> np.ndarray:
    """Return the ideal mask, between 0 and 1, of a noisy spectrogram `Y` with clean speech `X`.

    Parameters
    ----------
    X, Y : np.ndarray [shape=(bins, frames), complex]
    kind : str
        "ratio", "Wiener" or "phase-sensitive".
    """
    speech, noise = np.abs(X) ** 2, np.abs(Y - X) ** 2
    tiny = np.finfo(float).tiny
    return {
        "ratio": lambda: np.sqrt(speech / (speech + noise + tiny)),
        "Wiener": lambda: speech / (speech + noise + tiny),
        "phase-sensitive": lambda: np.clip(np.real(X * np.conj(Y)) / (np.abs(Y) ** 2 + tiny), 0, 1),
    }[kind]()


def ideal_mask(noisy: np.ndarray, sample_rate: int, clean: np.ndarray, *, kind: str) -> np.ndarray:
    """Denoise with one of the three ideal masks of `mask_of`."""
    X, Y = stft(clean, **WINDOW), stft(noisy, **WINDOW)
    return istft(mask_of(X, Y, kind=kind) * Y, **WINDOW, length=len(noisy))
