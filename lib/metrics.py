r"""How far an estimate is from the clean signal: NumPy in, numbers out.

All functions take ``(clean, estimate)``, 1-D arrays of equal length over the clip's own
samples, and return dB or a score.  Higher is better, except for `log_spectral_distance`.

=======================  ==================================================================
`snr`                    :math:`10\log_{10} \|x\|^2 / \|x-\hat x\|^2`
`si_sdr`                 the same after the best gain on the clean signal [1]_
`estoi`                  extended short-time objective intelligibility, up to 1 [2]_
`pesq`                   perceived quality, 1 to 4.5, where the library is installed [3]_
`log_spectral_distance`  distance of log spectra, dB
`spectrogram_snr`        the figure the published system called "SNR improvement"
=======================  ==================================================================

Energies are floored at 1e-10 of the signal's, so that no ratio exceeds 100 dB.  A silent clean
signal raises.  A metric that is not defined for a clip is NaN, never an error: ESTOI where less
than 30 frames hold speech, PESQ where it hears none.  Means are taken over the clips that have a
value.

References
----------
.. [1] Le Roux et al., "SDR -- half-baked or well done?", ICASSP 2019.
.. [2] Jensen and Taal, "An algorithm for predicting the intelligibility of speech masked by
       modulated noise maskers", IEEE/ACM TASLP 2016; the tests hold it against pystoi.
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
    """Return both as float64, or raise InputError when they cannot be compared."""
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
    """Signal-to-noise ratio in dB; silence scores 0 dB, a perfect estimate 100 dB.

    Without a lower bound: an estimate may be as loud and wrong as it likes.

    Examples
    --------
    >>> round(snr(np.array([1.0, 1.0]), np.array([1.1, 0.9])), 6)
    20.0
    """
    clean, estimate = validate(clean, estimate)
    return _ratio_db(clean, clean - estimate, FLOOR * np.sum(clean**2))


def si_sdr(clean: np.ndarray, estimate: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, within +-100 dB.

    The estimate is projected on the clean signal before the ratio is taken, so neither a gain nor
    a change of polarity of the estimate changes it.  Signals are used as they are: DC
    and rumble were removed before.  A silent estimate holds nothing of it: -100 dB.
    """
    clean, estimate = validate(clean, estimate)
    if not np.any(estimate):
        return -100.0
    scale = np.dot(estimate, clean) / np.dot(clean, clean)
    target = scale * clean
    return _ratio_db(target, estimate - target, FLOOR * np.sum(estimate**2))


def estoi(clean: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Extended short-time objective intelligibility: mean correlation of normalised envelopes.

    Both signals are brought to 10 kHz, frames without speech (40 dB under the loudest clean one)
    are left out, and the envelopes in 15 third-octave bands are compared in segments of 30 frames
    (0.4 s).  In each segment every band is normalised over time, then every frame over the bands;
    what does not vary counts as 0.  Half-second digits are often too short for a segment, so clips
    of under 1.5 s are repeated until they are as long; the score of a repeated signal is the mean
    over its repetitions.

    NaN where 30 frames are not reached even so; a silent estimate scores 0.
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
SPEECH_DB = 40.0  # frames so far under the loudest one hold no speech
HANN = np.hanning(FRAME + 2)[1:-1]


def _at_10_khz(y: np.ndarray, sample_rate: int) -> np.ndarray:
    """Resample as Octave does, whose filter the authors of ESTOI used."""
    if sample_rate == ESTOI_RATE:
        return y
    common = np.gcd(ESTOI_RATE, sample_rate)
    up, down = ESTOI_RATE // common, sample_rate // common
    half = int(np.ceil((60 - 8) / (28.714 * 0.05 / max(up, down))))  # for a rejection of 60 dB
    window = ("kaiser", 0.1102 * (60 - 8.7))
    return resample_poly(y, up, down, window=firwin(2 * half + 1, 1 / max(up, down), window=window))


def _framed(y: np.ndarray) -> np.ndarray:
    """Windowed frames, half of each shared with the next [shape=(frames, FRAME)]."""
    return sliding_window_view(y, FRAME)[: len(y) - FRAME : FRAME // 2] * HANN


def _speech_alone(clean: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames of both signals, put together anew from the frames in which the clean one speaks."""
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
    """Which bin lies in which of 15 bands from 150 Hz on [shape=(15, FRAME + 1)]."""
    hz = np.linspace(0, ESTOI_RATE / 2, FRAME + 1)
    edges = 150 * 2.0 ** ((2 * np.arange(16) - 1) / 6)
    bins = np.abs(hz[:, None] - edges).argmin(axis=0)
    within = np.arange(FRAME + 1)
    return ((within >= bins[:-1, None]) & (within < bins[1:, None])).astype(float)


def _segments(frames: np.ndarray) -> np.ndarray:
    """Normalised envelopes of every 30 successive frames [shape=(15, segments, 30)]."""
    power = np.abs(np.fft.rfft(frames, 2 * FRAME)) ** 2
    envelopes = np.sqrt(_third_octaves() @ power.T)
    segments = sliding_window_view(envelopes, SEGMENT, axis=1)
    return _normalised(_normalised(segments, axis=2), axis=0)


def _normalised(x: np.ndarray, axis: int) -> np.ndarray:
    """Zero mean and unit length along an axis; 0 where all is alike."""
    varying = x - x.mean(axis=axis, keepdims=True)
    length = np.linalg.norm(varying, axis=axis, keepdims=True)
    alike = length <= 1e-12 * np.linalg.norm(x, axis=axis, keepdims=True)
    return np.where(alike, 0.0, varying) / np.where(alike, 1.0, length)


def pesq(clean: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Perceptual evaluation of speech quality, narrow band; other rates are brought to 8 kHz.

    PESQ wants an utterance of 0.2 s.  Clips of under 0.5 s are repeated until they are as long;
    longer repetitions take more time and save hardly another clip.  NaN where PESQ finds no
    utterance even so, and for silence.
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
    """Root-mean-square distance of log power spectra in dB, mean over frames; 0 is best.

    Both spectra are floored `range_db` below the peak of the clean one, so that what nobody hears
    does not count; the estimate's level does.
    """
    clean, estimate = validate(clean, estimate)
    spectra = [np.abs(librosa.stft(y, n_fft=n_fft)) ** 2 for y in (clean, estimate)]
    floor = spectra[0].max() * 10 ** (-range_db / 10)
    difference = np.subtract(*(10 * np.log10(np.maximum(S, floor)) for S in spectra))
    return float(np.mean(np.sqrt(np.mean(difference**2, axis=0))))


def spectrogram_snr(clean: np.ndarray, estimate: np.ndarray) -> float:
    """Output SNR in dB of z-scored magnitude spectrograms, whatever their shape.

    The published system reports the mean of this figure as "SNR improvement".  It is no
    improvement, since nothing of the input is subtracted, and a spectrogram of zeros scores
    0 dB.  Kept under its right name for comparison.
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
    """Return every metric of `METRICS` by name; NaN where it is not defined for the clip."""
    return {name: metric(clean, estimate, sample_rate) for name, metric in METRICS.items()}
