r"""Objective metrics that compare an estimate with the clean signal.

All functions take ``(clean, estimate)``, 1-D arrays of equal length that hold the clip's samples
without padding, and return dB or a score.  Higher is better, except for `log_spectral_distance`.

=======================  ==================================================================
`snr`                    :math:`10\log_{10} \|x\|^2 / \|x-\hat x\|^2`
`si_sdr`                 the same after optimal scaling of the clean signal [1]_
`estoi`                  extended short-time objective intelligibility, up to 1 [2]_
`pesq`                   perceived quality, 1 to 4.5, if the package is installed [3]_
`log_spectral_distance`  distance between log power spectra, dB
`spectrogram_snr`        the score that the published system calls "SNR improvement"
=======================  ==================================================================

Energies are floored at 1e-10 of the signal's, which limits ratios to 100 dB.  A silent clean signal
raises InputError.  A metric that is undefined for a clip is NaN, not an error: ESTOI with fewer
than 30 frames of speech, PESQ where it detects no utterance.  Means are taken over the clips that
have a value.

References
----------
.. [1] Le Roux et al., "SDR -- half-baked or well done?", ICASSP 2019.
.. [2] Jensen and Taal, "An algorithm for predicting the intelligibility of speech masked by
       modulated noise maskers", IEEE/ACM TASLP 2016; checked against pystoi in the tests.
.. [3] ITU-T P.862; computed by the optional package pesq.
"""

from __future__ import annotations

import functools
import importlib.util

import librosa
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import firwin, resample_poly

from lib.errors import InputError

__all__ = [
    "snr",
    "si_sdr",
    "estoi",
    "pesq",
    "log_spectral_distance",
    "spectrogram_snr",
    "evaluate",
    "METRICS",
]

FLOOR = 1e-10  # of the clean signal's energy


