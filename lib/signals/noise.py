"""Noise generators, and the mixing of speech and noise at a given SNR.

SNRs are energy ratios over the *whole* arrays [shape=(n,)]: pass a clip without its padding, DC and
rumble, or these count as speech.  A new noise type is a function and a line in `NOISES`; babble
requires other talkers, so it occurs only in the SNR sweep.
"""

from __future__ import annotations

import hashlib

import numpy as np

from lib.errors import InputError

__all__ = [
    "FEWEST_TALKERS",
    "NOISES",
    "white_noise",
    "coloured_noise",
    "babble_noise",
    "mix_at_snr",
    "clip_rng",
    "make_noise",
]

FEWEST_TALKERS = 3  # fewer do not make babble


def clip_rng(seed: int, clip_id: str, condition: str) -> np.random.Generator:
    """Return the generator of one clip and condition, independent of whatever else is computed."""
    digest = hashlib.sha256(f"{seed}|{clip_id}|{condition}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def white_noise(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` samples of Gaussian noise with a flat spectrum."""
    return rng.standard_normal(n)


def coloured_noise(n: int, rng: np.random.Generator, *, exponent: float) -> np.ndarray:
    """Return `n` samples of Gaussian noise whose power falls as 1 / frequency ** `exponent`."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    k = np.arange(len(spectrum))
    spectrum *= np.where(k > 0, np.maximum(k, 1) ** (-exponent / 2), 0.0)
    noise = np.fft.irfft(spectrum, n)
    return noise / max(np.std(noise), np.finfo(float).tiny)


def pink_noise(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` samples of Gaussian noise whose power falls by 3 dB per octave (1/f)."""
    return coloured_noise(n, rng, exponent=1.0)


def babble_noise(n: int, rng: np.random.Generator, talkers: list[np.ndarray]) -> np.ndarray:
    """Return `n` samples of several talkers at once, at equal levels and from random starts.

    `talkers` are at least `FEWEST_TALKERS` recordings, none of the speaker to be denoised.
    """
    if len(talkers) < FEWEST_TALKERS:
        raise InputError(f"Babble needs at least {FEWEST_TALKERS} talkers, got {len(talkers)}.")
    babble = np.zeros(n)
    for speech in talkers:
        looped = np.resize(np.roll(speech, rng.integers(len(speech))), n)
        babble += looped / max(np.sqrt(np.mean(looped**2)), np.finfo(float).tiny)
    return babble


NOISES = {
    "white": white_noise,
    "pink": pink_noise,
}


def make_noise(
    kind: str, n: int, rng: np.random.Generator, talkers: list[np.ndarray] | None = None
) -> np.ndarray:
    """Return `n` samples of a noise: a `kind` in `NOISES`, or "babble" made from `talkers`."""
    if kind == "babble":
        return babble_noise(n, rng, talkers or [])
    if kind not in NOISES:
        raise InputError(f"Unknown noise {kind!r}; choose one of {', '.join(NOISES)}, babble.")
    return NOISES[kind](n, rng)


def mix_at_snr(clean: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    r"""Add `noise` to `clean`, scaled to the exact signal-to-noise ratio.

    .. math:: y = x + g\,w, \qquad g = \sqrt{\|x\|^2 / (\|w\|^2\,10^{\mathrm{SNR}/10})}

    The result is not clipped or rescaled.  Raises InputError if the shapes [(n,)] differ, or if one
    signal is silent, since no gain gives the ratio then.

    >>> mix_at_snr(np.array([1.0, -1.0]), np.array([1.0, 1.0]), 0.0).tolist()
    [2.0, 0.0]
    """
    clean, noise = np.asarray(clean, dtype=float), np.asarray(noise, dtype=float)
    if clean.shape != noise.shape:
        raise InputError(f"Speech and noise differ in shape: {clean.shape} and {noise.shape}.")
    speech_energy, noise_energy = np.sum(clean**2), np.sum(noise**2)
    if speech_energy == 0 or noise_energy == 0:
        silent = "speech" if speech_energy == 0 else "noise"
        raise InputError(f"The {silent} is silent: no gain gives an SNR of {snr_db} dB.")
    gain = np.sqrt(speech_energy / (noise_energy * 10 ** (snr_db / 10)))
    return clean + gain * noise
