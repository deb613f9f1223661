"""The networks, as Keras builders and nothing else.

``build_reference``
    The published autoencoder, layer by layer: magnitude spectrogram in, spectrogram out.
``build_ours``
    A convolutional encoder-decoder that looks at the noisy spectrogram and answers with a
    sigmoid mask; the masked spectrogram, with the noisy phase, goes through the inverse STFT,
    so that the network is trained on waveforms.
``build_conv_tasnet``
    The best-known network that learns its own transform instead of the STFT, small and not
    causal.  Only `make compare` trains it.

All use `keras` and `keras.ops` only, so they train on TensorFlow, JAX or Torch.  A new model
is one builder here and one line in `MODELS`.

Sources: U-Net skips from Ronneberger et al. (2015); mask on the noisy STFT with the noisy
phase from Erdogan et al. (2015); Conv-TasNet from Luo and Mesgarani (2019), arXiv:1809.07454.
"""

from __future__ import annotations

import keras
import pandas as pd
from keras import layers, ops

from lib.config import AudioConfig
from lib.features import REFERENCE_SHAPE

__all__ = [
    "build_reference",
    "build_ours",
    "build_conv_tasnet",
    "Spectrogram",
    "LogMagnitude",
    "MaskedWaveform",
    "CutTo",
    "layer_table",
    "count_macs",
    "MODELS",
    "PUBLISHED",
]


CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.DepthwiseConv1D, layers.Conv1DTranspose,
                layers.Dense)  # fmt: skip
MOMENTUM = 0.9  # of the batch statistics; Keras' 0.99 needs more steps than a short run has


def _convolve(x, channels: int, *, strides=1):
    """3x3 convolution, batch normalisation, ReLU."""
    x = layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    return layers.ReLU()(x)


