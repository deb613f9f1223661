"""What a denoiser must beat, and what it could reach at best.

Every baseline is a function ``denoise(noisy, sample_rate)``.  Oracles also see the clean
signal, which no denoiser has, and show the ceiling of masking with the noisy phase.

=====================  ====================================================================
noisy                  the input itself
silence                zeros
constant gain          the best gain for the stated SNR, the same for all clips
spectral gating        the library noisereduce, stationary mode (Sainburg 2019)
Wiener                 decision-directed Wiener filter (Scalart and Vieira Filho 1996)
ideal ratio mask       sqrt(S / (S + N)) on power spectra (oracle)
oracle Wiener mask     S / (S + N) (oracle)
phase-sensitive mask   Re(X / Y), cut to 0..1 (oracle; Erdogan et al. 2015)
=====================  ====================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import noisereduce
import numpy as np

from lib.config import Config
from lib.features import istft, stft

__all__ = ["Method", "wiener", "spectral_gating", "oracle_mask", "standard_methods"]

WINDOW = {"n_fft": 256, "hop_length": 64}  # 32 ms at 8 kHz, as in the oracle literature


@dataclass(frozen=True)
class Method:
    """A named way to denoise; an oracle's function takes the clean signal as third argument."""

    name: str
    denoise: Callable[..., np.ndarray]
    oracle: bool = False


def spectral_gating(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    """Noisereduce's stationary spectral gate with a window that fits half-second clips."""
    return noisereduce.reduce_noise(
        y=noisy, sr=sample_rate, stationary=True, n_fft=WINDOW["n_fft"],
        hop_length=WINDOW["hop_length"],
    )  # fmt: skip


def wiener(
    noisy: np.ndarray, sample_rate: int, *, smoothing: float = 0.98, quietest: float = 0.2
) -> np.ndarray:
    """Wiener filter with the decision-directed estimate of the a-priori SNR.

    The noise power is taken as flat over frequency and measured in the quietest frames, since
    half a second of speech offers no pause to listen to the noise alone.

    Parameters
    ----------
    smoothing : float
        Weight of the previous frame's estimate.
    quietest : float
        Share of the frames whose mean power is taken for noise.
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


def oracle_mask(kind: str) -> Callable[..., np.ndarray]:
    """Return ``denoise(noisy, sample_rate, clean)`` for one of the three ideal masks.

    Parameters
    ----------
    kind : str
        "ratio", "Wiener" or "phase-sensitive".
    """

    def denoise(noisy, sample_rate, clean):
        X, Y = stft(clean, **WINDOW), stft(noisy, **WINDOW)
        speech, noise = np.abs(X) ** 2, np.abs(Y - X) ** 2
        tiny = np.finfo(float).tiny
        mask = {
            "ratio": lambda: np.sqrt(speech / (speech + noise + tiny)),
            "Wiener": lambda: speech / (speech + noise + tiny),
            "phase-sensitive": lambda: np.clip(
                np.real(X * np.conj(Y)) / (np.abs(Y) ** 2 + tiny), 0, 1
            ),
        }[kind]()
        return istft(mask * Y, **WINDOW, length=len(noisy))

    return denoise


def standard_methods(config: Config) -> list[Method]:
    """All methods that need no training, in the order of the report's tables."""
    snr = 10 ** (config.noise.snr_db / 10)
    gain = snr / (1 + snr)  # minimises the expected squared error
    return [
        Method("noisy", lambda noisy, sample_rate: noisy),
        Method("silence", lambda noisy, sample_rate: np.zeros_like(noisy)),
        Method("constant gain", lambda noisy, sample_rate: gain * noisy),
        Method("spectral gating", spectral_gating),
        Method("Wiener", wiener),
        Method("ideal ratio mask", oracle_mask("ratio"), oracle=True),
        Method("oracle Wiener mask", oracle_mask("Wiener"), oracle=True),
        Method("phase-sensitive mask", oracle_mask("phase-sensitive"), oracle=True),
    ]
