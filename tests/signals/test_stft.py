"""lib.features: there and back again, and the published range that a sigmoid cannot reach."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import RATE, configure, voice

from lib.models import published, size
from lib.signals import stft
from lib.signals.noise import mix_at_snr, white_noise

WINDOWS = [(512, 128), (256, 64), (2048, 512), (512, 256)]


def snr_db(reference, estimate):
    return 10 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2))


@pytest.mark.filterwarnings("ignore:n_fft=")  # librosa: longer than the signal
@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9000), st.sampled_from(WINDOWS), st.integers(0, 2**32 - 1))
def test_round_trip_is_exact_for_any_length(n, window, seed):
    y = white_noise(n, np.random.default_rng(seed))
    n_fft, hop_length = window
    S = stft.stft(y, n_fft=n_fft, hop_length=hop_length)
    assert S.shape == (n_fft // 2 + 1, 1 + n // hop_length)
    error_db = stft.round_trip_error_db(y, n_fft=n_fft, hop_length=hop_length)
    assert error_db < -200  # rounding of 64 bits is about -300, of 32 bits about -140


def test_round_trip_error_is_measured(monkeypatch):
    exact = stft.istft
    monkeypatch.setattr(features, "istft", lambda *a, **k: 1.01 * exact(*a, **k))
    error_db = stft.round_trip_error_db(voice(0), n_fft=512, hop_length=128)
    assert error_db == pytest.approx(-40, abs=1e-6)  # 1 % of the amplitude


def test_stft_of_a_tone_peaks_in_its_bin():
    t = np.arange(RATE) / RATE
    S = np.abs(stft.stft(np.sin(2 * np.pi * 1000 * t), n_fft=512, hop_length=128))
    assert (S[:, 4:-4].argmax(axis=0) == 1000 * 512 // RATE).all()
    assert S[64, 30] == pytest.approx(512 / 4, rel=1e-3)  # half the sum of a Hann window


def test_levels_are_relative_and_floored():
    levels = stft.level_db(np.array([2.0, 0.2j, 0.0]), reference=2.0, range_db=60)
    np.testing.assert_allclose(levels, [0, -20, -60])


@pytest.mark.parametrize(("sample_rate", "seconds"), [(8000, 0.3), (48000, 1.0), (22050, 1.7)])
def test_reference_features_have_the_published_shape(sample_rate, seconds):
    S = published.reference_features(voice(0, seconds=seconds, rate=sample_rate), sample_rate)
    assert S.shape == published.REFERENCE_SHAPE == (1024, 44, 1)
    assert S.dtype == np.float32
    assert S.min() >= 0


def test_reference_waveform_inverts_its_features():
    y = voice(0)
    back = published.reference_waveform(published.reference_features(y, RATE), y, RATE)
    assert back.shape == y.shape
    assert snr_db(y, back) > 50  # resampled twice, 32 bits, without the Nyquist bin
    silent = published.reference_waveform(-np.ones(published.REFERENCE_SHAPE), y, RATE)
    assert not silent.any()  # negative magnitudes count as zero


@pytest.fixture(scope="module")
def pairs():
    """Reference features of ten voices, noisy and clean."""
    clean = [voice(seed) for seed in range(10)]
    noisy = [
        mix_at_snr(y, white_noise(len(y), np.random.default_rng(i)), -8.0)
        for i, y in enumerate(clean)
    ]
    return tuple(np.stack([published.reference_features(y, RATE) for y in ys])
                 for ys in (noisy, clean))  # fmt: skip


def test_scale_round_trips(pairs):
    noisy, clean = pairs
    scale = published.ReferenceScale.fit(noisy, clean)
    for scaled in (scale.inputs(noisy), scale.z_score(clean)):
        assert scaled.mean() == pytest.approx(0, abs=1e-3)  # sums of 32 bits
        assert scaled.std() == pytest.approx(1, abs=1e-3)
    back = scale.undo_z_score(scale.z_score(clean))
    np.testing.assert_allclose(back, clean, atol=1e-5 * clean.max())


def test_relative_magnitude_is_undone_and_free_of_level(pairs):
    noisy, clean = pairs
    clean = np.minimum(clean, published.absolute_magnitude(np.ones_like(clean), noisy))
    relative = published.relative_magnitude(clean, noisy)
    back = published.absolute_magnitude(relative, noisy)
    np.testing.assert_allclose(back, clean, atol=1e-5 * clean.max())
    alone = published.relative_magnitude(clean[3], noisy[3])  # without the batch axis, too
    np.testing.assert_array_equal(alone, relative[3])
    quiet = published.relative_magnitude(0.01 * clean, 0.01 * noisy)
    np.testing.assert_allclose(quiet, relative, atol=1e-5)
    assert not published.relative_magnitude(0 * clean, 0 * noisy).any()


def test_sigmoid_reaches_the_repaired_target_and_not_the_published_one(pairs):
    noisy, clean = pairs
    published = published.ReferenceScale.fit(noisy, clean).z_score(clean)
    repaired = published.relative_magnitude(clean, noisy)
    assert (published < 0).mean() > 0.5
    assert published.max() > 1
    assert 0 <= repaired.min() < 0.5 < repaired.max() <= 1
    louder = published.relative_magnitude(1e3 * clean, noisy)  # than the noisy clip itself
    assert louder.max() == 1


def test_input_sizes_say_what_the_models_see():
    audio = configure(audio={"n_fft": 256, "hop_length": 64}).audio
    table = size.input_sizes(audio).set_index("property")
    assert table.loc["values per clip", "reference"] == 1024 * 44
    assert (
        table.loc["frames per second", "ours"]
        == stft.stft(np.ones(audio.clip_samples), n_fft=256, hop_length=64).shape[1]
    )
    assert table.loc["width of a bin (Hz)", "ours"] == 31.25
