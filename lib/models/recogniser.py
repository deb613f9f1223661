"""A small digit recogniser that measures whether denoised speech is easier to understand.

Its input is a log-mel spectrogram with 32 bands and 32 ms windows.  Levels are relative to the
clip's own loud frames, so a recording's gain does not matter, and floored 20 dB below them: what is
weaker in denoised speech is mostly residual noise, of which clean speech teaches nothing.  0 is
that floor and 1 the level of the loud frames: silence and padding look alike.

In training, `augmented` varies each clip as if another speaker had said it, and keeps only the loud
parts of some clips: a denoiser leaves gaps where speech is weak, which carry no information about
the word and must not be mistaken for it.

Sources: frequency warping from Jaitly & Hinton, Vocal Tract Length Perturbation (2013);
masks from Park et al., SpecAugment, arXiv:1904.08779.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import keras
import librosa
import numpy as np
from keras import layers, ops

from lib.config import AudioConfig
from lib.errors import InputError
from lib.signals.audio import fix_length

__all__ = [
    "HeardFrames",
    "Recogniser",
    "augmented",
    "build_recogniser",
    "log_mel",
    "probabilities",
    "stacked",
]

DIGITS = 10
BANDS, LOWEST_HZ, HIGHEST_HZ = 32, 60.0, 3800.0
WINDOW_S, HOP_S = 0.032, 0.016
FLOOR_DB = 20.0
WARP, STRETCH = 0.15, 0.25  # largest relative change of frequency and of time
EQUALISER_DB = np.array([4.0, 3.0, 2.0, 1.6])  # standard deviations of the first cosines
DELAY_S = 0.2
MASKS, MASKED_FRAMES, MASKED_BANDS = 2, 6, 5  # number of each kind, and largest widths
CUT_SHARE, HIGHEST_CUT = 0.5, 0.7  # clips that lose weak parts, and the highest threshold


@functools.lru_cache(maxsize=64)
def _mel_filters(sample_rate: int, n_fft: int, warp: float) -> np.ndarray:
    """Return triangular filters [shape=(bins, BANDS)] for sound with warped frequencies."""
    edges = librosa.mel_frequencies(BANDS + 2, fmin=LOWEST_HZ, fmax=HIGHEST_HZ)
    bins = warp * np.fft.rfftfreq(n_fft, 1 / sample_rate)
    return np.stack([np.interp(bins, edges[i : i + 3], [0, 1, 0]) for i in range(BANDS)], axis=1)


def log_mel(
    y: np.ndarray,
    audio: AudioConfig,
    *,
    warp: float = 1.0,
    stretch: float = 1.0,
    delay_s: float = 0.0,
    equaliser: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Return the recogniser's features of a clip [shape=(frames, BANDS), dtype=float32].

    0 is the floor, 20 dB below the level of the loud frames; 1 is that level.  Neither a gain
    nor zeros after the clip change the result.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        Samples of a clip without padding; truncated to ``audio.clip_samples``.
    warp, stretch : float
        Factors on all frequencies and on the speaking rate.
    delay_s : float
        Silence before the clip, in seconds.
    equaliser : np.ndarray [shape=(BANDS,)]
        Gains in dB.
    """
    rate = audio.sample_rate
    length, hop, delay = (round(s * rate) for s in (WINDOW_S, HOP_S, delay_s))
    frames = 1 + audio.clip_samples // hop
    starts = np.round(np.arange(frames) * hop * stretch).astype(int)
    padded = fix_length(
        np.pad(y[: audio.clip_samples], (length // 2 + delay, 0)), starts[-1] + length
    )
    pieces = padded[starts[:, None] + np.arange(length)] * np.hanning(length + 1)[:-1]
    power = np.square(np.abs(np.fft.rfft(pieces, 2 * length)))
    bands = power @ _mel_filters(rate, 2 * length, warp)
    loud = np.sum(bands.sum(axis=1) ** 2) / max(bands.sum(), np.finfo(float).tiny) / BANDS
    level_db = 10 * np.log10(bands / max(loud, np.finfo(float).tiny) + 1e-12) + equaliser
    return np.maximum(0, 1 + level_db / FLOOR_DB).astype(np.float32)


def augmented(y: np.ndarray, audio: AudioConfig, rng: np.random.Generator) -> np.ndarray:
    """Return `log_mel` of a clip, randomly warped, stretched, delayed, equalised and masked."""
    cosines = np.cos(np.pi * np.outer(np.arange(1, 5), np.arange(BANDS) + 0.5) / BANDS)
    features = log_mel(
        y,
        audio,
        warp=round(1 + rng.uniform(-WARP, WARP), 2),
        stretch=1 + rng.uniform(-STRETCH, STRETCH),
        delay_s=rng.uniform(0, DELAY_S),
        equaliser=rng.normal(0, EQUALISER_DB) @ cosines,
    )
    if rng.uniform() < CUT_SHARE:
        features[features < rng.uniform(0, HIGHEST_CUT)] = 0
    for _ in range(MASKS):
        frame, band = rng.integers(features.shape)
        features[frame : frame + rng.integers(MASKED_FRAMES + 1)] = 0
        features[:, band : band + rng.integers(MASKED_BANDS + 1)] = 0
    return features


@keras.saving.register_keras_serializable(package="denoising")
class HeardFrames(layers.Layer):
    """(values over time, `log_mel`) -> mean and maximum over the frames that contain sound.

    Shapes: (batch, frames / 2, channels) and (batch, frames, BANDS, 1) -> (batch, 2 channels).
    """

    def call(self, inputs):
        """Pool a batch."""
        x, features = inputs
        heard = ops.max(features, axis=2)  # (batch, frames, 1)
        heard = ops.max_pool(heard, 2, 2, padding="same") > 0
        x = ops.where(heard, x, 0.0)
        count = ops.maximum(ops.sum(ops.cast(heard, x.dtype), axis=1), 1.0)
        return ops.concatenate([ops.sum(x, axis=1) / count, ops.max(x, axis=1)], axis=-1)

    def compute_output_shape(self, shapes):
        """Return the output shape: twice the channels, no time axis."""
        return (shapes[0][0], 2 * shapes[0][-1])


def build_recogniser(audio: AudioConfig, *, width: int = 12) -> keras.Model:
    """Return the network: `log_mel` in, probabilities of the ten digits out.

    Four convolutions, each of which halves the bands, one along time, and the mean and maximum
    over the frames that contain sound.
    """
    frames = log_mel(np.zeros(1), audio).shape[0]
    inputs = x = keras.Input((frames, BANDS, 1), name="log_mel")
    for channels, pool in zip((1, 2, 3, 4), ((1, 2), (2, 2), (1, 2), (1, 2))):
        x = layers.Conv2D(channels * width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D(pool, padding="same")(x)
    x = layers.Reshape((x.shape[1], -1))(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Conv1D(8 * width, 5, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(0.3)(HeardFrames(name="heard_frames")([x, inputs]))
    return keras.Model(inputs, layers.Dense(DIGITS, activation="softmax")(x), name="recogniser")


def stacked(clips, audio: AudioConfig) -> np.ndarray:
    """Return the features of clips [shape=(n, frames, BANDS, 1)]."""
    return np.stack([log_mel(y, audio) for y in clips])[..., None]


def probabilities(model: keras.Model, features: np.ndarray, size: int = 64) -> np.ndarray:
    """Return the probability of each digit [shape=(n, 10)] from features, in batches of `size`."""
    parts = [features[i : i + size] for i in range(0, len(features), size)]
    return np.concatenate([np.asarray(model.predict_on_batch(part)) for part in parts])


@dataclass(frozen=True)
class Recogniser:
    """A trained network that recognises digits in waveforms at the working sample rate."""

    model: keras.Model
    audio: AudioConfig

    def probabilities(self, clips: list[np.ndarray]) -> np.ndarray:
        """Return the probability of each digit [shape=(n, 10)] for clips of up to one window.

        Raises
        ------
        InputError
            A clip is longer than the window of the clip store.
        """
        longest = max((len(y) for y in clips), default=0)
        if longest > self.audio.clip_samples:
            raise InputError(
                f"A clip has at most {self.audio.clip_samples} samples, got {longest}; the "
                "recogniser reads single words."
            )
        if not clips:
            return np.empty((0, DIGITS), np.float32)
        return probabilities(self.model, stacked(clips, self.audio))

    def digits(self, clips: list[np.ndarray]) -> np.ndarray:
        """Return the most probable digit of each clip [shape=(n,), dtype=int64]."""
        return self.probabilities(clips).argmax(axis=1)
