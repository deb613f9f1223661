"""The published autoencoder: its features, two targets, layers, and use as a denoiser.

It maps a magnitude spectrogram of shape ``(1024, 44, 1)`` to another: one second at 22,050 Hz,
``n_fft`` 2048, hop 512, without the last (Nyquist) bin.  *Reference* always means this
network.  It was published with z-scored input and target (`ZScore`); `RelativeMagnitude` repairs
both.

Keras is imported only to build it: workers that score clips need only its features, and start fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.config import AudioConfig
from lib.signals.audio import fix_length, require_rate, resample
from lib.signals.stft import istft, stft

if TYPE_CHECKING:
    import keras

__all__ = [
    "REFERENCE_FFT",
    "REFERENCE_HOP",
    "REFERENCE_RATE",
    "REFERENCE_SHAPE",
    "ReferenceDenoiser",
    "RelativeMagnitude",
    "ZScore",
    "build_reference",
    "filled_bins",
    "input_sizes",
    "reference_features",
    "reference_waveform",
]

REFERENCE_RATE = 22_050  # Hz
REFERENCE_FFT = 2048
REFERENCE_HOP = 512
REFERENCE_SHAPE = (1024, 44, 1)
COMPRESSION = 0.3  # exponent of the power-law compression of magnitudes
MOMENTUM = 0.9  # of the batch statistics; Keras' 0.99 needs more steps than a short run takes
REACH = 16  # bins; inputs farther from a bin do not affect the network's output for it


def _reference_stft(y: np.ndarray, sample_rate: int) -> np.ndarray:
    y = fix_length(resample(y, sample_rate, REFERENCE_RATE), REFERENCE_RATE)
    return stft(y, n_fft=REFERENCE_FFT, hop_length=REFERENCE_HOP)


def reference_features(y: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the reference's magnitude spectrogram [shape=(1024, 44, 1), dtype=float32].

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        Waveform; padded or trimmed to one second.
    sample_rate : int
        Its sample rate in Hz.
    """
    return np.abs(_reference_stft(y, sample_rate))[:-1, :, None].astype(np.float32)


