"""Twenty voices from one: digits spoken by hibari-tts 0.2.1 (Apache-2.0), modified per speaker.

It predicts, every 12.5 ms at 24 kHz, the log magnitudes of a harmonic, a noise and a residual
branch, two phases and F0 [shape=(601 frequencies, frames)]; `hibari.dsp.synth` synthesises audio
from them.  In between, the features that distinguish speakers are modified.  All randomness comes
from generators seeded with (seed, speaker) or (seed, speaker, digit, repetition).
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import scipy.signal
import soxr
from hibari import dsp, voices

from lib.corpora.sample.people import FAULTS, person

__all__ = ["Voice", "say", "voice_of"]

PHONES = {  # in the misaki alphabet that the voice was trained on, digits 0-9
    "American": "zˈɪɹO wˈʌn tˈu θɹˈi fˈɔɹ fˈIv sˈɪks sˈɛvən ˈAt nˈIn",
    "British": "zˈɪɹQ wˈʌn tˈu θɹˈi fˈɔː fˈIv sˈɪks sˈɛvən ˈAt nˈIn",
    "German": "zˈiɹO vˈʌn tˈu sɹˈi fˈɔɹ fˈIf sˈɪks sˈɛvən ˈAt nˈIn",
    "Spanish": "sˈɛɹO wˈɑn tˈu tɹˈi fˈɔɹ fˈIv sˈiks sˈɛvɛn ˈAt nˈIn",
}
ROOMS = {  # reverberation time in s, SNR of speech over room noise in dB
    "vr-room": (0.12, 32),
    "Kino": (0.24, 27),
    "library": (0.18, 30),
}
SPEED = 0.7  # hibari rushes isolated words
VOICED_HZ = 40.0  # F0 below this marks an unvoiced frame
BINS = np.arange(dsp.N_FFT // 2 + 1)  # of 20 Hz each


@dataclass(frozen=True)
class Voice:
    """Parameters that are constant across all clips of one speaker."""

    phones: list[str]
    f0_hz: float
    span: float  # pitch range; 1 is the original
    tract: float  # factor on the formant frequencies
    tilt_db: float  # spectral tilt per octave
    colour_db: np.ndarray  # at six points from 40 Hz to 12 kHz
    breath: float  # log gain of the residual branch
    tempo: float  # above 1 is slower
    level_db: float  # peak, dBFS
    snr_db: float
    room: np.ndarray  # impulse response at 24 kHz
    offset: float  # the same in all clips, of full scale
    rumble: float  # RMS of the noise from 10 to 40 Hz, of full scale


def voice_of(number: int, seed: int) -> Voice:
    """Return the voice of speaker `number`, consistent with their metadata."""
    who = person(number)
    rng = np.random.default_rng([seed, number])
    male = who.gender == "male"
    reverberation_s, snr_db = ROOMS[who.room]
    mean, deviation, low, high = (118, 15, 90, 150) if male else (205, 16, 170, 240)
    f0_hz = np.clip(rng.normal(mean, deviation), low, high)
    level_db = rng.normal(-38, 2)
    fault, loudness = FAULTS.get(number, ""), 10 ** ((level_db - 14) / 20)
    return Voice(
        phones=PHONES[who.accent].split(),
        f0_hz=float(f0_hz) * (1 - 0.002 * (who.age - 35)),
        span=rng.uniform(0.7, 1.5),
        tract=rng.normal(0.85, 0.03) if male else rng.normal(1.0, 0.035),
        tilt_db=rng.normal(0, 1.2),
        colour_db=rng.normal(0, 1.2, 6),
        breath=rng.normal(-0.2, 0.3),
        tempo=rng.uniform(0.9, 1.15) * (1 + 0.003 * (who.age - 35)),
        level_db=level_db,
        snr_db=snr_db + rng.uniform(-2, 2),
        room=_room(reverberation_s * rng.uniform(0.8, 1.2), rng),
        offset=loudness * rng.uniform(0.2, 0.7) if fault == "offset" else 0.0,
        rumble=loudness * rng.uniform(0.2, 0.7) if fault == "rumble" else 0.0,
    )


def _room(reverberation_s: float, rng: np.random.Generator) -> np.ndarray:
    """Return an impulse response: direct sound, then decaying coloured noise 18-26 dB below it."""
    n = round(0.12 * dsp.SR)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / dsp.SR / reverberation_s)
    tail = scipy.signal.lfilter([1], [1, -0.6], tail)
    tail[: round(0.0015 * dsp.SR)] = 0
    tail *= 10 ** (-rng.uniform(18, 26) / 20) / np.linalg.norm(tail)
    tail[0] = 1
    return tail


@functools.lru_cache(1)
def _session() -> onnxruntime.InferenceSession:
    """Load the model with its int8 weights as floats: int8 kernels differ between CPUs."""
    model = onnx.load(voices.voice_path("heart", download_missing=False))
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    unquantised, source, nodes = {}, {}, []
    for node in model.graph.node:
        if node.op_type == "DynamicQuantizeLinear":  # outputs y, scale, zero point
            source[node.output[0]] = node.input[0]
            unquantised[node.output[1]] = np.float32(1)
            continue
        if node.op_type == "MatMulInteger":
            name = node.input[1] + "_float"
            zero = weights[node.input[3]].astype(np.float32) if len(node.input) > 3 else 0
            unquantised[name] = weights[node.input[1]].astype(np.float32) - zero
            inputs = [source[node.input[0]], name]
            node = onnx.helper.make_node("MatMul", inputs, [node.output[0]], name=node.name)
        nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [w for w in model.graph.initializer if w.name in used]
    new = [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in unquantised.items()]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(kept + new)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


@functools.lru_cache(256)
def _spectra(phones: str) -> tuple[np.ndarray, ...]:
    """Return the model's predictions: harmonic, its phase, noise, residual, its phase, F0."""
    vocabulary = json.loads((Path(voices.ASSETS) / "vocab.json").read_text(encoding="utf-8"))
    ids = np.array([[0, *(vocabulary[phone] for phone in phones), 0]], np.int64)
    feed = {"ids": ids, "speed": np.array([SPEED], np.float32)}
    harmonic, theta, noise, residual, phi, f0 = (part[0] for part in _session().run(None, feed))
    # Isolated words end in a hiss after a vowel or nasal, or in an overlong [t]: fade both.
    last = phones.rstrip(".!")[-1]
    if last not in "sfv":
        low = np.exp(2.0 * harmonic[:75]).sum(0) * (f0 > VOICED_HZ)
        end = np.flatnonzero(low > low.max() / 60)[-1] + 1
        if last == "t":
            end += np.exp(2.0 * residual[:, end:]).sum(0).argmax() + 2
        fade = (0.5 if last == "t" else 1.0) * np.maximum(np.arange(len(f0)) - end, 0)
        harmonic, noise, residual = harmonic - fade, noise - fade, residual - fade
    return harmonic, theta, noise, residual, phi, f0


