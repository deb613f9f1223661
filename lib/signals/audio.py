"""Sound as an array: read, resample, clean, measure.

A signal `y` is mono float64 [shape=(n,)], full scale is 1.0; `sample_rate` in Hz; levels in dB
relative to full scale (a full-scale sine has -3.01 dBFS), to be taken without the energy of offset
and rumble; shares, of the energy or of the samples, lie between 0 and 1.
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

FRAME_S = 0.02  # s; frames in which the quietest moment of a clip is sought
CLIPPED = 0.999  # of full scale
MEAN = -1  # instead of the index of a channel
LOSS_DB = 4.5  # more than two unrelated channels lose (3 dB), less than a silent one costs (6 dB)
RANGE_FRAMES = 10  # the loudest and the quietest so many of a clip make its dynamic range
WORD_DB = 30.0  # below the loudest frame of a clip no word begins
RUMBLE_HZ = 50.0  # below lies no speech by which channels could be compared


def read_audio(path: str | Path, channel: int | None = None) -> tuple[np.ndarray, int]:
    """Read a whole sound file as one channel: `y` and its rate in Hz.

    `channel` is as for `mix_down`; without it `choose_channel` decides.  Errors as in `read_whole`.
    """
    recording = read_whole(path)
    samples, rate = recording.samples, recording.sample_rate
    return mix_down(samples, choose_channel(samples, rate) if channel is None else channel), rate


def choose_channel(samples: np.ndarray, sample_rate: int) -> int:
    """Choose `MEAN`, or the index of the loudest channel where the mean loses what it holds.

    The mean of channels in opposite phase is silence, and a silent channel halves the level; two
    that have nothing in common lose 3 dB.  `samples` [shape=(n, channels)] may have offset and
    rumble.
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
    """One channel [shape=(n,)] of samples [shape=(n, channels)], or with `MEAN` their mean."""
    return samples.mean(axis=1) if channel == MEAN else samples[:, channel]


def resample(y: np.ndarray, orig: int, target: int) -> np.ndarray:
    """Return `y`, sampled at `orig` Hz, at `target` Hz (soxr HQ, band-limited)."""
    if orig <= 0 or target <= 0:
        raise InputError(f"Sample rates must be positive, got {orig} and {target} Hz.")
    return y if orig == target else soxr.resample(y, orig, target, quality="HQ")


def require_rate(sample_rate: int, expected: int) -> None:
    """Raise InputError unless a signal has the rate that a denoiser works at, both in Hz."""
    if sample_rate != expected:
        raise InputError(f"This denoiser works at {expected} Hz, got {sample_rate} Hz.")


def remove_dc_and_rumble(y: np.ndarray, sample_rate: int, highpass_hz: float) -> np.ndarray:
    """Remove, without phase shift, the offset and what lies below `highpass_hz`.

    A fourth-order Butterworth high-pass run forwards and backwards: -6 dB at `highpass_hz`, 48 dB
    per octave below.  Raises InputError unless that lies between 0 and half of `sample_rate`.
    """
    if not 0 < highpass_hz < sample_rate / 2:
        raise InputError(
            f"highpass_hz={highpass_hz} must lie between 0 and half of the rate {sample_rate} Hz."
        )
    sections = scipy.signal.butter(4, highpass_hz, "highpass", fs=sample_rate, output="sos")
    padding = min(len(y) - 1, round(2 * sample_rate / highpass_hz))
    return scipy.signal.sosfiltfilt(sections, y, padlen=padding)


def fix_length(y: np.ndarray, n: int) -> np.ndarray:
    """Return `y` with exactly `n` samples: cut at the end or followed by zeros."""
    return np.pad(y[:n], (0, max(0, n - len(y))))


