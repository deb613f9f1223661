"""Toy versions of what a contributor may add from outside `lib`, each as short as possible."""

from __future__ import annotations

import os
import time

import keras
import numpy as np
import scipy.signal
import soundfile
from keras import layers
from voices import RATE, voice

from lib.corpora import base
from lib.figures import style


def build_filter(audio):
    """Return a network: one linear filter of 9 taps on the waveform [shape=(batch, n)]."""
    y = keras.Input((None,), name="noisy")
    x = layers.Reshape((-1, 1))(y)
    x = layers.Conv1D(1, 9, padding="same", use_bias=False)(x)
    return keras.Model(y, layers.Reshape((-1,))(x))


def build_tiny(audio):
    """Return a network for waveforms of any length: batch normalisation and a 5-tap convolution."""
    inputs = x = keras.Input((None,))
    x = layers.BatchNormalization()(layers.Reshape((-1, 1))(x))
    x = layers.Conv1D(1, 5, padding="same")(x)
    return keras.Model(inputs, layers.Reshape((-1,))(x))


def median(noisy, sample_rate):
    """Denoise without training: the median of three samples."""
    return scipy.signal.medfilt(noisy, 3)


def level_error_db(clean, estimate, sample_rate):
    """Compute a metric: how much too loud the estimate is."""
    level, target = (np.sqrt(np.mean(y**2)) + 1e-9 for y in (estimate, clean))
    return float(20 * np.log10(level / target))


def clicks(n, rng):
    """Generate noise: one sample in twenty is a click."""
    return rng.standard_normal(n) * (rng.random(n) < 0.05)


def open_tree(data_dir=""):
    """Open a corpus: any folder of files such as ``7_anna_0.wav``."""
    return base.read_folder(
        data_dir,
        folder_per_speaker=False,
        name="toys",
        title="Toy voices",
        note="Harmonics that glide.",
        licence="CC0",
        url="https://example.org",
        redistributable=True,
    )


def level_errors(table):
    """Draw a figure: how much too loud each method is."""
    fig, ax = style.new(2.5)
    ax.barh(table["method"], table["level_error_db"])
    ax.set_xlabel("level error (dB)")
    return fig


def record(folder, *, speakers=("anna", "ben", "chloe"), digits=2):
    """Write the clips of the toy corpus."""
    for i, speaker in enumerate(speakers):
        for digit in range(digits):
            soundfile.write(folder / f"{digit}_{speaker}_0.wav", voice(7 * i + digit), RATE)


def numbered_process(number):
    """Return `number` and the id of the process that runs this call."""
    return number, os.getpid()


def process():
    """Return this process's id, after a pause in which another one can take the next call."""
    time.sleep(0.05)
    return os.getpid()
