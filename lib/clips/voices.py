"""Pitch and spectral tilt of a run's speakers, as possible confounders of group differences.

Source: Mauch & Dixon, ICASSP (2014) 659 (probabilistic YIN, as in librosa).
"""

from __future__ import annotations

import hashlib

import librosa
import numpy as np
import pandas as pd
import scipy.signal

from lib.clips.store import ClipStore
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import Run
from lib.workspace.workers import in_parallel

__all__ = ["measure_voices", "pitch_hz", "tilt_db_per_octave"]

CLIPS_PER_SPEAKER = 10  # one of each digit, enough for a median
PITCH_HZ = (60, 400)
TILT_HZ = (125, 3500)
FRAME_S = 0.064  # four periods of the lowest pitch


def measure_voices(run: Run, store: ClipStore) -> pd.DataFrame:
    """Measure a few clips of every speaker; cached until a clip or this code changes.

    Columns: ``clip_id``, ``speaker``, ``f0_hz``, ``tilt_db_per_octave``.
    """
    rows = store.rows_of(store.index["speaker"].unique(), limit=CLIPS_PER_SPEAKER)
    clips = store.index.loc[rows, ["clip_id", "speaker"]].reset_index(drop=True)
    sounds, rate = [store.clean(row) for row in rows], store.config.audio.sample_rate
    samples = hashlib.sha256(np.concatenate(sounds).data).hexdigest()

    def measured() -> pd.DataFrame:
        values = in_parallel(_measure, [(y, rate) for y in sounds], batch=8)
        return clips.join(pd.DataFrame(values, columns=["f0_hz", "tilt_db_per_octave"]))

    key = fingerprint([clips.to_numpy().tolist(), samples, rate], _measure)
    return run.kept("voices", key, measured)


def _measure(y: np.ndarray, sample_rate: int) -> list[float]:
    return [pitch_hz(y, sample_rate), tilt_db_per_octave(y, sample_rate)]


def pitch_hz(y: np.ndarray, sample_rate: int) -> float:
    """Return the median F0 over the voiced frames of a clip, in Hz; NaN if no frame is voiced."""
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
    """Return the slope of a clip's spectrum in dB per octave (-3 for pink noise); NaN for silence.

    Straight line fitted to the mean level in third-octave bands from 125 to 3175 Hz.
    """
    frequencies, power = scipy.signal.welch(y, sample_rate, nperseg=min(len(y), 512))
    low, high = TILT_HZ
    edges = low * 2 ** (np.arange(1 + int(3 * np.log2(high / low))) / 3)
    bands = pd.Series(power).groupby(pd.cut(frequencies, edges, labels=False)).mean()
    if len(bands) < 2 or not bands.min() > 0:
        return float("nan")
    octaves, level_db = bands.index.to_numpy() / 3, 10 * np.log10(bands.to_numpy())
    octaves -= octaves.mean()  # sums, because LAPACK's last digit depends on memory alignment
    return float(np.sum(octaves * level_db) / np.sum(octaves**2))
