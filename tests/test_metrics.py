"""lib.metrics: worked examples, an independent formula, and cases that could yield NaN."""

import importlib.util
import sys
import types

import numpy as np
import pystoi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import RATE, voice

from lib import metrics
from lib.errors import InputError
from lib.signals.noise import mix_at_snr, white_noise

EVERY = pytest.mark.parametrize(
    "metric", [metrics.snr, metrics.si_sdr, metrics.log_spectral_distance, metrics.spectrogram_snr]
)
seeds = st.integers(0, 2**32 - 1)


def noisy_voice(snr_db=-8.0, seed=0):
    clean = voice(seed)
    return clean, mix_at_snr(clean, white_noise(len(clean), np.random.default_rng(seed)), snr_db)


# --- SNR and SI-SDR --------------------------------------------------------------------------


def test_snr_of_worked_numbers():
    assert metrics.snr([3.0, 4.0], [3.0, 3.0]) == pytest.approx(10 * np.log10(25), abs=1e-6)
    assert metrics.snr([1.0, -1.0], [2.0, -2.0]) == pytest.approx(0, abs=1e-9)  # error = signal
    assert metrics.snr([1.0, 1.0], [0.0, 0.0]) == 0.0  # silence
    assert metrics.snr([1.0, 1.0], [1.0, 1.0]) == pytest.approx(100, abs=1e-6)


@pytest.mark.parametrize("snr_db", [-20.0, -8.0, 0.0, 12.5])
def test_snr_of_a_mixture_is_the_ratio_it_was_mixed_at(snr_db):
    assert metrics.snr(*noisy_voice(snr_db)) == pytest.approx(snr_db, abs=1e-6)  # floor: 1e-10


def test_best_constant_gain_at_minus_8_db_scores_0_64_db():
    """10 log10(1 + 10^-0.8) if speech and noise are exactly orthogonal."""
    t = np.arange(RATE) / RATE
    clean, added = np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 1000 * t)
    power = 10**-0.8
    estimate = power / (1 + power) * mix_at_snr(clean, added, -8.0)
    assert metrics.snr(clean, estimate) == pytest.approx(10 * np.log10(1 + power), abs=1e-6)
    assert metrics.snr(clean, estimate) == pytest.approx(0.64, abs=0.005)


def test_si_sdr_of_worked_numbers():
    assert metrics.si_sdr([1.0, 0.0], [1.0, 1.0]) == pytest.approx(0, abs=1e-9)
    assert metrics.si_sdr([1.0, 1.0], [3.0, 1.0]) == pytest.approx(10 * np.log10(4), abs=1e-8)
    assert metrics.si_sdr([1.0, 0.0], [0.0, 1.0]) == pytest.approx(-100, abs=1e-6)
    assert metrics.si_sdr([1.0, 2.0], [0.0, 0.0]) == -100
    assert metrics.si_sdr([1.0, 2.0], [0.1, 0.2]) == pytest.approx(100, abs=1e-6)


@given(seeds, st.integers(2, 300))
def test_si_sdr_is_a_function_of_the_angle(seed, n):
    """An independent formula: rho^2 / (1 - rho^2), with the cosine similarity rho."""
    clean, estimate = np.random.default_rng(seed).normal(size=(2, n))
    rho = clean @ estimate / np.linalg.norm(clean) / np.linalg.norm(estimate)
    expected = 10 * np.log10(rho**2 / (1 - rho**2))
    floor = 1e-6 + 5e-10 * 10 ** (abs(expected) / 10)  # matters near +-100 dB
    assert metrics.si_sdr(clean, estimate) == pytest.approx(expected, abs=floor)


@given(seeds, st.floats(1e-6, 1e6), st.sampled_from([-1, 1]))
def test_si_sdr_hears_neither_gain_nor_polarity(seed, gain, sign):
    clean, estimate = np.random.default_rng(seed).normal(size=(2, 100))
    expected = metrics.si_sdr(clean, estimate)
    assert metrics.si_sdr(clean, sign * gain * estimate) == pytest.approx(expected, abs=1e-6)
    assert metrics.si_sdr(gain * clean, estimate) == pytest.approx(expected, abs=1e-6)


