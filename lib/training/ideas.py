"""Ideas that did not help, each a component that can replace one in a recipe.

They are evaluated by `lib.training.trials` and used nowhere else.  Sources: SI-SDR loss from Le
Roux et al. (2019); compressed spectra from Braun and Tashev (2020), arXiv:2009.12286; complex
filters over neighbouring frames from Mack and Habets (2020), arXiv:1904.08369.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from lib.clips.examples import equalised_example
from lib.config import AudioConfig, Config
from lib.models.mask import WindowDenoiser, build_ours
from lib.training.losses import negative_snr

__all__ = [
    "ComplexFilter",
    "TwoShifts",
    "compressed_spectra",
    "negative_si_sdr",
    "over_two_shifts",
    "si_sdr",
    "snr_and_compressed_spectra",
    "warped",
    "with_complex_filter",
]

# ---- Augmentation


def warped(clean, samples, rng, config, *, depth: float = 0.2):
    """Make an example from a clip whose speed varies by up to 20 % around its mean."""
    n = len(clean)
    phase = 2 * np.pi * (rng.uniform(0.5, 2) * np.arange(n) / max(n, 1) + rng.uniform())
    position = np.cumsum(1 + depth * np.sin(phase))
    position *= (n - 1) / max(position[-1], 1) if n else 1
    return equalised_example(np.interp(position, np.arange(n), clean), samples, rng, config)


# ---- Losses


@keras.saving.register_keras_serializable(package="denoising")
def negative_si_sdr(clean, estimate):
    """Return the negative SI-SDR in dB, saturating at 30 dB; the level is unconstrained."""
    scale = ops.sum(clean * estimate, -1, keepdims=True)
    target = scale / (ops.sum(ops.square(clean), -1, keepdims=True) + 1e-8) * clean
    return negative_snr(target, estimate)


@keras.saving.register_keras_serializable(package="denoising")
def snr_and_compressed_spectra(clean, estimate):
    """Return negative SNR plus squared error of magnitudes to the power of 0.3, three windows."""
    level = ops.sqrt(ops.mean(ops.square(clean), -1, keepdims=True) + 1e-10)
    loss = negative_snr(clean, estimate)
    for n_fft in (128, 256, 512):
        magnitudes = []
        for y in (clean, estimate):
            real, imaginary = ops.stft(y / level, n_fft, n_fft // 4, n_fft)
            magnitudes.append(ops.power(ops.square(real) + ops.square(imaginary) + 1e-8, 0.15))
        loss += 7 * ops.mean(ops.square(magnitudes[0] - magnitudes[1]), axis=(1, 2))
    return loss


# ---- Architecture


@keras.saving.register_keras_serializable(package="denoising")
class ComplexFilter(layers.Layer):
    """Mask plus complex filter over neighbouring frames, in a phase-compensated spectrogram.

    (waveform, spectrogram, mask, taps [shape=(batch, frames, bins, 6)]) -> waveform.  Each bin is
    rotated back by the phase that its centre frequency advances from frame to frame, so that a
    steady tone has a constant phase and three neighbouring frames can be summed.
    """

    def __init__(self, n_fft: int, hop_length: int, **kwargs):
        super().__init__(**kwargs)
        self.n_fft, self.hop_length = n_fft, hop_length

    def turn(self, spectrogram, direction: int):
        """Rotate all phases back (-1) or forward (1)."""
        frames, bins = ops.arange(ops.shape(spectrogram)[1]), ops.arange(spectrogram.shape[2])
        steps = ops.mod(frames[:, None] * bins[None] * self.hop_length, self.n_fft)
        angle = direction * 2 * math.pi / self.n_fft * ops.cast(steps, "float32")
        return _times(spectrogram, ops.cos(angle), ops.sin(angle))

    def call(self, inputs):
        """Filter a batch of spectrograms and transform it back."""
        y, spectrogram, mask, taps = inputs
        mask, taps = (ops.pad(x, [[0, 0], [0, 0], [1, 0], [0, 0]]) for x in (mask, taps))
        still = self.turn(spectrogram, -1)
        frames, out = ops.shape(still)[1], still * mask
        around = ops.pad(still, [[0, 0], [1, 1], [0, 0], [0, 0]])
        for i in range(3):
            neighbour = around[:, i : i + frames]
            out += _times(neighbour, ops.tanh(taps[..., 2 * i]), ops.tanh(taps[..., 2 * i + 1]))
        out = self.turn(out, 1)
        wave = ops.istft((out[..., 0], out[..., 1]), self.n_fft, self.hop_length, self.n_fft)
        return wave[:, : ops.shape(y)[1]]

    def compute_output_shape(self, shapes):
        """Return the shape of the waveform."""
        return shapes[0]

    def get_config(self):
        """Return the settings that rebuild the layer when a network is loaded."""
        return super().get_config() | {"n_fft": self.n_fft, "hop_length": self.hop_length}


def _times(z, real, imaginary):
    """Return the complex product, with real and imaginary parts on the last axis."""
    a, b = z[..., 0], z[..., 1]
    return ops.stack([a * real - b * imaginary, a * imaginary + b * real], axis=-1)


def with_complex_filter(audio) -> keras.Model:
    """Return our network with a second head that refines the phase."""
    ours = build_ours(audio)
    mask = ours.get_layer("mask")
    inputs = [ours.inputs[0], ours.get_layer("stft").output, mask.output]
    taps = layers.Conv2DTranspose(6, 4, 2, padding="same", kernel_initializer="zeros", name="taps")
    waveform = ComplexFilter(audio.n_fft, audio.hop_length)
    return keras.Model(ours.inputs, waveform([*inputs, taps(mask.input)]))


# ---- Recipe components that take a configuration


def si_sdr(config: Config):
    """Return the negative SI-SDR loss, whatever the configuration."""
    return negative_si_sdr


def compressed_spectra(config: Config):
    """Return the loss of SNR and compressed spectra, whatever the configuration."""
    return snr_and_compressed_spectra


# ---- Inference


@dataclass(frozen=True)
class TwoShifts(WindowDenoiser):
    """Denoiser that averages the outputs for the signal and for a copy delayed by half a hop."""

    def windows(self, noisy: np.ndarray) -> np.ndarray:
        """Denoise a batch of windows [shape=(windows, clip_samples)]."""
        shift = self.audio.hop_length // 2
        later = super().windows(np.pad(noisy, [(0, 0), (shift, 0)]))
        return (super().windows(noisy) + later[:, shift:]) / 2


def over_two_shifts(network: keras.Model, record: dict) -> TwoShifts:
    """Return the network as a denoiser that processes each clip twice."""
    return TwoShifts(network, AudioConfig(**record["audio"]))
