"""lib.training.losses: closed forms, and agreement with the metric that the loss stands for."""

import keras
import numpy as np
import pytest
from pystoi.utils import thirdoct
from voices import voice

from lib.metrics import estoi
from lib.signals.noise import mix_at_snr
from lib.training import losses

RATE = 8000


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_negative_snr_saturates_at_30_db():
    clean = np.random.default_rng(0).normal(size=(3, 1000)).astype(np.float32)
    error = np.random.default_rng(1).normal(size=(3, 1000)).astype(np.float32)
    ratio = np.sum(error**2, axis=1) / np.sum(clean**2, axis=1)
    expected = 10 * np.log10(ratio + 1e-3)
    np.testing.assert_allclose(losses.negative_snr(clean, clean + error), expected, atol=1e-3)
    np.testing.assert_allclose(losses.negative_snr(clean, clean), -30, atol=1e-3)
    np.testing.assert_allclose(losses.negative_snr(clean, 0 * clean), 0, atol=0.01)
    assert np.isfinite(losses.negative_snr(0 * clean, clean)).all()  # a silent crop


def test_bands_are_those_of_estoi():
    """Band edges differ by at most half a bin: pystoi rounds them to the nearest bin."""
    bands = losses.third_octave_bands(10_000, 512)
    theirs = thirdoct(10_000, 512, 15, 150)[0].T
    assert bands.shape == theirs.shape
    assert np.abs(bands.sum(axis=0) - theirs.sum(axis=0)).max() <= 1
    assert bands.sum(axis=1).max() == 1  # no bin in two bands


@pytest.fixture(scope="module")
def clean():
    return voice(2)[:4000].astype(np.float32)[None]


def noisy(clean, snr_db):
    noise = np.random.default_rng(3).normal(size=clean[0].shape)
    return mix_at_snr(clean[0], noise, snr_db).astype(np.float32)[None]


def test_a_copy_of_any_level_correlates_fully(clean):
    for gain in (1.0, 0.1, 10.0):
        assert numbers(losses.envelope_correlation(clean, gain * clean, RATE)) == pytest.approx(
            1, abs=0.02
        )


def test_correlation_falls_with_the_noise(clean):
    levels = [30, 20, 10, 0, -10]
    found = [
        numbers(losses.envelope_correlation(clean, noisy(clean, db), RATE)).item() for db in levels
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.5  # weak bands are noisy even at 30 dB
    assert abs(found[-1]) < 0.15


def test_correlation_of_one_segment_is_estoi(clean):
    """At ESTOI's own rate and length, with every frame loud: 30 frames, no silence to drop."""
    rate, frames = 10_000, 30
    rng = np.random.default_rng(0)
    x = rng.normal(size=(frames - 1) * 128).astype(np.float32)
    for share in (0.3, 1.0, 3.0):
        y = x + share * rng.normal(size=len(x)).astype(np.float32)
        ours = numbers(losses.envelope_correlation(x[None], y[None], rate)).item()
        assert ours == pytest.approx(estoi(x, y, rate), abs=0.03)  # ESTOI repeats the signal


def test_silence_and_silent_targets_are_finite(clean):
    for a, b in [(clean, 0 * clean), (0 * clean, clean), (0 * clean, 0 * clean)]:
        assert np.isfinite(numbers(losses.envelope_correlation(a, b, RATE))).all()


def test_loss_adds_its_parts_and_survives_a_checkpoint(clean):
    estimate = noisy(clean, 0)
    loss = losses.DenoisingLoss(RATE, 10.0)
    parts = losses.negative_snr(clean, estimate) - 10 * losses.envelope_correlation(
        clean, estimate, RATE
    )
    assert numbers(loss(clean, estimate)) == pytest.approx(numbers(parts).item(), rel=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert numbers(again(clean, estimate)) == numbers(loss(clean, estimate))
    plain = losses.DenoisingLoss(RATE, 0.0)(clean, estimate)
    assert numbers(plain) == pytest.approx(numbers(losses.negative_snr(clean, estimate)).item())