@given(seeds)
def test_plain_snr_is_never_above_si_sdr_of_a_positive_correlation(seed):
    """No gain raises the SNR above that of the best one, 10 log10(1 + linear SI-SDR)."""
    clean, noisy = noisy_voice(seed=seed % 1000)
    gain = np.random.default_rng(seed).uniform(0, 2)
    ceiling = 10 * np.log10(1 + 10 ** (metrics.si_sdr(clean, noisy) / 10))
    assert metrics.snr(clean, gain * noisy) <= ceiling + 1e-6


# --- intelligibility and spectra -------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.5, 1.0])
def test_estoi_is_defined_for_short_clips(seconds):
    clean = voice(3, seconds=seconds)
    noisy = mix_at_snr(clean, white_noise(len(clean), np.random.default_rng(0)), -8.0)
    assert metrics.estoi(clean, clean, RATE) == pytest.approx(1, abs=1e-6)
    assert metrics.estoi(clean, np.zeros_like(clean), RATE) == 0
    assert metrics.estoi(clean, noisy, RATE) < 0.9


@pytest.mark.parametrize("speech_s", [0.12, 0.03])
def test_estoi_of_a_clip_that_is_hardly_speech_is_missing(speech_s):
    word = voice(3, seconds=speech_s)
    clean = np.concatenate([np.zeros(RATE - len(word)), word])
    noisy = mix_at_snr(clean, white_noise(len(clean), np.random.default_rng(0)), -8.0)
    assert np.isnan(metrics.estoi(clean, noisy, RATE))
    scores = metrics.evaluate(clean, noisy, RATE)
    assert np.isfinite([scores[name] for name in ("snr_db", "si_sdr_db")]).all()


def test_estoi_rises_with_the_ratio_and_ignores_level():
    clean = voice(0)
    scores = [metrics.estoi(*noisy_voice(snr_db), RATE) for snr_db in (-15, -5, 5, 15, 25)]
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] > 0.3
    noisy = noisy_voice()[1]
    gained = metrics.estoi(1e-2 * clean, 7 * noisy, RATE)
    assert gained == pytest.approx(metrics.estoi(clean, noisy, RATE), abs=1e-6)