def build_reference(shape: tuple[int | None, ...] = REFERENCE_SHAPE) -> keras.Model:
    """Return the published autoencoder: 316,289 parameters, of which 832 are not trained.

    Parameters
    ----------
    shape : tuple
        Input shape ``(frequency, frames, 1)``.  The network is fully convolutional, so it can
        be trained on crops along frequency and run on whole spectrograms: same weights.
    """
    inputs = x = keras.Input(shape, name="noisy_spectrogram")
    for channels in (32, 64, 128):
        x = layers.Conv2D(channels, 3, padding="same", activation="relu")(x)
        x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Conv2D(128, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    x = layers.UpSampling2D(2)(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    outputs = layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="spectrogram")(x)
    return keras.Model(inputs, outputs, name="reference")


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
        """Shape of the result; an open time axis stays open."""
        n = shape[1]
        frames = None if n is None else 2 * (1 + n // (2 * self.hop_length))
        return (shape[0], frames, self.n_fft // 2 + 1, 2)

    def get_config(self):
        """Settings that rebuild the layer when a network is loaded."""
        return super().get_config() | {"n_fft": self.n_fft, "hop_length": self.hop_length}


@keras.saving.register_keras_serializable(package="denoising")
class LogMagnitude(layers.Layer):
    """Log magnitude of the bins above DC, relative to the level of the loud frames.

    The level is the power-weighted mean power, which zeros around a clip do not change.
    Dividing by it makes the mask independent of the recording's gain; the mask is applied to
    the spectrogram as it was, so the level itself passes through.
    """

    def call(self, spectrogram):
        """Look at a batch of spectrograms."""
        power = ops.sum(ops.square(spectrogram[:, :, 1:]), axis=-1, keepdims=True)
        squares = ops.sum(ops.square(power), axis=(1, 2, 3), keepdims=True)
        level = squares / (ops.sum(power, axis=(1, 2, 3), keepdims=True) + 1e-20)
        return 0.5 * ops.log(power / (level + 1e-20) + 1e-4)

    def compute_output_shape(self, shape):
        """Shape of the result; an open time axis stays open."""
        return (shape[0], shape[1], shape[2] - 1, 1)


@keras.saving.register_keras_serializable(package="denoising")
class MaskedWaveform(layers.Layer):
    """(waveform, its spectrogram, mask of the bins above DC) -> denoised waveform."""

    def __init__(self, n_fft: int, hop_length: int, **kwargs):
        super().__init__(**kwargs)
        self.n_fft, self.hop_length = n_fft, hop_length

    def call(self, inputs):
        """Mask and transform back."""
        y, spectrogram, mask = inputs
        masked = spectrogram * ops.pad(mask, [[0, 0], [0, 0], [1, 0], [0, 0]])
        out = ops.istft((masked[..., 0], masked[..., 1]), self.n_fft, self.hop_length, self.n_fft)
        return out[:, : ops.shape(y)[1]]

    def compute_output_shape(self, shapes):
        """Shape of the waveform that came in."""
        return shapes[0]

    def get_config(self):
        """Settings that rebuild the layer when a network is loaded."""
        return super().get_config() | {"n_fft": self.n_fft, "hop_length": self.hop_length}


def build_ours(
    audio: AudioConfig,
    *,
    channels: tuple[int, ...] = (16, 32, 48, 64, 64),
    recurrent_units: int = 80,
) -> keras.Model:
    """Return our mask autoencoder: noisy waveform in, denoised waveform of the same length out.

    Any length from ``n_fft / 4 + 1`` samples on.

    Parameters
    ----------
    audio : AudioConfig
        Working rate and STFT; ``n_fft / 2`` must be divisible by ``2 ** len(channels)``.
    channels : tuple of int
        Feature maps of the encoder.  Each step halves the frequency axis, the first one the
        time axis, too.
    recurrent_units : int
        Width of the bidirectional GRU that reads the bottleneck along time.
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

    for i in reversed(range(len(channels))):
        if i < len(channels) - 1:
            x = layers.Concatenate()([x, skips[i]])
        x = layers.UpSampling2D(steps[i])(x)
        x = _convolve(x, channels[max(i - 1, 0)])

    mask = layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="mask")(x)
    outputs = MaskedWaveform(audio.n_fft, audio.hop_length, name="istft")([y, spectrogram, mask])
    return keras.Model(y, outputs, name="ours")


@keras.saving.register_keras_serializable(package="denoising")
class CutTo(layers.Layer):
    """(signal [shape=(batch, m, 1)], waveform [shape=(batch, n)]) -> n samples from `start` on."""

    def __init__(self, start: int, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def call(self, inputs):
        """Cut a batch of signals."""
        signal, y = inputs
        return signal[:, self.start : self.start + ops.shape(y)[1], 0]

    def compute_output_shape(self, shapes):
        """Shape of the waveform."""
        return shapes[1]

    def get_config(self):
        """Settings that rebuild the layer when a network is loaded."""
        return super().get_config() | {"start": self.start}


def _global_norm():
    """Normalisation over time and channels together (gLN); 1e-20 does not see the level."""
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

    A learned filter bank instead of the STFT, a mask on it, and learned filters back; the mask
    comes from blocks of dilated depthwise convolutions.  The filters are 4 ms long (published:
    2 ms, which doubles the cost) and have no bias, so the first normalisation takes the level
    away from the mask, and a gain passes through.

    Parameters
    ----------
    filters, bottleneck, hidden, blocks, repeats : int
        N, B (and Sc), H, X and R of the paper, whose own network has ten times the parameters.
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


MODELS = {
    "reference as published": build_reference,
    "reference repaired": build_reference,
    "ours": build_ours,
}
PUBLISHED = {"Conv-TasNet": build_conv_tasnet}  # trained by `make compare` only


def layer_table(model: keras.Model) -> pd.DataFrame:
    """One row per layer that has weights or changes the shape: layer, output shape, parameters."""
    rows = []
    for layer in model.layers[1:]:
        if isinstance(layer, (layers.ReLU, layers.Reshape)):
            continue
        shape = ", ".join("any" if n is None else str(n) for n in layer.output.shape[1:])
        rows.append(
            {
                "layer": type(layer).__name__,
                "output": f"({shape})",
                "parameters": layer.count_params(),
            }
        )
    return pd.DataFrame(rows)


def count_macs(model: keras.Model, *, samples: int | None = None) -> int:
    """Multiply-accumulates of one input, over convolutions, dense and recurrent layers.

    Parameters
    ----------
    model : keras.Model
    samples : int, optional
        Length of the input waveform, for models whose time axis is open.
    """
    shape = (1, samples) if samples else (1, *model.inputs[0].shape[1:])
    spread = layers.Conv1DTranspose  # its kernel is applied at every position of its input
    tensors = [layer.input if isinstance(layer, spread) else layer.output for layer in model.layers]
    probe = keras.Model(model.inputs, tensors)
    total = 0
    for layer, tensor in zip(model.layers, probe.compute_output_spec(keras.KerasTensor(shape))):
        positions = 1
        for size in tensor.shape[1:-1]:
            positions *= size
        if isinstance(layer, CONVOLUTIONS):
            total += positions * int(ops.size(layer.kernel))
        elif isinstance(layer, layers.Bidirectional):
            kernels = [w for w in layer.weights if "kernel" in w.name]
            total += positions * sum(int(ops.size(w)) for w in kernels)
    return total
