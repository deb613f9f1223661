"""A small Conv-TasNet: the best-known network with a learned transform instead of the STFT.

Non-causal.  Source: Luo and Mesgarani (2019), arXiv:1809.07454.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from lib.config import AudioConfig
from lib.signals.audio import require_rate

__all__ = ["ClipDenoiser", "CutTo", "build_conv_tasnet"]


@keras.saving.register_keras_serializable(package="denoising")
class CutTo(layers.Layer):
    """(signal [shape=(batch, m, 1)], waveform [shape=(batch, n)]) -> n samples from `start` on."""

    def __init__(self, start: int, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def call(self, inputs):
        """Trim a batch of signals."""
        signal, y = inputs
        return signal[:, self.start : self.start + ops.shape(y)[1], 0]

    def compute_output_shape(self, shapes):
        """Return the shape of the waveform."""
        return shapes[1]

    def get_config(self):
        """Return the arguments that rebuild the layer when a network is loaded."""
        return super().get_config() | {"start": self.start}


def _global_norm():
    """Return a global layer normalisation (gLN); epsilon 1e-20 is negligible at any level."""
    return layers.GroupNormalization(groups=1, epsilon=1e-20)


def _prelu():
    return layers.PReLU(shared_axes=[1, 2])  # one slope, as published


def build_conv_tasnet(
    audio: AudioConfig,
    *,
    filters: int = 256,
    bottleneck: int = 64,
    hidden: int = 208,
    repeats: int = 2,
    blocks: int = 6,
) -> keras.Model:
    """Return a small Conv-TasNet: noisy waveform in, denoised waveform of the same length out.

    A learned filter bank replaces the STFT, a mask is applied to its output, and learned filters
    transform it back; the mask is estimated by blocks of dilated depthwise convolutions.  The
    filters are 4 ms long (published: 2 ms, which doubles the cost) and have no bias, so the first
    normalisation makes the mask independent of the level, and a gain passes through.

    Parameters
    ----------
    filters, bottleneck, hidden, blocks, repeats : int
        N, B (and Sc), H, X and R in the paper, whose network has ten times as many parameters.
    """
    length = round(0.004 * audio.sample_rate)
    hop = length // 2
    y = keras.Input((None,), name="noisy")
    padded = ops.expand_dims(ops.pad(y, [[0, 0], [hop, length - 1]]), axis=-1)
    encoded = layers.Conv1D(filters, length, strides=hop, use_bias=False)(padded)
    x = layers.Conv1D(bottleneck, 1)(_global_norm()(encoded))
    skips = []
    for dilation in [2**block for block in range(blocks)] * repeats:
        inner = _global_norm()(_prelu()(layers.Conv1D(hidden, 1)(x)))
        inner = layers.DepthwiseConv1D(3, padding="same", dilation_rate=dilation)(inner)
        inner = _global_norm()(_prelu()(inner))
        skips.append(layers.Conv1D(bottleneck, 1)(inner))
        x = layers.Add()([x, layers.Conv1D(bottleneck, 1)(inner)])
    x = _prelu()(layers.Add()(skips))
    mask = layers.Conv1D(filters, 1, activation="sigmoid", name="mask")(x)
    masked = layers.Multiply()([encoded, mask])
    decoded = layers.Conv1DTranspose(1, length, strides=hop, use_bias=False)(masked)
    return keras.Model(y, CutTo(hop, name="cut")([decoded, y]), name="conv_tasnet")


@dataclass(frozen=True)
class ClipDenoiser:
    """A trained network as a function of a waveform, which is not padded.

    It normalises over the whole input, so zeros after a clip would make the clip seem louder.
    """

    network: keras.Model
    audio: AudioConfig

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Denoise one clip [shape=(n,)]; the result has the same length and rate."""
        require_rate(sample_rate, self.audio.sample_rate)
        return np.asarray(self.network.predict_on_batch(noisy[None].astype(np.float32)))[0]
