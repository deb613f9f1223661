r"""The training loss of our network: waveform error and correlation of band envelopes.

The loss of a pair is the negative SNR in dB minus `weight` times the correlation of the envelopes
in fifteen third-octave bands:

.. math:: L = -\mathrm{SNR}(x, \hat x) - w\,\mathrm{corr}(x, \hat x)

The SNR is dominated by the few loudest harmonics.  The correlation, which weights all bands and
frames equally, makes the network preserve weak consonants, too.  It is the intelligibility measure
ESTOI computed on one whole example (Jensen and Taal 2016), so ESTOI is partly what we train for,
and the report says so.

Waveforms are tensors [shape=(batch, n)]; both parts work on any Keras backend.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

__all__ = ["negative_snr", "envelope_correlation", "DenoisingLoss"]

FRAME_S, HOP_S = 0.0256, 0.0128  # s; these and the bands are ESTOI's
BANDS, LOWEST_HZ = 15, 150.0


def negative_snr(clean, estimate):
    """Return the negative SNR in dB of each waveform, saturating at 30 dB.

    Unlike SI-SDR, it also requires the right level.
    """
    speech = ops.sum(ops.square(clean), axis=-1) + 1e-8
    error = ops.sum(ops.square(clean - estimate), axis=-1) + 1e-8
    return -10 * ops.log10(speech / (error + 1e-3 * speech))


def third_octave_bands(sample_rate: int, n_fft: int) -> np.ndarray:
    """Return which STFT bins lie in which band, as zeros and ones [shape=(n_fft / 2 + 1, 15)]."""
    hz = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    centres = LOWEST_HZ * 2 ** (np.arange(BANDS) / 3)
    inside = (hz >= centres * 2 ** (-1 / 6)) & (hz < centres * 2 ** (1 / 6))
    return inside.astype(np.float32)


def _normalise(x, axis: int):
    """Return `x` with zero mean and unit norm along an axis."""
    x = x - ops.mean(x, axis=axis, keepdims=True)
    return x / ops.sqrt(ops.sum(ops.square(x), axis=axis, keepdims=True) + 1e-8)


def envelope_correlation(clean, estimate, sample_rate: int):
    """Return the correlation over bands of each waveform's normalised envelopes, -1 to 1.

    Each band's envelope is normalised over time, then each frame over the bands; neither the
    level of the signal nor the colour of its spectrum matters.
    """
    length, hop = round(FRAME_S * sample_rate), round(HOP_S * sample_rate)
    n_fft = 2 ** int(np.ceil(np.log2(length)))
    bands = ops.convert_to_tensor(third_octave_bands(sample_rate, n_fft))
    level = ops.sqrt(ops.mean(ops.square(clean), axis=-1, keepdims=True) + 1e-10)

    def envelopes(y):
        real, imaginary = ops.stft(y / level, length, hop, n_fft)
        power = ops.matmul(ops.square(real) + ops.square(imaginary), bands)
        return _normalise(_normalise(ops.sqrt(power + 1e-10), axis=1), axis=2)

    return ops.mean(ops.sum(envelopes(clean) * envelopes(estimate), axis=2), axis=1)


@keras.saving.register_keras_serializable(package="denoising")
class DenoisingLoss(keras.losses.Loss):
    """Negative SNR in dB minus `weight` times the envelope correlation."""

    def __init__(self, sample_rate: int, weight: float, **kwargs):
        super().__init__(**kwargs)
        self.sample_rate, self.weight = sample_rate, weight

    def call(self, clean, estimate):
        """Return the loss of each waveform in a batch."""
        loss = negative_snr(clean, estimate)
        if self.weight:
            loss -= self.weight * envelope_correlation(clean, estimate, self.sample_rate)
        return loss

    def get_config(self):
        """Return the settings from which the loss can be rebuilt."""
        return super().get_config() | {"sample_rate": self.sample_rate, "weight": self.weight}
