"""Sound as an array: read, resample, clean, measure, write.

Conventions: a signal `y` is a mono float64 array of shape (n,), full scale is 1.0;
`sample_rate` in Hz; levels in dB relative to full scale (a full-scale sine has -3.01 dBFS);
shares are fractions of the energy or of the samples, between 0 and 1.

A DC offset or rumble can hold most of the "energy" of a clip, so every level is meant to be
taken after `remove_dc_and_rumble`.  Resampling is soxr's HQ setting, the one librosa uses.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.signal
import soundfile
import soxr

from lib.artifacts import atomic_path
from lib.errors import InputError

__all__ = [
    "read_audio",
    "resample",
    "remove_dc_and_rumble",
    "fix_length",
    "loudest_window",
    "rms_dbfs",
    "peak",
    "dc_share",
    "rumble_share",
    "noise_floor_db",
    "clipped_share",
    "write_wav",
]

FRAME_S = 0.02  # s; frames in which the quietest moment of a clip is sought
CLIPPED = 0.999  # of full scale


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a sound file; channels are averaged.

    Parameters
    ----------
    path : str or Path
        Any format of libsndfile: WAV, FLAC, Ogg, MP3, ...

    Returns
    -------
    y : np.ndarray [shape=(n,), dtype=float64]
    sample_rate : int
        In Hz.

    Raises
    ------
    InputError
        The file is missing, empty, not audio, cut short, or holds no or non-finite samples.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); restore it from its source.")
    try:
        with soundfile.SoundFile(path) as file:
            y = file.read(dtype="float64", always_2d=True)
            promised, sample_rate = max(file.frames, _promised(file)), file.samplerate
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: not readable as audio ({error.error_string})") from error
    if len(y) < promised:
        raise InputError(
            f"{path}: cut short, {len(y)} of the {promised} samples that its header promises "
            "are there; restore it from its source."
        )
    if len(y) == 0:
        raise InputError(f"{path}: a header without samples.")
    y = y.mean(axis=1)
    if not np.isfinite(y).all():
        raise InputError(f"{path}: {np.sum(~np.isfinite(y))} of {len(y)} samples are not finite.")
    return y, sample_rate


def _promised(file: soundfile.SoundFile) -> int:
    """Samples that the header of a WAV promises; libsndfile counts only what is there."""
    found = re.search(r"^data : (\d+) \(should be", file.extra_info, re.MULTILINE)
    size = int(found[1]) if found else 0
    width = {"PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
    streamed = size >= 2**31 - 1024  # a writer that could not go back leaves a dummy size
    return 0 if streamed else size // (width.get(file.subtype, 1) * file.channels)


def resample(y: np.ndarray, orig: int, target: int) -> np.ndarray:
    """Return `y`, sampled at `orig` Hz, at `target` Hz (soxr HQ, band-limited)."""
    if orig <= 0 or target <= 0:
        raise InputError(f"Sample rates must be positive, got {orig} and {target} Hz.")
    return y if orig == target else soxr.resample(y, orig, target, quality="HQ")


def remove_dc_and_rumble(y: np.ndarray, sample_rate: int, highpass_hz: float) -> np.ndarray:
    """Remove, without phase shift, the offset and what lies below `highpass_hz`.

    A fourth-order Butterworth high-pass run forwards and backwards: -6 dB at `highpass_hz`,
    48 dB per octave below; a constant becomes exactly zero.  Works for clips of any length.

    Raises
    ------
    InputError
        `highpass_hz` is not between 0 and half of `sample_rate`.
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

    Where several windows hold that energy, as around a word between silences, it is the middle
    one.

    Examples
    --------
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
    """Level in dB relative to full scale; -inf for silence.

    >>> float(round(rms_dbfs(np.array([0.1, -0.1])), 6))
    -20.0
    """
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
    """Level of the quietest frames relative to the level of the whole clip, in dB.

    The quietest tenth of 20 ms frames (hop 10 ms) stands for the pauses; an upper bound of
    the noise, since a tightly cut clip has no pause.  NaN for silence; -inf where the
    pauses are digital zeros.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        Signal without DC and rumble.
    """
    length = min(len(y), max(1, round(FRAME_S * sample_rate)))
    frames = np.lib.stride_tricks.sliding_window_view(y, length)[:: max(1, length // 2)]
    power = np.mean(np.square(frames), axis=1)
    total = np.mean(np.square(y))
    if total == 0:
        return float("nan")
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.quantile(power, 0.1) / total))


def clipped_share(y: np.ndarray) -> float:
    """Share of the samples at full scale (0.999 or more)."""
    return float(np.mean(np.abs(y) >= CLIPPED))


def write_wav(path: str | Path, y: np.ndarray, sample_rate: int) -> None:
    """Write a 16-bit mono WAV, whole or not at all; beyond full scale it is clipped.

    Raises
    ------
    InputError
        `y` is not a one-dimensional array of finite samples.
    """
    y = np.asarray(y)
    if y.ndim != 1 or len(y) == 0 or not np.isfinite(y).all():
        raise InputError(f"{path}: expected a row of finite samples, got shape {y.shape}.")
    with atomic_path(path) as part:
        soundfile.write(part, np.clip(y, -1, 1), sample_rate, subtype="PCM_16", format="WAV")
