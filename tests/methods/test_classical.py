"""lib.baselines: every one keeps the length, the oracles stand in the order theory gives."""

import numpy as np
import pytest
from voices import RATE, configure, voice

from lib import metrics
from lib.config import Config
from lib.methods.classical import Method, oracle_mask, spectral_gating, standard_methods, wiener
from lib.signals.noise import mix_at_snr, white_noise

METHODS = standard_methods(Config())
ORACLES = {method.name: method for method in METHODS if method.oracle}


def noisy_voice(seed=0, snr_db=-8.0, seconds=0.5):
    clean = voice(seed, seconds=seconds)
    return clean, mix_at_snr(clean, white_noise(len(clean), np.random.default_rng(seed)), snr_db)


def run(method: Method, clean, noisy):
    return method.denoise(noisy, RATE, *([clean] if method.oracle else []))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize("samples", [800, 2400, 4001, 8000])
def test_every_method_keeps_the_length_and_the_input(method, samples):
    clean, noisy = noisy_voice(seconds=samples / RATE)
    before = noisy.copy()
    estimate = run(method, clean, noisy)
    assert estimate.shape == (samples,)
    assert np.isfinite(estimate).all()
    np.testing.assert_array_equal(noisy, before)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_bears_digital_silence(method):
    """As in supplied noisy files that end before their clip, or were cut by a noise gate."""
    clean, noisy = noisy_voice()
    for silent in (slice(0, None), slice(0, 2000), slice(2000, None)):
        gated = noisy.copy()
        gated[silent] = 0
        assert np.isfinite(run(method, clean, gated)).all()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_gain_passes_through_every_method(method):
    clean, noisy = noisy_voice()
    expected, quiet = run(method, clean, noisy), run(method, 0.01 * clean, 0.01 * noisy)
    np.testing.assert_allclose(100 * quiet, expected, atol=1e-6 * np.abs(noisy).max())


def test_names_are_those_of_the_report():
    assert [method.name for method in METHODS] == [
        "noisy", "silence", "constant gain", "spectral gating", "Wiener",
        "ideal ratio mask", "oracle Wiener mask", "phase-sensitive mask",
    ]  # fmt: skip
    assert list(ORACLES) == [method.name for method in METHODS[-3:]]


@pytest.mark.parametrize("snr_db", [-8.0, 0.0, 5.0])
def test_constant_gain_is_the_best_one_for_the_configured_ratio(snr_db):
    """The least expected squared error: no other gain is better on orthogonal noise."""
    gain = {m.name: m for m in standard_methods(configure(noise={"snr_db": snr_db}))}[
        "constant gain"
    ]
    t = np.arange(RATE) / RATE
    clean, added = np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 1000 * t)
    noisy = mix_at_snr(clean, added, snr_db)
    score = metrics.snr(clean, gain.denoise(noisy, RATE))
    assert score == pytest.approx(10 * np.log10(1 + 10 ** (snr_db / 10)), abs=1e-6)
    assert score > max(metrics.snr(clean, g * noisy) for g in np.linspace(0, 1, 14))


@pytest.mark.parametrize("seed", range(4))
def test_oracles_beat_the_input_in_the_order_of_theory(seed):
    """Over magnitude masks in 0..1 the phase-sensitive one has the least squared error."""
    clean, noisy = noisy_voice(seed)
    ratio, power, phase = (
        metrics.snr(clean, run(ORACLES[name], clean, noisy))
        for name in ("ideal ratio mask", "oracle Wiener mask", "phase-sensitive mask")
    )
    assert phase > power > ratio > metrics.snr(clean, noisy) + 10


@pytest.mark.parametrize("kind", ["ratio", "Wiener", "phase-sensitive"])
def test_an_oracle_passes_what_is_clean_and_stops_what_is_noise(kind):
    clean, noisy = noisy_voice()
    np.testing.assert_allclose(oracle_mask(kind)(clean, RATE, clean), clean, atol=1e-12)
    assert not oracle_mask(kind)(noisy, RATE, np.zeros_like(noisy)).any()


@pytest.mark.parametrize("denoise", [wiener, spectral_gating], ids=lambda f: f.__name__)
def test_estimating_baselines_quiet_steady_noise_and_spare_a_loud_burst(denoise):
    noise = white_noise(RATE, np.random.default_rng(0))
    left = np.sum(denoise(noise, RATE) ** 2) / np.sum(noise**2)
    assert 10 * np.log10(left) < -5
    t = np.arange(RATE) / RATE
    burst = np.sin(2 * np.pi * 440 * t) * (np.abs(t - 0.5) < 0.1)
    noisy = mix_at_snr(burst, noise, -5.0)
    assert metrics.si_sdr(burst, denoise(noisy, RATE)) > metrics.si_sdr(burst, noisy) + 3


@pytest.mark.parametrize(
    "denoise", [m.denoise for m in METHODS if not m.oracle], ids=lambda f: f.__name__
)
def test_silence_stays_silent(denoise):
    assert not np.any(denoise(np.zeros(4000), RATE))
