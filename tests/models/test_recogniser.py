"""lib.models.recogniser: what the digit recogniser responds to, and what it ignores."""

import keras
import numpy as np
import pytest
from voices import voice

from lib.config import AudioConfig
from lib.errors import InputError
from lib.models import recogniser
from lib.models.recogniser import (
    BANDS,
    FLOOR_DB,
    HeardFrames,
    Recogniser,
    augmented,
    build_recogniser,
    log_mel,
)

AUDIO = AudioConfig()


# --- features --------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [1e-3, 40.0])
def test_a_gain_changes_nothing(gain):
    y = voice(0)
    np.testing.assert_allclose(log_mel(gain * y, AUDIO), log_mel(y, AUDIO), atol=1e-5)


def test_zeros_behind_a_clip_change_nothing():
    y = voice(0)
    for n in (1, 77, 5000):
        np.testing.assert_array_equal(log_mel(np.pad(y, (0, n)), AUDIO), log_mel(y, AUDIO))


def test_silence_is_the_floor():
    assert log_mel(voice(0), AUDIO).shape == (63, BANDS)  # one second, a frame every 16 ms
    assert not log_mel(np.zeros(100), AUDIO).any()
    heard = log_mel(voice(0, seconds=0.4), AUDIO).any(axis=1)
    assert not heard[27:].any()  # the clip ends at frame 25, half a window is two frames
    assert heard[1:25].all()


def test_a_tone_is_in_its_band_at_its_level():
    """Half the power in the second half of the clip: 3 dB of the range above the floor."""
    t = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 1000 * t)
    tone[4000:] *= np.sqrt(0.5)
    features = log_mel(tone, AUDIO)
    loud, soft = features[10], features[50]
    assert loud.argmax() == soft.argmax()
    assert loud.max() - soft.max() == pytest.approx(10 * np.log10(2) / FLOOR_DB, abs=1e-4)


def test_a_warp_moves_a_tone_as_another_frequency_would():
    t = np.arange(8000) / 8000
    low, high = (np.sin(2 * np.pi * f * t) for f in (1000, 1100))
    np.testing.assert_allclose(log_mel(low, AUDIO, warp=1.1), log_mel(high, AUDIO), atol=0.12)
    assert np.abs(log_mel(low, AUDIO) - log_mel(high, AUDIO)).max() > 0.3


def test_stretched_and_delayed_clips_end_where_they_should():
    def ends(**changes):
        heard = np.flatnonzero(log_mel(voice(0, seconds=0.4), AUDIO, **changes).any(axis=1))
        return heard[0], heard[-1]

    start, end = ends()
    assert ends(delay_s=0.16) == (start + 10, end + 10)
    assert ends(stretch=0.5)[1] == pytest.approx(2 * end, abs=2)


def test_an_equaliser_moves_levels_by_its_decibels():
    gains = np.zeros(BANDS)
    gains[5] = -6.0
    before, after = (log_mel(voice(0), AUDIO, equaliser=g) for g in (0.0, gains))
    clear = before[:, 5] > 0.3
    np.testing.assert_allclose((before - after)[clear, 5], 6 / FLOOR_DB, atol=1e-5)
    np.testing.assert_array_equal(np.delete(before, 5, 1), np.delete(after, 5, 1))


def test_augmentation_depends_on_its_stream_only():
    one, same, other = (augmented(voice(0), AUDIO, np.random.default_rng(s)) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert one.shape == log_mel(voice(0), AUDIO).shape
    assert one.dtype == np.float32
    assert not np.array_equal(one, other)


def test_some_clips_lose_their_weak_parts_in_training(monkeypatch):
    """The remaining features are unchanged."""
    for constant in ("WARP", "STRETCH", "DELAY_S", "MASKS"):
        monkeypatch.setattr(recogniser, constant, 0)
    monkeypatch.setattr(recogniser, "EQUALISER_DB", np.zeros(4))
    whole = log_mel(voice(0), AUDIO)
    cut = [augmented(voice(0), AUDIO, np.random.default_rng(seed)) for seed in range(60)]
    for features in cut:
        kept = features > 0
        np.testing.assert_allclose(features[kept], whole[kept], atol=1e-5)
        assert whole[~kept].max(initial=0) <= min(features[kept].min(), recogniser.HIGHEST_CUT)
    untouched = np.mean([np.array_equal(features, whole) for features in cut])
    assert 0.25 < untouched < 0.75, "half of the clips, give or take"


# --- the network -----------------------------------------------------------------------------


def test_pooling_counts_heard_frames_only():
    x = np.array([[[1.0], [3.0], [50.0]], [[-1.0], [2.0], [6.0]]])
    features = np.zeros((2, 6, 4, 1))
    features[0, 0, 2] = features[0, 3, 1] = 0.5  # two frames of x active, the third silent
    features[1] = 1.0
    pooled = keras.ops.convert_to_numpy(HeardFrames()([x, features]))
    np.testing.assert_allclose(pooled[1], [7 / 3, 6])
    np.testing.assert_allclose(pooled[0], [2, 3])
    silent = keras.ops.convert_to_numpy(HeardFrames()([x[:1], 0 * features[:1]]))
    np.testing.assert_array_equal(silent, [[0, 0]])


def test_probabilities_are_independent_of_gain_padding_and_company():
    keras.utils.set_random_seed(0)
    recogniser = Recogniser(build_recogniser(AUDIO, width=2), AUDIO)
    clips = [voice(i, seconds=0.2 + 0.1 * i) for i in range(4)]
    p = recogniser.probabilities(clips)
    assert p.shape == (4, 10)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(p, axis=0).max() > 1e-4  # the answers differ
    changed = [0.01 * np.pad(y, (0, 900)) for y in clips]
    np.testing.assert_allclose(recogniser.probabilities(changed), p, atol=1e-5)
    np.testing.assert_allclose(recogniser.probabilities(clips[2:3]), p[2:3], atol=1e-5)
    np.testing.assert_array_equal(recogniser.digits(clips), p.argmax(axis=1))
    assert recogniser.digits([]).shape == (0,)
    assert np.isfinite(recogniser.probabilities([np.zeros(500)])).all()


def test_a_clip_beyond_the_window_is_refused():
    with pytest.raises(InputError, match="at most 8000 samples, got 8001"):
        Recogniser(None, AUDIO).digits([np.zeros(10), np.zeros(8001)])
