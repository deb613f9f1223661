"""The published autoencoder: what it sees, its two targets, its layers, and its use as a denoiser.

It maps a magnitude spectrogram of shape ``(1024, 44, 1)`` to another: one second at 22,050 Hz,
``n_fft`` 2048, hop 512, without the last (Nyquist) bin.  *Reference* means this network, and
nothing else here.  It was published with z-scored input and target (`ZScore`); `RelativeMagnitude`
repairs both.

Keras is imported to build it only: workers that score clips need its features, and start fast.
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
COMPRESSION = 0.3  # exponent; the ear's loudness grows about so with sound pressure
MOMENTUM = 0.9  # of the batch statistics; Keras' 0.99 needs more steps than a short run has
REACH = 16  # bins; what lies farther from a bin has no part in the network's answer for it


def _reference_stft(y: np.ndarray, sample_rate: int) -> np.ndarray:
    y = fix_length(resample(y, sample_rate, REFERENCE_RATE), REFERENCE_RATE)
    return stft(y, n_fft=REFERENCE_FFT, hop_length=REFERENCE_HOP)


def reference_features(y: np.ndarray, sample_rate: int) -> np.ndarray:
    """Magnitude spectrogram [shape=(1024, 44, 1), dtype=float32] as the reference made it.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        Waveform; padded or trimmed to one second.
    sample_rate : int
        Its rate in Hz.
    """
    return np.abs(_reference_stft(y, sample_rate))[:-1, :, None].astype(np.float32)


def reference_waveform(magnitude: np.ndarray, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    """Waveform of reference features with the phase of the noisy signal, at the input's rate.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(1024, 44, 1)]
        Estimated magnitudes; negative values count as zero.
    noisy : np.ndarray [shape=(n,)]
        The noisy waveform, at most one second.
    sample_rate : int
        Rate of `noisy` and of the result in Hz.

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
    """How many of the 1,024 bins lie below half of a rate in Hz; those above are empty."""
    return min(REFERENCE_SHAPE[0], REFERENCE_SHAPE[0] * sample_rate // REFERENCE_RATE)


def input_sizes(audio: AudioConfig) -> pd.DataFrame:
    """What the two kinds of model look at, side by side: one row per property."""
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
    """The published z-score of magnitudes, with the statistics of the training clips only.

    Input and target were both z-scored, though a sigmoid output can reach neither the negative
    half of such a target nor what lies above 1.
    """

    noisy_mean: float
    noisy_std: float
    clean_mean: float
    clean_std: float

    @classmethod
    def fit(cls, noisy: np.ndarray, clean: np.ndarray) -> ZScore:
        """Take the statistics of training features, each [shape=(clips, 1024, 44, 1)]."""
        statistics = (noisy.mean(), noisy.std(), clean.mean(), clean.std())
        return cls(*map(float, statistics))

    def inputs(self, noisy: np.ndarray) -> np.ndarray:
        """z-scored noisy magnitudes."""
        return (noisy - self.noisy_mean) / self.noisy_std

    def targets(self, clean: np.ndarray, noisy: np.ndarray | None = None) -> np.ndarray:
        """z-scored clean magnitudes; the noisy ones have no say."""
        return (clean - self.clean_mean) / self.clean_std

    def magnitudes(self, output: np.ndarray, noisy: np.ndarray | None = None) -> np.ndarray:
        """Magnitudes from an output; undoes `targets`."""
        return output * self.clean_std + self.clean_mean


@dataclass(frozen=True)
class RelativeMagnitude:
    """Magnitudes relative to the peak of the noisy clip, compressed: between 0 and 1.

    The repair of the reference's input and target: a sigmoid reaches all of it, weak sounds
    count as well as strong ones, and how loud a speaker was recorded does not matter.  Magnitudes
    have the shape (..., 1024, 44, 1).
    """

    @classmethod
    def fit(cls, noisy: np.ndarray, clean: np.ndarray) -> RelativeMagnitude:
        """Learn nothing: every clip has its own scale."""
        return cls()

    def inputs(self, noisy: np.ndarray) -> np.ndarray:
        """Relative noisy magnitudes."""
        return self.targets(noisy, noisy)

    def targets(self, clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        """Relative clean magnitudes."""
        return np.minimum(clean / self._peak(noisy), 1.0) ** COMPRESSION

    def magnitudes(self, output: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        """Magnitudes from an output; undoes `targets`."""
        return np.maximum(output, 0.0) ** (1 / COMPRESSION) * self._peak(noisy)

    @staticmethod
    def _peak(noisy: np.ndarray) -> np.ndarray:
        peak = noisy.max(axis=(-3, -2, -1), keepdims=True)
        return np.maximum(peak, np.finfo(np.float32).tiny)


def build_reference(shape: tuple[int | None, ...] = REFERENCE_SHAPE) -> keras.Model:
    """Return the published autoencoder: 316,289 parameters, of which 832 are not trained.

    Parameters
    ----------
    shape : tuple
        Input shape ``(frequency, frames, 1)``.  The network is fully convolutional, so it can
        be trained on crops along frequency and run on whole spectrograms: same weights.
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

    Called, it asks the network only for the bins that the working rate fills, and leaves the
    others empty; at 8 kHz the waveforms differ by less than -25 dB and SI-SDR by 0.01 dB from
    those of whole spectrograms, which take 2.6 times as long.

    Attributes
    ----------
    network : keras.Model
    sample_rate : int
        Working rate in Hz.
    scale : ZScore or RelativeMagnitude
        What the network was trained with.
    """

    network: keras.Model
    sample_rate: int
    scale: ZScore | RelativeMagnitude

    def magnitudes(self, noisy: np.ndarray, bins: int = REFERENCE_SHAPE[0]) -> np.ndarray:
        """Estimate of the clean magnitudes of a clip [shape=(1024, 44, 1)].

        Parameters
        ----------
        bins : int
            How many of the lowest bins are estimated; those above are zero.
        """
        features = reference_features(noisy, self.sample_rate)
        seen = self.scale.inputs(features)[None, : bins + REACH + bins % 2].astype(np.float32)
        output = np.asarray(self.network.predict_on_batch(seen))[0, :bins]
        estimate = np.zeros_like(features)
        estimate[:bins] = self.scale.magnitudes(output, features)
        return estimate

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Denoise one clip [shape=(n,)], second by second; it keeps its length and rate."""
        require_rate(sample_rate, self.sample_rate)
        seconds = np.split(noisy, range(sample_rate, len(noisy), sample_rate))
        bins = filled_bins(sample_rate)
        return np.concatenate(
            [reference_waveform(self.magnitudes(y, bins), y, sample_rate) for y in seconds]
        )
