"""Spectrogram thumbnails for the audio players: no axes, no Matplotlib figure."""

from __future__ import annotations

import io

import numpy as np
from matplotlib import colormaps
from PIL import Image

from lib.signals.stft import level_db, stft

__all__ = ["thumbnail"]

N_FFT, COLUMNS, COLOURS = 256, 80, 16
RANGE_DB = 45.0


def thumbnail(y: np.ndarray) -> bytes:
    """Return a spectrogram as a PNG of at most 6 KB, in dB relative to its own peak.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        Waveform of any length and sample rate; silence is black.
    """
    y = np.pad(y, (0, max(0, N_FFT - len(y))))
    S = stft(y, n_fft=N_FFT, hop_length=max(1, len(y) // COLUMNS))
    level = 1 + level_db(S, peak=np.abs(S).max() or 1.0, range_db=RANGE_DB) / RANGE_DB
    steps = np.round((COLOURS - 1) * level).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(steps[::-1]))
    colours = colormaps["magma"](np.linspace(0, 1, COLOURS), bytes=True)
    picture.putpalette(colours[:, :3].tobytes())
    data = io.BytesIO()
    picture.save(data, format="PNG", optimize=True)
    return data.getvalue()
