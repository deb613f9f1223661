"""Pitch and tilt of sounds whose pitch and tilt are known."""

import numpy as np
import pytest
from voices import hum

from lib.signals import voice

RATE = 8000


@pytest.mark.parametrize("hz", [90, 140, 220])
def test_the_pitch_of_a_hum_is_found(hz):
    assert voice.pitch_hz(hum(hz), RATE) == pytest.approx(hz, rel=0.02)
    assert voice.pitch_hz(0.001 * hum(hz), RATE) == pytest.approx(hz, rel=0.02)


def test_noise_and_silence_have_no_tilt_or_no_pitch():
    noise = np.random.default_rng(0).normal(size=20 * RATE)
    assert voice.tilt_db_per_octave(noise, RATE) == pytest.approx(0, abs=0.3)
    integrated = np.cumsum(noise)
    assert voice.tilt_db_per_octave(integrated, RATE) == pytest.approx(-6, abs=1)
    for silent in (np.zeros(4000), np.zeros(10)):
        assert np.isnan(voice.pitch_hz(silent, RATE))
        assert np.isnan(voice.tilt_db_per_octave(silent, RATE))