@pytest.mark.parametrize("sample_rate", [8000, 10_000, 16_000, 22_050, 48_000])
@pytest.mark.parametrize("snr_db", [-8.0, 20.0])
def test_estoi_is_that_of_pystoi(sample_rate, snr_db):
    clean = np.concatenate([voice(1, seconds=0.9, rate=sample_rate), np.zeros(sample_rate // 4)])
    clean = np.tile(clean, 2)  # over 1.5 s, with pauses that ESTOI drops
    rng = np.random.default_rng(0)
    noisy = mix_at_snr(clean, white_noise(len(clean), rng), snr_db)
    theirs = pystoi.stoi(clean, noisy, sample_rate, extended=True)
    assert metrics.estoi(clean, noisy, sample_rate) == pytest.approx(theirs, abs=1e-9)


def test_estoi_counts_what_does_not_vary_as_nothing():
    """Pystoi divides by the norm of a random dither instead, so its score is partly chance."""
    clean = voice(2, seconds=2.0)
    clicks = np.zeros_like(clean)
    clicks[:: metrics.FRAME * RATE // metrics.ESTOI_RATE // 4] = 1.0
    assert np.isfinite(metrics.estoi(clean, clicks, RATE))
    assert np.all(metrics._normalised(np.full((2, 3), 0.1), axis=1) == 0)


def test_log_spectral_distance_of_a_gain_is_the_gain():
    noise = white_noise(4000, np.random.default_rng(0))
    assert metrics.log_spectral_distance(noise, noise) == 0
    distance = metrics.log_spectral_distance(noise, 2 * noise, range_db=200)
    assert distance == pytest.approx(20 * np.log10(2), abs=1e-9)
    floored = metrics.log_spectral_distance(noise, 0 * noise, range_db=50)
    assert 20 < floored < 50  # no bin of silence can be further away than the range


def test_spectrogram_of_zeros_scores_0_00():
    """The published metric scores an all-zero prediction 0.00 dB, whatever the target."""
    target = np.random.default_rng(0).normal(size=(1024, 44, 1))
    assert metrics.spectrogram_snr(target, np.zeros_like(target)) == 0.0
    assert metrics.spectrogram_snr(target, 0.9 * target) == pytest.approx(20, abs=1e-6)


def test_pesq_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)
    with pytest.raises(InputError, match=r"optional package pesq.*pip install pesq"):
        metrics.pesq(*noisy_voice(), RATE)


@pytest.fixture
def pesq_calls(monkeypatch):
    """Calls of a stand-in for the optional package, which fails if `clean` starts with 7."""
    calls = []

    class PesqError(Exception):
        pass

    def answer(rate, clean, estimate, mode):
        calls.append((rate, clean, estimate, mode))
        if clean[0] == 7:
            raise PesqError
        return 2.5

    fake = types.SimpleNamespace(pesq=answer, PesqError=PesqError)
    monkeypatch.setitem(sys.modules, "pesq", fake)
    return calls


def test_pesq_repeats_a_clip_up_to_half_a_second(pesq_calls):
    for samples, repeats in ((1600, 3), (4000, 1), (6000, 1)):
        clean, estimate = np.random.default_rng(0).normal(size=(2, samples))
        assert metrics.pesq(clean, estimate, RATE) == 2.5
        rate, long, other, mode = pesq_calls.pop()
        assert (rate, mode) == (8000, "nb")
        np.testing.assert_array_equal(long, np.tile(clean, repeats))
        np.testing.assert_array_equal(other, np.tile(estimate, repeats))


def test_pesq_is_taken_at_8_khz(pesq_calls):
    metrics.pesq(voice(0, seconds=0.5, rate=16000), voice(1, seconds=0.5, rate=16000), 16000)
    rate, clean, _, _ = pesq_calls.pop()
    assert rate == 8000
    assert len(clean) == 4000
    assert metrics.si_sdr(voice(0, seconds=0.5), clean) > 20  # the same voice, not sped up


def test_pesq_is_nan_where_it_hears_no_speech(pesq_calls):
    assert np.isnan(metrics.pesq(voice(0), np.zeros_like(voice(0)), RATE))
    assert np.isnan(metrics.pesq(np.full(4000, 7.0), np.ones(4000), RATE))


def test_pesq_of_the_real_package_rises_with_the_ratio():
    pytest.importorskip("pesq")
    scores = [metrics.pesq(*noisy_voice(snr_db), RATE) for snr_db in (0, 20, 40)]
    assert 1 <= scores[0] < scores[1] < scores[2] < 4.5
    assert metrics.pesq(*noisy_voice(20), RATE) == scores[1]
    clean = voice(0)
    assert metrics.pesq(clean, clean, RATE) == pytest.approx(4.549, abs=1e-3)  # the maximum
    assert np.isnan(metrics.pesq(np.eye(1, 4000)[0], np.eye(1, 4000)[0], RATE))  # a click


# --- all metrics -----------------------------------------------------------------------------


def test_evaluate_gives_every_metric_by_name():
    clean, noisy = noisy_voice()
    scores = metrics.evaluate(clean, noisy, RATE)
    optional = ["pesq"] if importlib.util.find_spec("pesq") else []
    assert list(scores) == ["snr_db", "si_sdr_db", "estoi", "log_spectral_distance_db", *optional]
    assert all(type(score) is float and np.isfinite(score) for score in scores.values())
    assert scores["snr_db"] == metrics.snr(clean, noisy)


@EVERY
def test_what_cannot_be_compared_is_refused(metric):
    good = np.ones(8)
    with pytest.raises(InputError, match=r"equally long, got shapes \(8,\) and \(7,\)"):
        metric(good, np.ones(7))
    with pytest.raises(InputError, match="clean signal is silent"):
        metric(np.zeros(8), good)
    for bad in (np.nan, np.inf):
        with pytest.raises(InputError, match="estimate holds NaN or infinite"):
            metric(good, np.append(np.ones(7), bad))
        with pytest.raises(InputError, match="clean signal holds NaN or infinite"):
            metric(np.append(np.ones(7), bad), good)


@pytest.mark.parametrize("metric", [metrics.snr, metrics.si_sdr, metrics.log_spectral_distance])
def test_two_channels_are_refused(metric):
    with pytest.raises(InputError, match="1-D"):
        metric(np.ones((2, 8)), np.ones((2, 8)))
