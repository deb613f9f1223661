"""What a voice sounds like, measured on a clean clip [shape=(n,)]: pitch and spectral tilt.

Source: Mauch & Dixon, ICASSP (2014) 659 (probabilistic YIN, as in librosa).
"""

from __future__ import annotations

import librosa
import numpy as np
import pandas as pd
import scipy.signal

__all__ = ["pitch_hz", "tilt_db_per_octave"]

PITCH_HZ = (60, 400)
TILT_HZ = (125, 3500)
FRAME_S = 0.064  # four periods of the lowest pitch


def pitch_hz(y: np.ndarray, sample_rate: int) -> float:
    """Return the median F0 over the voiced frames, in Hz; NaN where nothing is voiced."""
    frame = round(FRAME_S * sample_rate)
    if len(y) < frame or not np.any(y):
        return float("nan")
    low, high = PITCH_HZ
    f0, voiced, _ = librosa.pyin(
        y, fmin=low, fmax=high, sr=sample_rate, frame_length=frame, hop_length=frame // 2,
        resolution=0.25,
    )  # fmt: skip
    return float(np.median(f0[voiced])) if voiced.any() else float("nan")


def tilt_db_per_octave(y: np.ndarray, sample_rate: int) -> float:
    """Return the slope of the spectrum (0 for white noise, -3 for pink); NaN for silence.

    A straight line through the mean power in third-octave bands from 125 to 3500 Hz.
    """
    frequencies, power = scipy.signal.welch(y, sample_rate, nperseg=min(len(y), 512))
    low, high = TILT_HZ
    edges = low * 2 ** (np.arange(1 + int(3 * np.log2(high / low))) / 3)
    bands = pd.Series(power).groupby(pd.cut(frequencies, edges, labels=False)).mean()
    if len(bands) < 2 or not bands.min() > 0:
        return float("nan")
    octaves, level_db = bands.index.to_numpy() / 3, 10 * np.log10(bands.to_numpy())
    octaves -= octaves.mean()  # sums, because LAPACK's last digit depends on where arrays lie
    return float(np.sum(octaves * level_db) / np.sum(octaves**2))
