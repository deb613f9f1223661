"""lib.clips.examples: training examples depend on seed, clip and epoch only."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import configure, voice, voice_store

from lib.clips.examples import (
    TrainingPairs,
    equal_batches,
    equalised_example,
    training_example,
)
from lib.config import Config
from lib.metrics import snr

CONFIG = configure(training={"folds": 3, "batch_size": 4, "crop_s": 0.25})


@settings(max_examples=60, deadline=None)
@given(st.integers(50, 6000), st.integers(40, 5000), st.floats(-20, 20), st.integers(0, 2**32 - 1))
def test_an_example_is_exact_level_and_padded_with_zeros(n, samples, snr_db, seed):
    settings = {"varied_share": 0.0, "speed_spread": 0.15}
    config = configure(noise={"snr_db": snr_db}, training=settings)
    clean = np.random.default_rng(seed).normal(0, 0.01, n)
    noisy, target = training_example(clean, samples, np.random.default_rng(seed), config)
    assert noisy.shape == target.shape == (samples,)
    assert noisy.dtype == target.dtype == np.float32
    own = np.flatnonzero(noisy).max() + 1
    assert own <= min(samples, np.ceil(n / 0.85))  # no slower than 15 %
    assert not target[own:].any()
    assert snr(target[:own], noisy[:own]) == pytest.approx(snr_db, abs=1e-3)  # float32
    assert np.sqrt(np.mean(noisy[:own] ** 2)) == pytest.approx(0.1, rel=1e-4)


def test_an_example_depends_on_its_stream_only():
    clean = voice(0)
    first, again, other = (
        training_example(clean, 2000, np.random.default_rng(seed), CONFIG) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_speed_moves_the_pitch_within_the_spread():
    tone = np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)
    heard, config = [], configure(training={"speed_spread": 0.15})
    for seed in range(40):
        target = training_example(tone, 4000, np.random.default_rng(seed), config)[1]
        heard.append(np.abs(np.fft.rfft(target)).argmax() * 2)
    assert 425 <= min(heard) < 450
    assert 550 < max(heard) <= 575
    still = configure(training={"speed_spread": 0.0})
    target = training_example(tone, 4000, np.random.default_rng(0), still)[1]
    assert np.abs(np.fft.rfft(target)).argmax() * 2 == 500


def test_the_varied_share_has_other_levels_and_colours_of_noise():
    settings = {"varied_share": 0.4, "varied_snr_low_db": 0.0, "varied_snr_high_db": 12.0}
    config = configure(training=settings)
    clean = np.random.default_rng(0).normal(0, 0.01, 4000)
    ratios, low_shares = [], []
    for seed in range(300):
        noisy, target = training_example(clean, 2000, np.random.default_rng(seed), config)
        ratios.append(snr(target, noisy))
        power = np.abs(np.fft.rfft(noisy - target)) ** 2
        low_shares.append(power[: len(power) // 4].sum() / power.sum())
    varied = np.abs(np.array(ratios) - config.noise.snr_db) > 1e-3
    assert 0.3 < varied.mean() < 0.5  # 0.4 +- 3.5 standard errors of 300 draws
    assert 0 <= np.array(ratios)[varied].min() < 1
    assert 11 < np.array(ratios)[varied].max() <= 12
    low_shares = np.array(low_shares)
    assert low_shares[~varied].max() < 0.35  # white: a quarter of the band, of the power
    assert low_shares[varied].max() > 0.6  # nearly pink
    assert low_shares[varied].min() < 0.35


@pytest.mark.parametrize("make", [training_example, equalised_example])
@pytest.mark.parametrize("clean", [np.zeros(5000), np.zeros(1), np.ones(1), np.ones(2)])
def test_silence_gives_zeros_instead_of_an_error(clean, make):
    noisy, target = make(clean, 2000, np.random.default_rng(0), CONFIG)
    assert not noisy.any()
    assert not target.any()
    assert noisy.shape == target.shape == (2000,)


def levels_of_tones(range_db, seed):
    """Return the levels in dB of tones at 500, 2,000 and 3,500 Hz after a random equaliser."""
    time, frequencies = np.arange(8000) / 8000, [500, 2000, 3500]
    clean = sum(np.sin(2 * np.pi * f * time) for f in frequencies)
    config = configure(training={"speed_spread": 0.0})
    rng = np.random.default_rng(seed)
    target = equalised_example(clean, 8000, rng, config, range_db=range_db)[1]
    return 20 * np.log10(np.abs(np.fft.rfft(target))[frequencies])


def test_an_equaliser_moves_each_frequency_by_at_most_its_range():
    assert np.ptp(levels_of_tones(0.0, seed=0)) < 0.05
    levels = np.array([levels_of_tones(6.0, seed) for seed in range(60)])
    between = np.ptp(levels, axis=1)  # the level of the whole depends on the noise
    assert 8 < between.max() <= 12
    assert between.min() < 3
    louder = levels.argmax(axis=1)
    assert set(louder) == {0, 1, 2}


def test_an_equalised_clip_has_nothing_before_its_beginning_or_after_its_end():
    clean = np.zeros(6000)
    clean[:50] = 1.0  # what a filter would wrap around to the end
    config = configure(training={"speed_spread": 0.0})
    target = equalised_example(clean, 6000, np.random.default_rng(0), config)[1]
    assert np.abs(target[-3000:]).max() < 1e-3 * np.abs(target).max()


@pytest.mark.parametrize("make", [training_example, equalised_example])
def test_examples_of_any_length_have_the_requested_one(make):
    for n in (1, 2, 3, 101, 2857):
        noisy, target = make(voice(0)[:n], 2000, np.random.default_rng(0), CONFIG)
        assert noisy.shape == target.shape == (2000,)
        assert np.isfinite(noisy).all()
        assert np.isfinite(target).all()


# --- batches ---------------------------------------------------------------------------------


@given(st.integers(1, 100), st.integers(1, 40))
def test_batches_are_equal_and_hold_nothing_twice(n, size):
    batches = equal_batches(np.arange(n), size)
    assert batches.shape[1] == min(size, n)
    assert batches.ravel().tolist() == list(range(batches.size))
    assert n - batches.size < batches.shape[1]


@pytest.fixture(scope="module")
def store():
    return voice_store(CONFIG, speakers=4, digits=3)


def clips_of(pairs):
    """Return {row: (noisy, clean)} for all clips of an epoch."""
    batches = [pairs[i] for i in range(len(pairs))]
    noisy, clean = (np.concatenate(part) for part in zip(*batches))
    return dict(zip(pairs.batches.ravel().tolist(), zip(noisy, clean)))


def test_a_batch_has_the_configured_shape(store):
    pairs = TrainingPairs(store, np.arange(12), epoch=0)
    assert len(pairs) == 3
    for part in pairs[0]:
        assert part.shape == (4, 2000)
        assert part.dtype == np.float32


def test_an_example_depends_on_neither_batch_size_nor_company(store):
    small = dataclasses.replace(store, config=configure(CONFIG, training={"batch_size": 2}))
    by_four = clips_of(TrainingPairs(store, np.arange(12), epoch=3))
    by_two = clips_of(TrainingPairs(small, np.arange(0, 12, 2), epoch=3))
    assert set(by_four) == set(range(12))
    assert set(by_two) == set(range(0, 12, 2))
    for row, pair in by_two.items():
        np.testing.assert_array_equal(pair, by_four[row])


def test_every_epoch_has_its_own_order_and_noise(store):
    first, second = (TrainingPairs(store, np.arange(12), epoch=epoch) for epoch in (0, 1))
    assert first.batches.tolist() != second.batches.tolist()
    examples = clips_of(first), clips_of(second)
    assert not any(np.array_equal(examples[0][row], examples[1][row]) for row in range(12))


def test_default_configuration_is_the_quick_profile():
    assert Config().training.crop_s <= Config().audio.clip_s
