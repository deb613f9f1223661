"""Read, resample, filter and measure audio signals.

A signal `y` is mono float64 [shape=(n,)] with full scale at 1.0; `sample_rate` is in Hz.  Levels
are in dB relative to full scale (a full-scale sine has -3.01 dBFS) and should be measured once DC
and rumble have been removed.  Shares, of the energy or of the samples, lie between 0 and 1.
"""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import scipy.fft
import scipy.signal
import soxr

from lib.errors import InputError
from lib.signals.recording import read_whole

__all__ = [
    "MEAN",
    "read_audio",
    "choose_channel",
    "mix_down",
    "resample",
    "remove_dc_and_rumble",
    "require_rate",
    "fix_length",
    "loudest_window",
    "rms_dbfs",
    "peak",
    "dc_share",
    "rumble_share",
    "noise_floor_db",
    "dynamic_range_db",
    "word_bounds",
    "clipped_share",
]

FRAME_S = 0.02  # s; length of the frames whose power is measured
CLIPPED = 0.999  # of full scale
MEAN = -1  # stands for the mean, in place of a channel's index
LOSS_DB = 4.5  # between the loss of two uncorrelated channels (3 dB) and of a silent one (6 dB)
RANGE_FRAMES = 10  # number of loudest and of quietest frames that define the dynamic range
WORD_DB = 30.0  # frames further below a clip's loudest one are not part of the word
RUMBLE_HZ = 50.0  # no speech lies below; channels are compared above


def read_audio(path: str | Path, channel: int | None = None) -> tuple[np.ndarray, int]:
    """Read a complete audio file as mono; return `y` and its sample rate in Hz.

    `channel` is as in `mix_down`; by default `choose_channel` decides.  Errors as in `read_whole`.
    """
    recording = read_whole(path)
    samples, rate = recording.samples, recording.sample_rate
    return mix_down(samples, choose_channel(samples, rate) if channel is None else channel), rate


def choose_channel(samples: np.ndarray, sample_rate: int) -> int:
    """Return `MEAN`, or the index of the loudest channel where averaging loses its signal.

    Channels in opposite phase average to silence, a silent channel halves the amplitude, and two
    uncorrelated channels lose 3 dB.  `samples` [shape=(n, channels)] may contain DC and rumble.
    """
    if samples.shape[1] == 1:
        return MEAN
    heard = samples.T - samples.mean(axis=0)[:, None]
    if sample_rate > 2 * RUMBLE_HZ:
        heard = np.stack([remove_dc_and_rumble(y, sample_rate, RUMBLE_HZ) for y in heard])
    with np.errstate(over="ignore"):
        powers = np.mean(np.square(heard), axis=1)
        mean = np.mean(np.square(heard.mean(axis=0)))
    lost = mean * 10 ** (LOSS_DB / 10) < powers.max()
    return int(np.argmax(powers)) if lost else MEAN


def mix_down(samples: np.ndarray, channel: int) -> np.ndarray:
    """Return one channel [shape=(n,)] of `samples` [shape=(n, channels)], or the mean (`MEAN`)."""
    return samples.mean(axis=1) if channel == MEAN else samples[:, channel]


def resample(y: np.ndarray, orig: int, target: int) -> np.ndarray:
    """Resample `y` from `orig` to `target` Hz (soxr HQ, band-limited)."""
    if orig <= 0 or target <= 0:
        raise InputError(f"Sample rates must be positive, got {orig} and {target} Hz.")
    return y if orig == target else soxr.resample(y, orig, target, quality="HQ")


def require_rate(sample_rate: int, expected: int) -> None:
    """Raise InputError unless the sample rate is the working rate of the denoiser, both in Hz."""
    if sample_rate != expected:
        raise InputError(f"This denoiser works at {expected} Hz, got {sample_rate} Hz.")


def remove_dc_and_rumble(y: np.ndarray, sample_rate: int, highpass_hz: float) -> np.ndarray:
    """Remove the DC offset and everything below `highpass_hz`, without phase shift.

    A fourth-order Butterworth high-pass, applied forwards and backwards: -6 dB at `highpass_hz`,
    48 dB per octave below.  Raises InputError unless 0 < `highpass_hz` < `sample_rate` / 2.
    """
    if not 0 < highpass_hz < sample_rate / 2:
        raise InputError(
            f"highpass_hz={highpass_hz} must lie between 0 and half of the rate {sample_rate} Hz."
        )
    sections = scipy.signal.butter(4, highpass_hz, "highpass", fs=sample_rate, output="sos")
    padding = min(len(y) - 1, round(2 * sample_rate / highpass_hz))
    return scipy.signal.sosfiltfilt(sections, y, padlen=padding)


