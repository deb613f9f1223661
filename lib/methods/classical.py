"""Baselines without training, each ``denoise(noisy, sample_rate)``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.config import Config
from lib.signals.stft import istft, stft

__all__ = ["WINDOW", "constant_gain", "silence", "spectral_gating", "unchanged", "wiener"]

WINDOW = {"n_fft": 256, "hop_length": 64}  # 32 ms at 8 kHz, as in the oracle literature


def unchanged(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the input unchanged."""
    return noisy


def silence(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return zeros."""
    return np.zeros_like(noisy)


def constant_gain(config: Config) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return a ``denoise`` that applies the best constant gain for the configured SNR."""
    snr = 10 ** (config.noise.snr_db / 10)
    gain = snr / (1 + snr)  # minimises the expected squared error
    return lambda noisy, sample_rate: gain * noisy


def spectral_gating(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    """Apply noisereduce's stationary spectral gate with a window suited to half-second clips."""
    import noisereduce  # slow: takes a second

    return noisereduce.reduce_noise(
        y=noisy, sr=sample_rate, stationary=True, n_fft=WINDOW["n_fft"],
        hop_length=WINDOW["hop_length"],
    )  # fmt: skip


def wiener(
    noisy: np.ndarray, sample_rate: int, *, smoothing: float = 0.98, quietest: float = 0.2
) -> np.ndarray:
    """Apply a Wiener filter with the decision-directed estimate of the a priori SNR.

    The noise power is assumed to be flat over frequency and is estimated as a low quantile of the
    frame power, since half a second of speech has no pause in which to measure the noise alone.

    Parameters
    ----------
    smoothing : float
        Weight of the previous frame's estimate.
    quietest : float
        Quantile of the frame power that is taken as the noise power.
    """
    Y = stft(noisy, **WINDOW)
    power = np.abs(Y) ** 2
    frame_power = power[1:-1].mean(axis=0)
    least = max(1e-10 * frame_power.max(), np.finfo(float).tiny)  # pauses may be digital zeros
    noise_power = max(np.quantile(frame_power, quietest), least)
    posterior = power / noise_power
    gain = np.ones(power.shape)
    previous = np.maximum(posterior[:, 0] - 1, 0)
    for t in range(power.shape[1]):
        prior = smoothing * previous + (1 - smoothing) * np.maximum(posterior[:, t] - 1, 0)
        prior = np.maximum(prior, 10 ** (-25 / 10))
        gain[:, t] = prior / (1 + prior)
        previous = gain[:, t] ** 2 * posterior[:, t]
    return istft(gain * Y, **WINDOW, length=len(noisy))