def loudest_window(y: np.ndarray, n: int) -> int:
    """Return where the `n` samples of `y` with the most energy begin; 0 if there are no more.

    Where several windows hold that energy, as around a word between silences: the middle one.

    >>> loudest_window(np.array([0, 0, 0, 0, 1, 0, 0]), 3)
    3
    """
    if len(y) <= n:
        return 0
    energy = np.cumsum(np.concatenate([[0.0], np.square(y)]))
    held = energy[n:] - energy[:-n]
    best = int(np.argmax(held))
    as_loud = held >= held[best] * (1 - 1e-6)  # but for rounding
    last = best + int(np.argmin(np.append(as_loud[best:], False))) - 1
    return (best + last) // 2


def rms_dbfs(y: np.ndarray) -> float:
    """Level in dB relative to full scale; -inf for silence."""
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.mean(np.square(y))))


def peak(y: np.ndarray) -> float:
    """Largest absolute sample."""
    return float(np.max(np.abs(y)))


def dc_share(y: np.ndarray) -> float:
    """Share of the energy that a constant offset holds; 0 for silence."""
    power = np.mean(np.square(y))
    return float(np.mean(y) ** 2 / power) if power > 0 else 0.0


def rumble_share(y: np.ndarray, sample_rate: int, highpass_hz: float) -> float:
    """Share of the energy below `highpass_hz` once the offset is gone; 0 for silence."""
    n = scipy.fft.next_fast_len(len(y), real=True)
    energy = np.square(np.abs(scipy.fft.rfft(y - np.mean(y), n)))
    below = scipy.fft.rfftfreq(n, 1 / sample_rate) < highpass_hz
    return float(energy[below].sum() / energy.sum()) if energy.sum() > 0 else 0.0


def noise_floor_db(y: np.ndarray, sample_rate: int) -> float:
    """Level of the quietest tenth of 20 ms frames relative to the whole clip, in dB.

    An upper bound of the noise, since a tightly cut clip has no pause.  `y` is without DC and
    rumble.  NaN for silence; -inf where the pauses are digital zeros.
    """
    length = min(len(y), max(1, round(FRAME_S * sample_rate)))
    frames = np.lib.stride_tricks.sliding_window_view(y, length)[:: max(1, length // 2)]
    power = np.mean(np.square(frames), axis=1)
    total = np.mean(np.square(y))
    if total == 0:
        return float("nan")
    share = np.quantile(power, 0.1) / total
    with np.errstate(divide="ignore"):  # less is the end of a filter's ringing
        return float(10 * np.log10(share if share > 1e-20 else 0.0))


def dynamic_range_db(y: np.ndarray, sample_rate: int) -> float:
    """Mean power of the loudest ten 20 ms frames over that of the quietest ten, in dB.

    How far speech stands out of its own background.  `y` is without DC and rumble and lasts a
    frame or more; frames do not overlap, a last one that is not whole is left out.  NaN for
    silence; inf where the quietest frames are digital zeros.
    """
    length = round(FRAME_S * sample_rate)
    frames = y[: len(y) // length * length].reshape(-1, length)
    power = np.sort(np.mean(np.square(frames), axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.mean(power[-RANGE_FRAMES:]) / np.mean(power[:RANGE_FRAMES])
        return float(10 * np.log10(ratio))


def word_bounds(y: np.ndarray, sample_rate: int, margin_s: float) -> tuple[float, float]:
    """Begin and end in s of the word in a clip, with `margin_s` around it, inside the clip.

    From the first to the last 20 ms frame, each half a frame after the one before, that is at most
    30 dB below the loudest one (`librosa.effects.trim`).  `y` is without DC and rumble.
    """
    length = round(FRAME_S * sample_rate)
    _, bounds = librosa.effects.trim(y, top_db=WORD_DB, frame_length=length, hop_length=length // 2)
    begin, end = (int(bound) / sample_rate for bound in bounds)
    return max(0.0, begin - margin_s), min(len(y) / sample_rate, end + margin_s)


def clipped_share(y: np.ndarray) -> float:
    """Share of the samples at full scale (0.999 or more)."""
    return float(np.mean(np.abs(y) >= CLIPPED))
