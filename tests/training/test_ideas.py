"""lib.training.ideas: ideas that did not help at least do what they claim."""

import keras
import numpy as np
import pytest
from voices import configure, voice

from lib.clips.examples import equalised_example
from lib.config import AudioConfig, Config
from lib.models.mask import MaskedWaveform
from lib.training import ideas

CONFIG = configure(training={"varied_share": 0.0})


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_a_speed_that_varies_changes_the_clip_and_keeps_its_level():
    clean = voice(0)
    noisy, target = ideas.warped(clean, 2000, np.random.default_rng(1), CONFIG)
    assert noisy.shape == target.shape == (2000,)
    assert np.sqrt(np.mean(noisy**2)) == pytest.approx(0.1, rel=1e-4)
    rng = np.random.default_rng(1)
    rng.uniform(size=2)  # as many as the speed takes
    assert not np.allclose(target, equalised_example(clean, 2000, rng, CONFIG)[1])


def test_si_sdr_loss_does_not_see_the_level():
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(2, 500)).astype(np.float32)
    estimate = clean + 0.5 * rng.normal(size=clean.shape).astype(np.float32)
    once, louder = (numbers(ideas.negative_si_sdr(clean, gain * estimate)) for gain in (1, 7))
    np.testing.assert_allclose(once, louder, atol=1e-3)
    assert numbers(ideas.negative_si_sdr(clean, 3 * clean)).max() < -29  # it saturates at 30 dB


def test_compressed_spectra_add_nothing_to_a_perfect_estimate():
    clean = voice(1)[None].astype(np.float32)
    perfect = numbers(ideas.snr_and_compressed_spectra(clean, clean))
    assert perfect == pytest.approx(-30, abs=0.01)
    assert numbers(ideas.snr_and_compressed_spectra(clean, 0 * clean)) > 0.5


def test_complex_filter_starts_as_the_mask_alone():
    audio = AudioConfig()
    refined = ideas.with_complex_filter(audio)
    inputs = [refined.inputs[0], *(refined.get_layer(name).output for name in ("stft", "mask"))]
    masked = keras.Model(refined.inputs, MaskedWaveform(audio.n_fft, audio.hop_length)(inputs))
    y = voice(2)[None].astype(np.float32)
    np.testing.assert_allclose(refined(y), masked(y), atol=1e-6)
    refined.get_layer("taps").bias.assign([0, 0, 0.5, 0, 0, 0])
    assert not np.allclose(refined(y), masked(y), atol=1e-3)


def test_a_steady_tone_stands_still():
    layer = ideas.ComplexFilter(512, 128)
    tone = np.cos(2 * np.pi * 20 / 512 * np.arange(4096)).astype(np.float32)[None]
    real, imaginary = keras.ops.stft(tone, 512, 128, 512)
    still = numbers(layer.turn(keras.ops.stack([real, imaginary], axis=-1), -1))[0, 4:-4, 20]
    angles = np.arctan2(still[:, 1], still[:, 0])
    assert np.ptp(angles) < 1e-3


class Doubler:
    """A shift-invariant network."""

    def predict_on_batch(self, y):
        return 2 * y


def test_mean_over_shifts_leaves_a_shift_invariant_network_alone():
    y = np.random.default_rng(0).normal(size=(2, 300)).astype(np.float32)
    denoise = ideas.over_two_shifts(Doubler(), {"audio": {"hop_length": 128}})
    np.testing.assert_allclose(denoise.windows(y), 2 * y)
    np.testing.assert_allclose(denoise(y[0], 8000), 2 * y[0])


def test_the_second_answer_is_to_a_signal_half_a_hop_later():
    class Position:
        def predict_on_batch(self, y):
            return np.broadcast_to(np.arange(y.shape[1]), y.shape)

    denoise = ideas.TwoShifts(Position(), AudioConfig(hop_length=128))
    np.testing.assert_allclose(denoise.windows(np.ones((1, 5))), [np.arange(5) + 64 / 2])


def test_losses_of_recipes_are_those():
    assert ideas.si_sdr(Config()) is ideas.negative_si_sdr
    assert ideas.compressed_spectra(Config()) is ideas.snr_and_compressed_spectra
