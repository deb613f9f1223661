"""lib.models: the published network to the parameter, ours to its promises."""

import keras
import numpy as np
import pytest
from voices import voice

from lib.config import AudioConfig
from lib.models import conv_tasnet, mask, published, size
from lib.signals.stft import istft, stft
from lib.training import recipes

AUDIO = AudioConfig()
PUBLISHED = [320, 128, 18_496, 256, 73_856, 512, 0, 147_584, 512, 0, 73_792, 256, 577]


@pytest.fixture(scope="module")
def reference():
    return published.build_reference()


@pytest.fixture(scope="module")
def ours():
    """Our network with random weights, and a mask that is not the same everywhere."""
    keras.utils.set_random_seed(3)
    return mask.build_ours(AUDIO)


def run(model, y):
    return keras.ops.convert_to_numpy(model(np.atleast_2d(y).astype(np.float32), training=False))


# --- the reference ---------------------------------------------------------------------------


def test_reference_has_the_published_layers(reference):
    table = size.layer_table(reference)
    assert table["parameters"].tolist() == PUBLISHED
    assert table["output"].iat[0] == "(1024, 44, 32)"
    assert table["output"].iat[6] == "(512, 22, 128)"
    assert table["output"].iat[-1] == "(1024, 44, 1)"
    fixed = sum(weight.shape[0] for weight in reference.non_trainable_weights)
    assert (reference.count_params(), fixed) == (316_289, 832)


def test_reference_costs_9_17_gmac(reference):
    """3x3 kernels: in x out x 9 per position, a quarter of the positions behind the pooling."""
    positions = 1024 * 44
    expected = 9 * positions * (32 + 32 * 64 + 64 * 128 + 128 * 128 / 4 + 128 * 64 + 64)
    assert size.count_macs(reference) == expected == pytest.approx(9.17e9, rel=1e-3)


def test_reference_answers_between_0_and_1_whatever_the_height():
    """A sigmoid cannot give a negative value; crops along frequency share the weights."""
    model = published.build_reference((None, 44, 1))
    assert model.count_params() == 316_289
    for bins in (16, 64):
        out = run(model, 50 * np.random.default_rng(0).normal(size=(1, bins, 44, 1)))
        assert out.shape == (1, bins, 44, 1)
        assert 0 <= out.min() < out.max() <= 1


# --- ours ------------------------------------------------------------------------------------


def test_ours_is_small(ours):
    assert ours.count_params() <= 600_000
    assert size.count_macs(ours, samples=AUDIO.clip_samples) <= 0.6e9


def test_macs_of_a_worked_model():
    inputs = keras.Input((6, 4, 2))
    x = keras.layers.Conv2D(3, (3, 1), strides=(2, 1), padding="same")(inputs)  # 3 x 4 positions
    x = keras.layers.Reshape((3, 12))(x)
    x = keras.layers.Bidirectional(keras.layers.GRU(5, return_sequences=True))(x)
    model = keras.Model(inputs, keras.layers.Dense(7)(x))
    convolution, recurrent = 12 * (2 * 3 * 3), 3 * 2 * 3 * 5 * (12 + 5)
    assert size.count_macs(model) == convolution + recurrent + 3 * 10 * 7


@pytest.mark.parametrize("samples", [129, 200, 255, 256, 1000, 4001, 8000, 8001, 12_345])
def test_ours_keeps_any_length(ours, samples):
    out = run(ours, np.random.default_rng(0).normal(0, 0.1, samples))
    assert out.shape == (1, samples)
    assert np.isfinite(out).all()