def _wander(rng: np.random.Generator, n: int, knots: int) -> np.ndarray:
    """Return a piecewise linear random curve through `knots` standard normal values."""
    return np.interp(np.linspace(0, knots - 1, n), np.arange(knots), rng.standard_normal(knots))


def _trim(y: np.ndarray, threshold_db: float) -> np.ndarray:
    """Trim ends below `threshold_db` re the loudest 10 ms, on a 10 ms grid; fade 5 ms."""
    n = round(0.01 * dsp.SR)
    power = np.convolve(y**2, np.ones(n) / n, "same")
    loud = np.flatnonzero(power > power.max() * 10 ** (threshold_db / 10))
    y = y[max(0, loud[0] // n - 1) * n : (loud[-1] // n + 2) * n].copy()
    ramp = np.linspace(0, 1, n // 2)
    y[: n // 2] *= ramp
    y[-(n // 2) :] *= ramp[::-1]
    return y


def _coloured(rng: np.random.Generator, n: int, gain) -> np.ndarray:
    """Return Gaussian noise with power spectrum ``gain(frequency in Hz)`` and RMS 1."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    y = np.fft.irfft(spectrum * np.sqrt(gain(np.fft.rfftfreq(n, 1 / dsp.SR))), n)
    return y / y.std()


def say(voice: Voice, keys: list[int], digit: int, sample_rate: int) -> np.ndarray:
    """Return one clip: `digit` spoken by `voice`, float64, at `sample_rate` Hz.

    `keys` (seed, speaker, digit, repetition) seed all variation between clips.
    """
    rng = np.random.default_rng(keys)
    parts = _spectra(voice.phones[digit] + str(rng.choice(["", ".", ".", "!"])))
    frames = parts[0].shape[1]

    # Tempo, then a mild, smooth time warp.
    n = round(frames * voice.tempo * np.exp(rng.normal(0, 0.07)))
    steps = np.cumsum(np.exp(0.18 * _wander(rng, n, 6)))
    index = np.round((steps - steps[0]) / (steps[-1] - steps[0]) * (frames - 1)).astype(int)
    harmonic, theta, noise, residual, phi, f0 = (part[..., index] for part in parts)

    # Vocal tract length: read the spectrum at scaled frequencies, mirrored at Nyquist.
    last = BINS[-1]
    source = BINS / (voice.tract * np.exp(rng.normal(0, 0.008)))
    source = np.where(source > last, 2 * last - source, source).clip(0, last)
    below = source.astype(int).clip(0, last - 1)
    share = (source - below)[:, None]
    harmonic, noise, residual = (
        part[below] * (1 - share) + part[below + 1] * share for part in (harmonic, noise, residual)
    )
    nearest = np.round(source).astype(int)
    theta, phi = theta[nearest], phi[nearest]

    # Tilt and colour, and a roll-off of 12 dB per octave above 7 kHz, as in a simple microphone.
    octave = np.log2(np.maximum(BINS, 1))
    improvement_db = (voice.tilt_db + rng.normal(0, 0.5)) * np.log2(np.maximum(BINS, 4) / 40)
    improvement_db += np.interp(octave, np.linspace(1, 9.2, 6), voice.colour_db)
    improvement_db -= 12 * np.log2(np.maximum(BINS, 350) / 350)
    gain = (improvement_db * np.log(10) / 20)[:, None]
    breath = voice.breath + rng.normal(0, 0.1)
    harmonic, noise, residual = harmonic + gain, noise + gain, residual + gain + breath

    # Pitch: the speaker's register and range, then drift and jitter.
    voiced = f0 > VOICED_HZ
    centre = np.exp(np.log(f0[voiced]).mean())
    melody = (np.maximum(f0, 1) / centre) ** voice.span
    drift = rng.normal(0, 0.05) + 0.025 * _wander(rng, n, 5) + 0.006 * rng.standard_normal(n)
    f0 = np.where(voiced, voice.f0_hz * melody, 0) * np.exp(drift)

    frames_in = (harmonic, theta, noise, residual, phi, f0)
    y = dsp.synth(*(part.astype(np.float32) for part in frames_in), rng).astype(float)
    y = _trim(y, -35)
    y = _trim(scipy.signal.fftconvolve(y, voice.room)[: len(y) + round(0.03 * dsp.SR)], -38)
    y *= 10 ** ((voice.level_db + rng.normal(0, 1.5)) / 20) / np.abs(y).max()

    rms = np.sqrt(np.mean(y**2))
    noise_rms = rms * 10 ** (-voice.snr_db / 20)
    y += noise_rms * _coloured(rng, len(y), lambda f: 1 / np.maximum(f, 30))  # pink
    y += voice.rumble * _coloured(rng, len(y), lambda f: ((f > 10) & (f < 40)).astype(float))
    return soxr.resample(y, dsp.SR, sample_rate, quality="HQ") + voice.offset
