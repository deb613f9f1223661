"""lib.models.conv_tasnet: properties of Conv-TasNet that hold for any weights."""

import keras
import numpy as np
import pytest
from voices import voice

from lib.config import AudioConfig
from lib.errors import InputError
from lib.models.conv_tasnet import ClipDenoiser, build_conv_tasnet
from lib.models.size import count_macs

AUDIO = AudioConfig()


def run(model, y):
    return keras.ops.convert_to_numpy(model(np.atleast_2d(y).astype(np.float32), training=False))


@pytest.fixture(scope="module")
def conv_tasnet():
    keras.utils.set_random_seed(4)
    return build_conv_tasnet(AUDIO)


def test_conv_tasnet_costs_what_its_layers_cost(conv_tasnet):
    """By hand: N = 256 filters of L = 32 samples, B = 64, H = 208, P = 3, 12 blocks."""
    frames = (8000 + 16 + 31 - 32) // 16 + 1
    block = 64 * 208 + 3 * 208 + 2 * 208 * 64
    unused = 208 * 64  # the last block has no residual output
    weights = 2 * 32 * 256 + 2 * 256 * 64 + 12 * block - unused
    assert count_macs(conv_tasnet, (8000,)) == frames * weights
    biases = 64 + 256 + 12 * (2 * 208 + 2 * 64) - 64
    norms = 2 * (256 + 12 * 2 * 208)
    assert conv_tasnet.count_params() == weights + biases + norms + 12 * 2 + 1  # and PReLU slopes
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
    """The response to an impulse lies within one filter length of it."""
    y = np.zeros(4000)
    y[2000] = 1
    heard = np.flatnonzero(run(conv_tasnet, y)[0])
    assert 2000 - 32 < heard.min() <= 2000 <= heard.max() < 2000 + 32


def test_a_saved_conv_tasnet_loads_in_safe_mode(conv_tasnet, tmp_path):
    conv_tasnet.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    np.testing.assert_array_equal(run(loaded, voice(1)), run(conv_tasnet, voice(1)))


# --- as a denoiser ---------------------------------------------------------------------------


def test_a_clip_is_heard_alone(conv_tasnet):
    """Trailing zeros would make it seem louder."""
    denoise, noisy = ClipDenoiser(conv_tasnet, AUDIO), voice(0)
    np.testing.assert_allclose(denoise(noisy, 8000), run(conv_tasnet, noisy)[0], atol=1e-5)
    padded = run(conv_tasnet, np.pad(noisy, (0, 4800)))[0, : len(noisy)]
    assert not np.allclose(denoise(noisy, 8000), padded, atol=1e-4 * np.abs(padded).max())


def test_a_denoiser_refuses_other_rates():
    with pytest.raises(InputError, match="works at 8000 Hz, got 16000 Hz"):
        ClipDenoiser(None, AUDIO)(np.zeros(50), 16000)