def test_mask_lies_between_0_and_1_and_varies(ours):
    mask = keras.Model(ours.inputs, ours.get_layer("mask").output)
    out = run(mask, voice(0))
    assert out.shape[2:] == (AUDIO.n_fft // 2, 1)
    assert 0 <= out.min() < out.max() <= 1


def test_a_gain_passes_through(ours):
    """The mask does not depend on the level: from a whisper at -100 dBFS to ten times clipping."""
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
    """Spectrogram and back with a mask of ones, but for DC: what librosa gives without DC."""
    y = np.random.default_rng(0).normal(0, 0.1, samples)
    spectrogram = mask.Spectrogram(AUDIO.n_fft, AUDIO.hop_length)(y[None].astype(np.float32))
    assert spectrogram.shape[1] % 2 == 0
    mask = np.ones((*spectrogram.shape[:2], AUDIO.n_fft // 2, 1), np.float32)
    layer = mask.MaskedWaveform(AUDIO.n_fft, AUDIO.hop_length)
    out = keras.ops.convert_to_numpy(layer([y[None].astype(np.float32), spectrogram, mask]))[0]
    window = {"n_fft": AUDIO.n_fft, "hop_length": AUDIO.hop_length}
    S = stft(y, **window)
    S[0] = 0
    inside = slice(AUDIO.n_fft, -AUDIO.n_fft)  # both pad the edges in their own way
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


# --- Conv-TasNet -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def conv_tasnet():
    keras.utils.set_random_seed(4)
    return conv_tasnet.build_conv_tasnet(AUDIO)


def test_conv_tasnet_costs_what_its_layers_cost(conv_tasnet):
    """By hand: N = 256 filters of L = 32 samples, B = 64, H = 208, P = 3, 12 blocks."""
    frames = (8000 + 16 + 31 - 32) // 16 + 1
    block = 64 * 208 + 3 * 208 + 2 * 208 * 64
    unused = 208 * 64  # nothing reads the last block's way on
    weights = 2 * 32 * 256 + 2 * 256 * 64 + 12 * block - unused
    assert size.count_macs(conv_tasnet, samples=8000) == frames * weights
    biases = 64 + 256 + 12 * (2 * 208 + 2 * 64) - 64
    norms = 2 * (256 + 12 * 2 * 208)
    assert conv_tasnet.count_params() == weights + biases + norms + 12 * 2 + 1  # and slopes
    assert conv_tasnet.count_params() <= 600_000


@pytest.mark.parametrize("samples", [1, 31, 200, 4001, 8000, 12_345])
def test_conv_tasnet_keeps_any_length(conv_tasnet, samples):
    out = run(conv_tasnet, np.random.default_rng(0).normal(0, 0.1, samples))
    assert out.shape == (1, samples)
    assert np.isfinite(out).all()


def test_a_gain_passes_through_conv_tasnet(conv_tasnet):
    noisy = voice(0) + np.random.default_rng(0).normal(0, 0.05, len(voice(0)))
    expected = run(conv_tasnet, noisy)
    for gain in (1e-3, 100.0):
        np.testing.assert_allclose(
            run(conv_tasnet, gain * noisy) / gain, expected, atol=1e-4 * np.abs(expected).max()
        )
    assert not run(conv_tasnet, np.zeros(4000)).any()


def test_conv_tasnet_delays_nothing(conv_tasnet):
    """An impulse is answered within one filter length of its place."""
    y = np.zeros(4000)
    y[2000] = 1
    heard = np.flatnonzero(run(conv_tasnet, y)[0])
    assert 2000 - 32 < heard.min() <= 2000 <= heard.max() < 2000 + 32


def test_a_saved_conv_tasnet_loads_in_safe_mode(conv_tasnet, tmp_path):
    conv_tasnet.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    np.testing.assert_array_equal(run(loaded, voice(1)), run(conv_tasnet, voice(1)))


def test_the_registry_builds_every_model():
    assert list(recipes.MODELS) == ["reference as published", "reference repaired", "ours"]
    assert recipes.MODELS["reference repaired"] is published.build_reference
    assert recipes.MODELS["ours"](AUDIO, channels=(4, 8), recurrent_units=4).name == "ours"
    assert list(recipes.PUBLISHED) == ["Conv-TasNet"]
