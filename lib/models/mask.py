"""Our mask autoencoder: noisy waveform in, denoised waveform out.

A convolutional encoder-decoder estimates a sigmoid mask from the noisy spectrogram; the masked
spectrogram, with the noisy phase, goes through the inverse STFT, so the network is trained on
waveforms.

Sources: U-Net skips from Ronneberger et al. (2015); mask on the noisy STFT with the noisy phase
from Erdogan et al. (2015); kernel sizes of transposed convolutions from Odena et al. (2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from lib.config import AudioConfig
from lib.errors import InputError
from lib.signals.audio import fix_length, require_rate

__all__ = ["LogMagnitude", "MaskedWaveform", "Spectrogram", "WindowDenoiser", "build_ours"]

MOMENTUM = 0.9  # of the batch statistics; Keras' 0.99 needs more steps than a short run takes


def _convolve(x, channels: int, *, strides=1):
    """Apply a 3x3 convolution, batch normalisation and ReLU."""
    x = layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False)(x)
    return _activate(x)


def _activate(x):
    return layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))


def _upsample(x, channels: int, strides: tuple[int, int], **options):
    """Apply a transposed convolution, a faster form of upsampling and a 3x3 convolution.

    All outputs have equally many inputs, which avoids checkerboard artifacts (Odena et al. 2016).
    """
    kernel = [2 + stride for stride in strides]
    return layers.Conv2DTranspose(channels, kernel, strides=strides, padding="same", **options)(x)


@keras.saving.register_keras_serializable(package="denoising")
class Spectrogram(layers.Layer):
    """Waveform [shape=(batch, n)] -> real and imaginary parts [shape=(batch, frames, bins, 2)].

    Hann window, centred frames; the end is padded with zeros to an even number of frames.
    """

    def __init__(self, n_fft: int, hop_length: int, **kwargs):
        super().__init__(**kwargs)
        self.n_fft, self.hop_length = n_fft, hop_length

    def call(self, y):
        """Transform a batch of waveforms."""
        padding = (-self.hop_length - ops.shape(y)[1]) % (2 * self.hop_length)
        y = ops.pad(y, [[0, 0], [0, padding]])
        real, imaginary = ops.stft(y, self.n_fft, self.hop_length, self.n_fft)
        return ops.stack([real, imaginary], axis=-1)

    def compute_output_shape(self, shape):
        """Return the output shape; an unknown number of frames stays unknown."""
        n = shape[1]
        frames = None if n is None else 2 * (1 + n // (2 * self.hop_length))
        return (shape[0], frames, self.n_fft // 2 + 1, 2)

    def get_config(self):
        """Return the arguments that rebuild the layer when a network is loaded."""
        return super().get_config() | {"n_fft": self.n_fft, "hop_length": self.hop_length}


@keras.saving.register_keras_serializable(package="denoising")
class LogMagnitude(layers.Layer):
    """Log magnitude of the bins above DC, relative to the level of the loud frames.

    The level is the power-weighted mean power, which zeros around a clip do not change.
    Dividing by it makes the mask independent of the recording's gain; the mask is applied to
    the original spectrogram, so the level itself is preserved.
    """

    def call(self, spectrogram):
        """Compute the features of a batch of spectrograms."""
        power = ops.sum(ops.square(spectrogram[:, :, 1:]), axis=-1, keepdims=True)
        squares = ops.sum(ops.square(power), axis=(1, 2, 3), keepdims=True)
        level = squares / (ops.sum(power, axis=(1, 2, 3), keepdims=True) + 1e-20)
        return 0.5 * ops.log(power / (level + 1e-20) + 1e-4)

    def compute_output_shape(self, shape):
        """Return the output shape; an unknown number of frames stays unknown."""
        return (shape[0], shape[1], shape[2] - 1, 1)


@keras.saving.register_keras_serializable(package="denoising")
class MaskedWaveform(layers.Layer):
    """(waveform, its spectrogram, mask of the bins above DC) -> denoised waveform."""

    def __init__(self, n_fft: int, hop_length: int, **kwargs):
        super().__init__(**kwargs)
        self.n_fft, self.hop_length = n_fft, hop_length

    def call(self, inputs):
        """Apply the mask and the inverse STFT."""
        y, spectrogram, mask = inputs
        masked = spectrogram * ops.pad(mask, [[0, 0], [0, 0], [1, 0], [0, 0]])
        out = ops.istft((masked[..., 0], masked[..., 1]), self.n_fft, self.hop_length, self.n_fft)
        return out[:, : ops.shape(y)[1]]

    def compute_output_shape(self, shapes):
        """Return the shape of the input waveform."""
        return shapes[0]

    def get_config(self):
        """Return the arguments that rebuild the layer when a network is loaded."""
        return super().get_config() | {"n_fft": self.n_fft, "hop_length": self.hop_length}


def build_ours(
    audio: AudioConfig,
    *,
    channels: tuple[int, ...] = (24, 40, 56, 80, 80),
    recurrent_units: int = 100,
) -> keras.Model:
    """Return our mask autoencoder: noisy waveform in, denoised waveform of the same length out.

    The length must be at least ``n_fft / 4 + 1`` samples.

    Parameters
    ----------
    audio : AudioConfig
        Working rate and STFT; ``n_fft / 2`` must be divisible by ``2 ** len(channels)``.
    channels : tuple of int
        Feature maps of the encoder.  Each step halves the frequency axis; the first also
        halves the time axis.
    recurrent_units : int
        Units per direction of the bidirectional GRU along time in the bottleneck.
    """
    y = keras.Input((None,), name="noisy")
    spectrogram = Spectrogram(audio.n_fft, audio.hop_length, name="stft")(y)
    x = LogMagnitude(name="log_magnitude")(spectrogram)

    steps = [(2, 2)] + [(1, 2)] * (len(channels) - 1)  # (time, frequency)
    skips = []
    for width, step in zip(channels, steps):
        x = _convolve(x, width, strides=step)
        skips.append(x)

    bins, width = x.shape[2:]
    context = layers.Reshape((-1, bins * width))(x)
    context = layers.Bidirectional(layers.GRU(recurrent_units, return_sequences=True))(context)
    context = layers.Dense(bins * width)(context)
    x = layers.Add()([x, layers.Reshape((-1, bins, width))(context)])

    for i in reversed(range(1, len(channels))):
        x = _activate(_upsample(x, channels[i - 1], steps[i], use_bias=False))
        x = layers.Concatenate()([x, skips[i - 1]])
    x = _convolve(x, channels[0])
    mask = _upsample(x, 1, steps[0], activation="sigmoid", name="mask")
    outputs = MaskedWaveform(audio.n_fft, audio.hop_length, name="istft")([y, spectrogram, mask])
    return keras.Model(y, outputs, name="ours")


@dataclass(frozen=True)
class WindowDenoiser:
    """A trained network as a function of a waveform: ``denoise(noisy, sample_rate)``.

    Attributes
    ----------
    network : keras.Model
        Maps waveforms to waveforms of the same length.
    audio : AudioConfig
        Its working sample rate, and the window to which clips are zero-padded.
    """

    network: keras.Model
    audio: AudioConfig

    def windows(self, noisy: np.ndarray) -> np.ndarray:
        """Denoise a batch of whole windows [shape=(windows, clip_samples)]."""
        return np.asarray(self.network.predict_on_batch(noisy.astype(np.float32)))

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Denoise one clip [shape=(n,)]; the result has the same length and rate."""
        require_rate(sample_rate, self.audio.sample_rate)
        window = self.audio.clip_samples
        if len(noisy) > window:
            raise InputError(
                f"A clip has at most {window} samples, got {len(noisy)}; longer recordings go "
                "through lib.denoise."
            )
        return self.windows(fix_length(noisy, window)[None])[0, : len(noisy)]