def fix_length(y: np.ndarray, n: int) -> np.ndarray:
    """Return `y` with exactly `n` samples, truncated or zero-padded at the end."""
    return np.pad(y[:n], (0, max(0, n - len(y))))


def loudest_window(y: np.ndarray, n: int) -> int:
    """Return the start of the `n`-sample window of `y` with the most energy.

    Of several windows with that energy, as around a word between silences, the middle one is
    returned; 0 if `y` is not longer than `n`.

    >>> loudest_window(np.array([0, 0, 0, 0, 1, 0, 0]), 3)
    3
    """
    if len(y) <= n:
        return 0
    energy = np.cumsum(np.concatenate([[0.0], np.square(y)]))
    held = energy[n:] - energy[:-n]
    best = int(np.argmax(held))
    as_loud = held >= held[best] * (1 - 1e-6)  # up to rounding
    last = best + int(np.argmin(np.append(as_loud[best:], False))) - 1
    return (best + last) // 2


def rms_dbfs(y: np.ndarray) -> float:
    """Return the RMS level in dB relative to full scale; -inf for silence."""
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.mean(np.square(y))))


def peak(y: np.ndarray) -> float:
    """Return the largest absolute sample value."""
    return float(np.max(np.abs(y)))


def dc_share(y: np.ndarray) -> float:
    """Return the share of the energy in the DC offset; 0 for silence."""
    power = np.mean(np.square(y))
    return float(np.mean(y) ** 2 / power) if power > 0 else 0.0


def rumble_share(y: np.ndarray, sample_rate: int, highpass_hz: float) -> float:
    """Return the share of the energy below `highpass_hz`, DC removed; 0 for silence."""
    n = scipy.fft.next_fast_len(len(y), real=True)
    energy = np.square(np.abs(scipy.fft.rfft(y - np.mean(y), n)))
    below = scipy.fft.rfftfreq(n, 1 / sample_rate) < highpass_hz
    return float(energy[below].sum() / energy.sum()) if energy.sum() > 0 else 0.0


def noise_floor_db(y: np.ndarray, sample_rate: int) -> float:
    """Return the 10th percentile of the power of 20 ms frames relative to the whole clip, in dB.

    An upper bound on the noise level, since a tightly cut clip has no pauses.  `y` has no DC or
    rumble.  NaN for silence; -inf where the pauses are digital zeros.
    """
    length = min(len(y), max(1, round(FRAME_S * sample_rate)))
    frames = np.lib.stride_tricks.sliding_window_view(y, length)[:: max(1, length // 2)]
    power = np.mean(np.square(frames), axis=1)
    total = np.mean(np.square(y))
    if total == 0:
        return float("nan")
    share = np.quantile(power, 0.1) / total
    with np.errstate(divide="ignore"):  # lower values are the tail of a filter's ringing
        return float(10 * np.log10(share if share > 1e-20 else 0.0))


def dynamic_range_db(y: np.ndarray, sample_rate: int) -> float:
    """Return the mean power of the ten loudest 20 ms frames over that of the ten quietest, in dB.

    It measures how far speech stands out from its background.  `y` has no DC or rumble and lasts
    at least one frame; frames do not overlap, and an incomplete last frame is dropped.  NaN for
    silence; inf where the quietest frames are digital zeros.
    """
    length = round(FRAME_S * sample_rate)
    frames = y[: len(y) // length * length].reshape(-1, length)
    power = np.sort(np.mean(np.square(frames), axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.mean(power[-RANGE_FRAMES:]) / np.mean(power[:RANGE_FRAMES])
        return float(10 * np.log10(ratio))


def word_bounds(y: np.ndarray, sample_rate: int, margin_s: float) -> tuple[float, float]:
    """Return the start and end, in s, of the word in a clip, padded by up to `margin_s` each side.

    The word spans the first to the last 20 ms frame (hop of half a frame) that is at most 30 dB
    below the loudest one (`librosa.effects.trim`).  `y` has no DC or rumble.
    """
    length = round(FRAME_S * sample_rate)
    _, bounds = librosa.effects.trim(y, top_db=WORD_DB, frame_length=length, hop_length=length // 2)
    begin, end = (int(bound) / sample_rate for bound in bounds)
    return max(0.0, begin - margin_s), min(len(y) / sample_rate, end + margin_s)


def clipped_share(y: np.ndarray) -> float:
    """Return the share of samples at full scale (0.999 or more)."""
    return float(np.mean(np.abs(y) >= CLIPPED))
