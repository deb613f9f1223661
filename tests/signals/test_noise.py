"""lib.signals.noise: exact SNRs, correct noise colours, and one random stream per clip."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import voice

from lib.errors import InputError
from lib.signals import noise


def ratio_db(signal, rest):
    return 10 * np.log10(np.sum(signal**2) / np.sum(rest**2))


# --- mixing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("snr_db", [-30.0, -8.0, 0.0, 5.5, 40.0])
@pytest.mark.parametrize("level", [1e-4, 1.0])
def test_mixture_has_exactly_the_ratio_asked_for(snr_db, level):
    clean = level * voice(1)
    noisy = noise.mix_at_snr(clean, noise.white_noise(len(clean), np.random.default_rng(0)), snr_db)
    assert ratio_db(clean, noisy - clean) == pytest.approx(snr_db, abs=1e-9)  # 64-bit rounding


@given(st.integers(1, 500), st.floats(-40, 40), st.floats(1e-3, 1e3), st.integers(0, 2**32 - 1))
def test_only_the_shape_of_the_noise_counts(n, snr_db, gain, seed):
    rng = np.random.default_rng(seed)
    clean, added = rng.normal(size=n), rng.normal(size=n)
    noisy = noise.mix_at_snr(clean, added, snr_db)
    assert ratio_db(clean, noisy - clean) == pytest.approx(snr_db, abs=1e-9)
    np.testing.assert_allclose(noise.mix_at_snr(clean, gain * added, snr_db), noisy, atol=1e-9)


def test_impossible_mixtures_are_refused():
    with pytest.raises(InputError, match=r"differ in shape: \(3,\) and \(4,\)"):
        noise.mix_at_snr(np.ones(3), np.ones(4), 0.0)
    with pytest.raises(InputError, match="speech is silent: no gain gives an SNR of -8"):
        noise.mix_at_snr(np.zeros(3), np.ones(3), -8.0)
    with pytest.raises(InputError, match="noise is silent"):
        noise.mix_at_snr(np.ones(3), np.zeros(3), -8.0)


# --- colours ---------------------------------------------------------------------------------


def slope_db_per_octave(y):
    """Fit a line to the octave levels of the power spectrum, without the lowest, noisy octaves."""
    power = np.abs(np.fft.rfft(y)) ** 2
    edges = 2 ** np.arange(6, int(np.log2(len(power))))
    levels = [10 * np.log10(power[low : 2 * low].mean()) for low in edges]
    return np.polyfit(np.arange(len(levels)), levels, 1)[0]


@pytest.mark.parametrize(("kind", "slope"), [("white", 0.0), ("pink", -3.0103)])
def test_spectrum_falls_as_the_colour_says(kind, slope):
    y = noise.make_noise(kind, 2**17, np.random.default_rng(0))
    assert slope_db_per_octave(y) == pytest.approx(slope, abs=0.1)  # 64 or more bins per octave
    assert np.std(y) == pytest.approx(1, abs=0.02)
    assert abs(np.mean(y)) < 0.01


def test_unknown_noise_names_the_known_ones():
    with pytest.raises(InputError, match="'brown'; choose one of white, pink, babble"):
        noise.make_noise("brown", 8, np.random.default_rng(0))


def test_babble_is_all_talkers_at_equal_level():
    """Each talker is a tone of its own, so its level can be read off the spectrum of the babble."""
    n, hz, levels = 4000, [300, 600, 1200], [1.0, 1e-3, 20.0]
    t = np.arange(n) / 8000
    talkers = [a * np.sin(2 * np.pi * f * t) for a, f in zip(levels, hz)]
    babble = noise.babble_noise(n, np.random.default_rng(0), talkers)
    spectrum = 2 / n * np.abs(np.fft.rfft(babble))
    np.testing.assert_allclose(spectrum[[f * n // 8000 for f in hz]], np.sqrt(2), rtol=1e-9)


def test_babble_loops_short_talkers_and_wants_three():
    talkers = [voice(i) for i in range(3)]
    assert noise.babble_noise(9999, np.random.default_rng(0), talkers).shape == (9999,)
    with pytest.raises(InputError, match="at least 3 talkers, got 2"):
        noise.babble_noise(100, np.random.default_rng(0), talkers[:2])
    made = noise.make_noise("babble", 500, np.random.default_rng(0), talkers)
    np.testing.assert_array_equal(made, noise.babble_noise(500, np.random.default_rng(0), talkers))
    with pytest.raises(InputError, match="at least 3 talkers, got 0"):
        noise.make_noise("babble", 100, np.random.default_rng(0))


# --- random streams --------------------------------------------------------------------------


def test_stream_depends_on_seed_clip_and_condition_only():
    def draw(*key):
        return noise.clip_rng(*key).standard_normal()

    keys = [(0, "7_01_3", "a"), (1, "7_01_3", "a"), (0, "7_01_4", "a"), (0, "7_01_3", "b")]
    forwards = [draw(*key) for key in keys]
    assert forwards == [draw(*key) for key in reversed(keys)][::-1]
    assert len(set(forwards)) == len(keys)


def test_streams_are_those_of_every_machine_and_release():
    """Golden numbers, drawn with the call below; changing them changes every result."""
    golden = [0.8869196292918866, -0.6898593728419229, -3.078731168580474]
    drawn = noise.clip_rng(0, "7_01_3", "white -8 dB").standard_normal(3)
    np.testing.assert_allclose(drawn, golden, rtol=1e-12)
