"""Short-time Fourier transform (STFT) and its inverse.

Spectrograms follow librosa: complex, shape ``(n_fft // 2 + 1, frames)``, Hann window, centred
frames.  With a hop of at most half the window, the inverse is exact up to rounding.
"""

from __future__ import annotations

import librosa
import numpy as np

__all__ = ["stft", "istft", "round_trip_error_db", "level_db"]


def stft(y: np.ndarray, *, n_fft: int, hop_length: int) -> np.ndarray:
    """Return the complex spectrogram [shape=(n_fft // 2 + 1, 1 + len(y) // hop_length)] of `y`."""
    return librosa.stft(y, n_fft=n_fft, hop_length=hop_length)


def istft(S: np.ndarray, *, n_fft: int, hop_length: int, length: int) -> np.ndarray:
    """Return the waveform [shape=(length,)] of a complex spectrogram; the inverse of `stft`."""
    return librosa.istft(S, n_fft=n_fft, hop_length=hop_length, length=length)


def round_trip_error_db(y: np.ndarray, *, n_fft: int, hop_length: int) -> float:
    """Return the energy of ``istft(stft(y)) - y`` relative to `y` in dB; rounding is about -300."""
    S = stft(y, n_fft=n_fft, hop_length=hop_length)
    error = istft(S, n_fft=n_fft, hop_length=hop_length, length=len(y)) - y
    tiny = np.finfo(float).tiny
    return float(10 * np.log10((np.sum(error**2) + tiny) / np.sum(y**2)))


def level_db(S: np.ndarray, *, peak: float, range_db: float = 60.0) -> np.ndarray:
    """Return the level of a spectrogram in dB re the magnitude `peak`, floored at -`range_db`."""
    floor = 10 ** (-range_db / 20)
    return 20 * np.log10(np.maximum(np.abs(S) / peak, floor))
