"""The voices of a run's speakers, to ask whether a difference between groups is one of voices."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from lib.clips.store import ClipStore
from lib.signals.voice import pitch_hz, tilt_db_per_octave
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import Run
from lib.workspace.workers import in_parallel

__all__ = ["CLIPS_PER_SPEAKER", "measure_voices"]

CLIPS_PER_SPEAKER = 20  # two of each digit: enough for a median, quick for 60 speakers


def measure_voices(run: Run, store: ClipStore) -> pd.DataFrame:
    """Measure `CLIPS_PER_SPEAKER` clips of every speaker; kept until a clip or this code changes.

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