def validate(clean: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both signals as float64; raise InputError if they cannot be compared."""
    clean = np.asarray(clean, dtype=np.float64)
    estimate = np.asarray(estimate, dtype=np.float64)
    if clean.shape != estimate.shape or clean.ndim != 1:
        raise InputError(
            f"Clean signal and estimate must be 1-D and equally long, got shapes "
            f"{clean.shape} and {estimate.shape}."
        )
    for name, signal in (("clean signal", clean), ("estimate", estimate)):
        if not np.all(np.isfinite(signal)):
            raise InputError(f"The {name} holds NaN or infinite samples.")
    if not np.any(clean):
        raise InputError("The clean signal is silent: no ratio to it is defined.")
    return clean, estimate


def _ratio_db(signal: np.ndarray, error: np.ndarray, floor: float) -> float:
    return float(10 * np.log10((np.sum(signal**2) + floor) / (np.sum(error**2) + floor)))


def snr(clean: np.ndarray, estimate: np.ndarray) -> float:
    """Return the signal-to-noise ratio in dB: 0 dB for silence, 100 dB for a perfect estimate.

    It has no lower bound, since the error of an estimate may be arbitrarily large.

    Examples
    --------
    >>> round(snr(np.array([1.0, 1.0]), np.array([1.1, 0.9])), 6)
    20.0
    """
    clean, estimate = validate(clean, estimate)
    return _ratio_db(clean, clean - estimate, FLOOR * np.sum(clean**2))


def si_sdr(clean: np.ndarray, estimate: np.ndarray) -> float:
    """Return the scale-invariant signal-to-distortion ratio in dB, within +-100 dB.

    The estimate is projected onto the clean signal before the ratio is taken, so neither its gain
    nor its polarity matters.  Means are not subtracted: DC and rumble have been removed beforehand.
    A silent estimate scores -100 dB.
    """
    clean, estimate = validate(clean, estimate)
    if not np.any(estimate):
        return -100.0
    scale = np.dot(estimate, clean) / np.dot(clean, clean)
    target = scale * clean
    return _ratio_db(target, estimate - target, FLOOR * np.sum(estimate**2))


def estoi(clean: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Return the ESTOI, the mean correlation of normalised envelopes; at most 1.

    Both signals are resampled to 10 kHz, frames without speech (40 dB or more below the loudest
    clean one) are dropped, and the envelopes in 15 third-octave bands are compared in segments of
    30 frames (0.4 s).  In each segment every band is normalised over time, then every frame over
    the bands; constant bands and frames count as 0.  Half-second digits are often too short for a
    segment, so clips shorter than 1.5 s are repeated to at least that length; the score of a
    repeated signal is the mean over its repetitions.

    NaN if there are fewer than 30 frames even so; a silent estimate scores 0.
    """
    clean, estimate = validate(clean, estimate)
    if not np.any(estimate):
        return 0.0
    repeats = int(np.ceil(1.5 * sample_rate / len(clean)))
    x, y = _speech_alone(*(_at_10_khz(np.tile(y, repeats), sample_rate) for y in (clean, estimate)))
    if len(x) < SEGMENT:
        return np.nan
    x, y = (_segments(frames) for frames in (x, y))
    return float(np.sum(x * y) / x.shape[1] / SEGMENT)


ESTOI_RATE, FRAME, SEGMENT = 10_000, 256, 30  # Hz, samples, frames
SPEECH_DB = 40.0  # frames this far below the loudest one hold no speech
HANN = np.hanning(FRAME + 2)[1:-1]


def _at_10_khz(y: np.ndarray, sample_rate: int) -> np.ndarray:
    """Resample to 10 kHz with Octave's filter, which the authors of ESTOI used."""
    if sample_rate == ESTOI_RATE:
        return y
    common = np.gcd(ESTOI_RATE, sample_rate)
    up, down = ESTOI_RATE // common, sample_rate // common
    half = int(np.ceil((60 - 8) / (28.714 * 0.05 / max(up, down))))  # stop band at -60 dB
    window = ("kaiser", 0.1102 * (60 - 8.7))
    return resample_poly(y, up, down, window=firwin(2 * half + 1, 1 / max(up, down), window=window))


def _framed(y: np.ndarray) -> np.ndarray:
    """Return windowed frames with an overlap of one half [shape=(frames, FRAME)]."""
    return sliding_window_view(y, FRAME)[: len(y) - FRAME : FRAME // 2] * HANN


def _speech_alone(clean: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Overlap-add the frames with clean speech and return the new frames of both signals."""
    x, y = _framed(clean), _framed(estimate)
    level_db = 20 * np.log10(np.linalg.norm(x, axis=1) + np.finfo(float).eps)
    speech = level_db > level_db.max() - SPEECH_DB
    joined = []
    for frames in (x[speech], y[speech]):
        halves = np.zeros((len(frames) + 1, FRAME // 2))
        halves[:-1] += frames[:, : FRAME // 2]
        halves[1:] += frames[:, FRAME // 2 :]
        joined.append(_framed(halves.ravel()))
    return joined[0], joined[1]


@functools.lru_cache(maxsize=1)
def _third_octaves() -> np.ndarray:
    """Return which bins lie in each of 15 bands from 150 Hz upwards [shape=(15, FRAME + 1)]."""
    hz = np.linspace(0, ESTOI_RATE / 2, FRAME + 1)
    edges = 150 * 2.0 ** ((2 * np.arange(16) - 1) / 6)
    bins = np.abs(hz[:, None] - edges).argmin(axis=0)
    within = np.arange(FRAME + 1)
    return ((within >= bins[:-1, None]) & (within < bins[1:, None])).astype(float)


def _segments(frames: np.ndarray) -> np.ndarray:
    """Return the normalised envelopes of every 30 successive frames [shape=(15, segments, 30)]."""
    power = np.abs(np.fft.rfft(frames, 2 * FRAME)) ** 2
    envelopes = np.sqrt(_third_octaves() @ power.T)
    segments = sliding_window_view(envelopes, SEGMENT, axis=1)
    return _normalised(_normalised(segments, axis=2), axis=0)


def _normalised(x: np.ndarray, axis: int) -> np.ndarray:
    """Normalise to zero mean and unit norm along an axis; 0 where values are constant."""
    varying = x - x.mean(axis=axis, keepdims=True)
    length = np.linalg.norm(varying, axis=axis, keepdims=True)
    alike = length <= 1e-12 * np.linalg.norm(x, axis=axis, keepdims=True)
    return np.where(alike, 0.0, varying) / np.where(alike, 1.0, length)


def pesq(clean: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Return the narrow-band perceptual evaluation of speech quality (PESQ), at 8 kHz.

    PESQ needs an utterance of 0.2 s.  Clips shorter than 0.5 s are repeated to at least that
    length; more repetitions take longer and rescue hardly any further clips.  NaN if PESQ detects
    no utterance even so, and for a silent estimate.
    """
    try:
        from pesq import PesqError
        from pesq import pesq as itu_pesq
    except ImportError as error:
        raise InputError(
            "PESQ needs the optional package pesq, which is compiled from source: "
            "`.venv/bin/python -m pip install pesq` with a C compiler."
        ) from error
    clean, estimate = validate(clean, estimate)
    if not np.any(estimate):
        return np.nan
    repeats = int(np.ceil(0.5 * sample_rate / len(clean)))
    pair = (
        librosa.resample(np.tile(y, repeats), orig_sr=sample_rate, target_sr=8000)
        for y in (clean, estimate)
    )
    try:
        return float(itu_pesq(8000, *pair, "nb"))
    except PesqError:
        return np.nan


def log_spectral_distance(
    clean: np.ndarray, estimate: np.ndarray, *, n_fft: int = 256, range_db: float = 50.0
) -> float:
    """Return the root-mean-square distance of log power spectra in dB, mean over frames; 0 is best.

    Both spectra are floored at `range_db` below the peak of the clean one, so that inaudible parts
    do not count; the level of the estimate does.
    """
    clean, estimate = validate(clean, estimate)
    spectra = [np.abs(librosa.stft(y, n_fft=n_fft)) ** 2 for y in (clean, estimate)]
    floor = spectra[0].max() * 10 ** (-range_db / 10)
    difference = np.subtract(*(10 * np.log10(np.maximum(S, floor)) for S in spectra))
    return float(np.mean(np.sqrt(np.mean(difference**2, axis=0))))


def spectrogram_snr(clean: np.ndarray, estimate: np.ndarray) -> float:
    """Return the output SNR in dB of z-scored magnitude spectrograms of any shape.

    The published system reports the mean of this score as "SNR improvement".  It is not an
    improvement, since the input SNR is not subtracted, and a spectrogram of zeros scores 0 dB.
    It is kept for comparison, under an accurate name.
    """
    return snr(np.ravel(clean), np.ravel(estimate))


METRICS = {
    "snr_db": lambda clean, estimate, sample_rate: snr(clean, estimate),
    "si_sdr_db": lambda clean, estimate, sample_rate: si_sdr(clean, estimate),
    "estoi": estoi,
    "log_spectral_distance_db": lambda clean, estimate, sample_rate: log_spectral_distance(
        clean, estimate
    ),
}
if importlib.util.find_spec("pesq"):
    METRICS["pesq"] = pesq


def evaluate(clean: np.ndarray, estimate: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Return every metric of `METRICS` by name; NaN where a metric is undefined for the clip."""
    return {name: metric(clean, estimate, sample_rate) for name, metric in METRICS.items()}
