"""lib.models.mask: properties of our network that hold for any weights."""

import keras
import numpy as np
import pytest
import scipy.signal
from voices import voice

from lib.config import AudioConfig
from lib.errors import InputError
from lib.models import mask
from lib.models.size import count_macs
from lib.signals.audio import fix_length
from lib.signals.stft import istft, stft

AUDIO = AudioConfig()


@pytest.fixture(scope="module")
def ours():
    """Our network with random weights, whose mask is not constant."""
    keras.utils.set_random_seed(3)
    return mask.build_ours(AUDIO)


def run(model, y):
    return keras.ops.convert_to_numpy(model(np.atleast_2d(y).astype(np.float32), training=False))


def test_ours_is_small(ours):
    assert ours.count_params() <= 1_000_000
    assert count_macs(ours, (AUDIO.clip_samples,)) <= 0.6e9


@pytest.mark.parametrize("samples", [129, 200, 255, 256, 1000, 4001, 8000, 8001, 12_345])
def test_ours_keeps_any_length(ours, samples):
    out = run(ours, np.random.default_rng(0).normal(0, 0.1, samples))
    assert out.shape == (1, samples)
    assert np.isfinite(out).all()


def test_mask_lies_between_0_and_1_and_varies(ours):
    masks = keras.Model(ours.inputs, ours.get_layer("mask").output)
    out = run(masks, voice(0))
    assert out.shape[2:] == (AUDIO.n_fft // 2, 1)
    assert 0 <= out.min() < out.max() <= 1


@pytest.mark.parametrize("strides", [(2, 2), (1, 2)])
def test_a_transposed_convolution_can_be_a_3x3_one_of_repeated_points(strides):
    """Its kernel is then the 3x3 one, flipped and convolved with ones of the strides' shape."""
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(1, 4, 6, 2)), rng.normal(size=(3, 3, 2, 1))
    repeated = np.repeat(np.repeat(x, strides[0], axis=1), strides[1], axis=2)
    expected = keras.ops.conv(
        repeated.astype(np.float32), kernel.astype(np.float32), padding="same"
    )
    inputs = keras.Input((4, 6, 2))
    network = keras.Model(inputs, mask._upsample(inputs, 1, strides, use_bias=False))
    smeared = [
        [scipy.signal.convolve2d(kernel[::-1, ::-1, i, 0], np.ones(strides))] for i in range(2)
    ]
    network.set_weights([np.transpose(smeared, (2, 3, 1, 0))])
    np.testing.assert_allclose(network(x.astype(np.float32)), expected, atol=1e-5)


def test_a_gain_passes_through(ours):
    """The mask is independent of the level, from a whisper at -100 dBFS to ten times full scale."""
    noisy = voice(0) + np.random.default_rng(0).normal(0, 0.05, len(voice(0)))
    expected = run(ours, noisy)
    for gain in (1e-3, 0.1, 7.0, 100.0):
        np.testing.assert_allclose(
            run(ours, gain * noisy) / gain, expected, atol=1e-4 * np.abs(expected).max()
        )


def test_silence_stays_silent(ours):
    assert not run(ours, np.zeros(4000)).any()


def test_clips_of_a_batch_do_not_hear_each_other(ours):
    batch = np.stack([voice(seed) for seed in range(3)])
    together = run(ours, batch)
    alone = np.concatenate([run(ours, y) for y in batch])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("samples", [2000, 4001, 8000])
def test_layers_of_an_open_mask_return_the_waveform(samples):
    """STFT and inverse with a mask of ones match `lib.signals.stft` without the DC bin."""
    y = np.random.default_rng(0).normal(0, 0.1, samples)
    spectrogram = mask.Spectrogram(AUDIO.n_fft, AUDIO.hop_length)(y[None].astype(np.float32))
    assert spectrogram.shape[1] % 2 == 0
    opened = np.ones((*spectrogram.shape[:2], AUDIO.n_fft // 2, 1), np.float32)
    layer = mask.MaskedWaveform(AUDIO.n_fft, AUDIO.hop_length)
    out = keras.ops.convert_to_numpy(layer([y[None].astype(np.float32), spectrogram, opened]))[0]
    window = {"n_fft": AUDIO.n_fft, "hop_length": AUDIO.hop_length}
    S = stft(y, **window)
    S[0] = 0
    inside = slice(AUDIO.n_fft, -AUDIO.n_fft)  # the two pad the edges differently
    expected = istft(S, **window, length=samples)
    np.testing.assert_allclose(out[inside], expected[inside], atol=1e-5)


def test_spectrogram_is_librosas():
    y = np.random.default_rng(0).normal(0, 0.1, 4000)
    layer = mask.Spectrogram(AUDIO.n_fft, AUDIO.hop_length)
    real, imaginary = np.moveaxis(np.asarray(layer(y[None].astype(np.float32)))[0], -1, 0)
    S = stft(y, n_fft=AUDIO.n_fft, hop_length=AUDIO.hop_length).T[2:-2]
    np.testing.assert_allclose((real + 1j * imaginary)[2 : 2 + len(S)], S, atol=1e-4)


def test_a_saved_network_loads_in_safe_mode_and_answers_alike(ours, tmp_path):
    ours.save(tmp_path / "ours.keras")
    loaded = keras.saving.load_model(tmp_path / "ours.keras", safe_mode=True)
    np.testing.assert_array_equal(run(loaded, voice(1)), run(ours, voice(1)))


# --- as a denoiser ---------------------------------------------------------------------------


def test_a_clip_is_heard_in_a_window_of_zeros(ours):
    denoise = mask.WindowDenoiser(ours, AUDIO)
    noisy = voice(0) + np.random.default_rng(0).normal(0, 0.05, len(voice(0)))
    expected = run(ours, fix_length(noisy, 8000))[0, : len(noisy)]
    np.testing.assert_allclose(denoise(noisy, 8000), expected, atol=1e-5)
    np.testing.assert_array_equal(denoise(noisy, 8000), denoise(noisy, 8000))


def test_a_denoiser_refuses_other_rates_and_longer_clips():
    denoise = mask.WindowDenoiser(None, AudioConfig(clip_s=0.5))
    with pytest.raises(InputError, match="works at 8000 Hz, got 16000 Hz"):
        denoise(np.zeros(50), 16000)
    with pytest.raises(InputError, match="at most 4000 samples, got 4001"):
        denoise(np.zeros(4001), 8000)
