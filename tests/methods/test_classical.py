"""lib.methods.classical: what the baselines do to tones, bursts and steady noise."""

import numpy as np
import pytest
from voices import RATE, configure

from lib import metrics
from lib.methods.classical import constant_gain, silence, spectral_gating, unchanged, wiener
from lib.signals.noise import mix_at_snr, white_noise


def test_the_two_bounds_are_the_input_and_zeros():
    noisy = white_noise(100, np.random.default_rng(0))
    assert unchanged(noisy, RATE) is noisy
    np.testing.assert_array_equal(silence(noisy, RATE), np.zeros(100))


@pytest.mark.parametrize("snr_db", [-8.0, 0.0, 5.0])
def test_constant_gain_is_the_best_one_for_the_configured_ratio(snr_db):
    """It minimises the expected squared error: no other gain is better for orthogonal noise."""
    gain = constant_gain(configure(noise={"snr_db": snr_db}))
    t = np.arange(RATE) / RATE
    clean, added = np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 1000 * t)
    noisy = mix_at_snr(clean, added, snr_db)
    score = metrics.snr(clean, gain(noisy, RATE))
    assert score == pytest.approx(10 * np.log10(1 + 10 ** (snr_db / 10)), abs=1e-6)
    assert score > max(metrics.snr(clean, g * noisy) for g in np.linspace(0, 1, 14))


@pytest.mark.parametrize("denoise", [wiener, spectral_gating], ids=lambda f: f.__name__)
def test_estimating_baselines_quiet_steady_noise_and_spare_a_loud_burst(denoise):
    noise = white_noise(RATE, np.random.default_rng(0))
    left = np.sum(denoise(noise, RATE) ** 2) / np.sum(noise**2)
    assert 10 * np.log10(left) < -5
    t = np.arange(RATE) / RATE
    burst = np.sin(2 * np.pi * 440 * t) * (np.abs(t - 0.5) < 0.1)
    noisy = mix_at_snr(burst, noise, -5.0)
    assert metrics.si_sdr(burst, denoise(noisy, RATE)) > metrics.si_sdr(burst, noisy) + 3
