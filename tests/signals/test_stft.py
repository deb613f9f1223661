"""lib.signals.stft: from waveform to spectrogram and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import RATE, voice

from lib.signals import stft
from lib.signals.noise import white_noise

WINDOWS = [(512, 128), (256, 64), (2048, 512), (512, 256)]


@pytest.mark.filterwarnings("ignore:n_fft=")  # librosa warns if it exceeds the signal
@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9000), st.sampled_from(WINDOWS), st.integers(0, 2**32 - 1))
def test_round_trip_is_exact_for_any_length(n, window, seed):
    y = white_noise(n, np.random.default_rng(seed))
    n_fft, hop_length = window
    S = stft.stft(y, n_fft=n_fft, hop_length=hop_length)
    assert S.shape == (n_fft // 2 + 1, 1 + n // hop_length)
    error_db = stft.round_trip_error_db(y, n_fft=n_fft, hop_length=hop_length)
    assert error_db < -200  # 64-bit rounding gives about -300, 32-bit about -140


def test_round_trip_error_is_measured(monkeypatch):
    exact = stft.istft
    monkeypatch.setattr(stft, "istft", lambda *a, **k: 1.01 * exact(*a, **k))
    error_db = stft.round_trip_error_db(voice(0), n_fft=512, hop_length=128)
    assert error_db == pytest.approx(-40, abs=1e-6)  # 1 % of the amplitude


def test_stft_of_a_tone_peaks_in_its_bin():
    t = np.arange(RATE) / RATE
    S = np.abs(stft.stft(np.sin(2 * np.pi * 1000 * t), n_fft=512, hop_length=128))
    assert (S[:, 4:-4].argmax(axis=0) == 1000 * 512 // RATE).all()
    assert S[64, 30] == pytest.approx(512 / 4, rel=1e-3)  # half the sum of a Hann window


def test_levels_are_relative_and_floored():
    levels = stft.level_db(np.array([2.0, 0.2j, 0.0]), peak=2.0, range_db=60)
    np.testing.assert_allclose(levels, [0, -20, -60])