def reference_waveform(magnitude: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the waveform of reference features, with the phase of the noisy signal.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(1024, 44, 1)]
        Estimated magnitudes; negative values are set to zero.
    noisy : np.ndarray [shape=(n,)]
        The noisy waveform, at most one second.
    sample_rate : int
        Sample rate of `noisy` and of the result in Hz.

    Returns
    -------
    np.ndarray [shape=(n,)]
    """
    S = _reference_stft(noisy, sample_rate)
    full = np.zeros(S.shape)
    full[:-1] = np.maximum(magnitude[:, :, 0], 0)
    y = istft(
        full * np.exp(1j * np.angle(S)),
        n_fft=REFERENCE_FFT,
        hop_length=REFERENCE_HOP,
        length=REFERENCE_RATE,
    )
    return fix_length(resample(y, REFERENCE_RATE, sample_rate), len(noisy))


def filled_bins(sample_rate: int) -> int:
    """Return how many of the 1,024 bins lie below half of `sample_rate`; the others are empty."""
    return min(REFERENCE_SHAPE[0], REFERENCE_SHAPE[0] * sample_rate // REFERENCE_RATE)


def input_sizes(audio: AudioConfig) -> pd.DataFrame:
    """Compare the inputs of the reference and of our models: one row per property."""
    frames = 1 + -(-audio.clip_samples // audio.hop_length)
    bins = audio.n_fft // 2
    ours = {
        "sample rate (Hz)": audio.sample_rate,
        "window (ms)": 1e3 * audio.n_fft / audio.sample_rate,
        "hop (ms)": 1e3 * audio.hop_length / audio.sample_rate,
        "width of a bin (Hz)": audio.sample_rate / audio.n_fft,
        "frequency bins": bins,
        "frames per second": frames,
        "values per clip": bins * frames,
    }
    bins, frames, _ = REFERENCE_SHAPE
    reference = {
        "sample rate (Hz)": REFERENCE_RATE,
        "window (ms)": 1e3 * REFERENCE_FFT / REFERENCE_RATE,
        "hop (ms)": 1e3 * REFERENCE_HOP / REFERENCE_RATE,
        "width of a bin (Hz)": REFERENCE_RATE / REFERENCE_FFT,
        "frequency bins": bins,
        "frames per second": frames,
        "values per clip": bins * frames,
    }
    table = pd.DataFrame({"reference": reference, "ours": ours}, dtype=float)
    return table.rename_axis("property").reset_index()


@dataclass(frozen=True)
class ZScore:
    """The published z-scoring of magnitudes, with the statistics of the training clips only.

    Input and target were both z-scored, although a sigmoid output can reach neither the negative
    values of such a target nor those above 1.
    """

    noisy_mean: float
    noisy_std: float
    clean_mean: float
    clean_std: float

    @classmethod
    def fit(cls, noisy: np.ndarray, clean: np.ndarray) -> ZScore:
        """Compute the statistics of training features, each [shape=(clips, 1024, 44, 1)]."""
        statistics = (noisy.mean(), noisy.std(), clean.mean(), clean.std())
        return cls(*map(float, statistics))

    def inputs(self, noisy: np.ndarray) -> np.ndarray:
        """Return z-scored noisy magnitudes."""
        return (noisy - self.noisy_mean) / self.noisy_std

    def targets(self, clean: np.ndarray, noisy: np.ndarray | None = None) -> np.ndarray:
        """Return z-scored clean magnitudes; `noisy` is ignored."""
        return (clean - self.clean_mean) / self.clean_std

    def magnitudes(self, output: np.ndarray, noisy: np.ndarray | None = None) -> np.ndarray:
        """Return the magnitudes of an output; undoes `targets`."""
        return output * self.clean_std + self.clean_mean


@dataclass(frozen=True)
class RelativeMagnitude:
    """Compressed magnitudes relative to the peak of the noisy clip, between 0 and 1.

    Repairs the reference's input and target: a sigmoid covers the whole range, weak sounds count
    as well as strong ones, and the recording level does not matter.  Magnitudes have the shape
    (..., 1024, 44, 1).
    """

    @classmethod
    def fit(cls, noisy: np.ndarray, clean: np.ndarray) -> RelativeMagnitude:
        """Return an instance; there is nothing to fit, as every clip has its own scale."""
        return cls()

    def inputs(self, noisy: np.ndarray) -> np.ndarray:
        """Return relative noisy magnitudes."""
        return self.targets(noisy, noisy)

    def targets(self, clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        """Return relative clean magnitudes."""
        return np.minimum(clean / self._peak(noisy), 1.0) ** COMPRESSION

    def magnitudes(self, output: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        """Return the magnitudes of an output; undoes `targets`."""
        return np.maximum(output, 0.0) ** (1 / COMPRESSION) * self._peak(noisy)

    @staticmethod
    def _peak(noisy: np.ndarray) -> np.ndarray:
        peak = noisy.max(axis=(-3, -2, -1), keepdims=True)
        return np.maximum(peak, np.finfo(np.float32).tiny)


def build_reference(shape: tuple[int | None, ...] = REFERENCE_SHAPE) -> keras.Model:
    """Return the published autoencoder: 316,289 parameters, of which 832 are not trainable.

    Parameters
    ----------
    shape : tuple
        Input shape ``(frequency, frames, 1)``.  The network is fully convolutional, so it can
        be trained on crops along frequency and run on whole spectrograms with the same weights.
    """
    import keras
    from keras import layers

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


@dataclass(frozen=True)
class ReferenceDenoiser:
    """The trained network as a function of a waveform: ``denoise(noisy, sample_rate)``.

    A call runs the network only on the bins that the working rate fills and leaves the others
    empty; at 8 kHz the waveforms differ by less than -25 dB and SI-SDR by 0.01 dB from those of
    whole spectrograms, which take 2.6 times as long.

    Attributes
    ----------
    network : keras.Model
    sample_rate : int
        Working sample rate in Hz.
    scale : ZScore or RelativeMagnitude
        Scaling that the network was trained with.
    """

    network: keras.Model
    sample_rate: int
    scale: ZScore | RelativeMagnitude

    def magnitudes(self, noisy: np.ndarray, bins: int = REFERENCE_SHAPE[0]) -> np.ndarray:
        """Estimate the clean magnitudes of a clip [shape=(1024, 44, 1)].

        Parameters
        ----------
        bins : int
            How many of the lowest bins to estimate; those above are zero.
        """
        features = reference_features(noisy, self.sample_rate)
        seen = self.scale.inputs(features)[None, : bins + REACH + bins % 2].astype(np.float32)
        output = np.asarray(self.network.predict_on_batch(seen))[0, :bins]
        estimate = np.zeros_like(features)
        estimate[:bins] = self.scale.magnitudes(output, features)
        return estimate

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Denoise one clip [shape=(n,)], second by second; its length and rate are kept."""
        require_rate(sample_rate, self.sample_rate)
        seconds = np.split(noisy, range(sample_rate, len(noisy), sample_rate))
        bins = filled_bins(sample_rate)
        return np.concatenate(
            [reference_waveform(self.magnitudes(y, bins), y, sample_rate) for y in seconds]
        )
