"""From waveform to spectrogram and back, for our models and for the reference's.

Spectrograms follow librosa: complex, shape ``(n_fft // 2 + 1, frames)``, Hann window, centred
frames.  With a hop of at most half the window the inverse is exact to rounding.

The reference's input is a magnitude spectrogram of shape ``(1024, 44, 1)``: one second at
22,050 Hz, ``n_fft`` 2048, hop 512, without the last (Nyquist) bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import librosa
import numpy as np
import pandas as pd

from lib.audio import fix_length, resample
from lib.config import AudioConfig

__all__ = [
    "REFERENCE_SHAPE",
    "stft",
    "istft",
    "round_trip_error_db",
    "input_sizes",
    "level_db",
    "reference_features",
    "reference_waveform",
    "ReferenceScale",
    "relative_magnitude",
    "absolute_magnitude",
]

REFERENCE_RATE = 22_050  # Hz
REFERENCE_FFT = 2048
REFERENCE_HOP = 512
REFERENCE_SHAPE = (1024, 44, 1)
COMPRESSION = 0.3  # exponent; the ear's loudness grows about so with sound pressure


def stft(y: np.ndarray, *, n_fft: int, hop_length: int) -> np.ndarray:
    """Complex spectrogram [shape=(n_fft // 2 + 1, 1 + len(y) // hop_length)] of a waveform."""
    return librosa.stft(y, n_fft=n_fft, hop_length=hop_length)


def istft(S: np.ndarray, *, n_fft: int, hop_length: int, length: int) -> np.ndarray:
    """Waveform [shape=(length,)] of a complex spectrogram; the inverse of `stft`."""
    return librosa.istft(S, n_fft=n_fft, hop_length=hop_length, length=length)


def round_trip_error_db(y: np.ndarray, *, n_fft: int, hop_length: int) -> float:
    """Energy of ``istft(stft(y)) - y`` relative to `y`, in dB; about -300 is rounding error."""
    S = stft(y, n_fft=n_fft, hop_length=hop_length)
    error = istft(S, n_fft=n_fft, hop_length=hop_length, length=len(y)) - y
    tiny = np.finfo(float).tiny
    return float(10 * np.log10((np.sum(error**2) + tiny) / np.sum(y**2)))


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


def level_db(S: np.ndarray, *, reference: float, range_db: float = 60.0) -> np.ndarray:
    """Level of a spectrogram in dB relative to the magnitude `reference`, floored."""
    floor = 10 ** (-range_db / 20)
    return 20 * np.log10(np.maximum(np.abs(S) / reference, floor))


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


@dataclass(frozen=True)
class ReferenceScale:
    """The published z-score of magnitudes, with the statistics of the training clips only.

    Input and target were both z-scored, though a sigmoid output can reach neither the negative
    half of such a target nor what lies above 1.
    """

    noisy_mean: float
    noisy_std: float
    clean_mean: float
    clean_std: float

    @classmethod
    def fit(cls, noisy: np.ndarray, clean: np.ndarray) -> ReferenceScale:
        """Take the statistics of training features, each [shape=(clips, 1024, 44, 1)]."""
        statistics = (noisy.mean(), noisy.std(), clean.mean(), clean.std())
        return cls(*map(float, statistics))

    def inputs(self, noisy: np.ndarray) -> np.ndarray:
        """z-scored noisy magnitudes."""
        return (noisy - self.noisy_mean) / self.noisy_std

    def z_score(self, clean: np.ndarray) -> np.ndarray:
        """z-scored clean magnitudes: the published target."""
        return (clean - self.clean_mean) / self.clean_std

    def undo_z_score(self, output: np.ndarray) -> np.ndarray:
        """Magnitudes from the output of the published variant."""
        return output * self.clean_std + self.clean_mean


def relative_magnitude(magnitude: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """Magnitudes relative to the peak of the noisy clip, compressed: between 0 and 1.

    The repair of the reference's input and target: a sigmoid reaches all of it, weak sounds
    count as well as strong ones, and how loud a speaker was recorded does not matter.

    Parameters
    ----------
    magnitude, noisy : np.ndarray [shape=(..., 1024, 44, 1)]
        What is to be scaled, and the noisy magnitudes of the same clips.
    """
    return np.minimum(magnitude / _peak(noisy), 1.0) ** COMPRESSION


def absolute_magnitude(relative: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """Undo `relative_magnitude`."""
    return np.maximum(relative, 0.0) ** (1 / COMPRESSION) * _peak(noisy)


def _peak(noisy: np.ndarray) -> np.ndarray:
    return np.maximum(noisy.max(axis=(-3, -2, -1), keepdims=True), np.finfo(np.float32).tiny)
