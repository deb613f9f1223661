"""lib.models.published: the published network, and its targets beyond the range of a sigmoid."""

import keras
import numpy as np
import pytest
from voices import RATE, configure, voice

from lib.errors import InputError
from lib.models import published
from lib.models.published import RelativeMagnitude, ZScore
from lib.signals.noise import mix_at_snr, white_noise
from lib.signals.stft import stft


def snr_db(reference, estimate):
    return 10 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2))


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
    assert snr_db(y, back) > 50  # resampled twice, float32, without the Nyquist bin
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
    scale = ZScore.fit(noisy, clean)
    for scaled in (scale.inputs(noisy), scale.targets(clean)):
        assert scaled.mean() == pytest.approx(0, abs=1e-3)  # float32 sums
        assert scaled.std() == pytest.approx(1, abs=1e-3)
    back = scale.magnitudes(scale.targets(clean))
    np.testing.assert_allclose(back, clean, atol=1e-5 * clean.max())
    np.testing.assert_array_equal(scale.targets(clean, noisy), scale.targets(clean))


def test_relative_magnitude_is_undone_and_free_of_level(pairs):
    noisy, clean = pairs
    scale = RelativeMagnitude.fit(noisy, clean)
    clean = np.minimum(clean, scale.magnitudes(np.ones_like(clean), noisy))
    relative = scale.targets(clean, noisy)
    np.testing.assert_allclose(scale.magnitudes(relative, noisy), clean, atol=1e-5 * clean.max())
    alone = scale.targets(clean[3], noisy[3])  # also without the batch axis
    np.testing.assert_array_equal(alone, relative[3])
    quiet = scale.targets(0.01 * clean, 0.01 * noisy)
    np.testing.assert_allclose(quiet, relative, atol=1e-5)
    assert not scale.targets(0 * clean, 0 * noisy).any()
    assert scale.inputs(noisy).max(axis=(1, 2, 3)).tolist() == [1.0] * 10


def test_sigmoid_reaches_the_repaired_target_and_not_the_published_one(pairs):
    noisy, clean = pairs
    as_published = ZScore.fit(noisy, clean).targets(clean, noisy)
    repaired = RelativeMagnitude().targets(clean, noisy)
    assert (as_published < 0).mean() > 0.5
    assert as_published.max() > 1
    assert 0 <= repaired.min() < 0.5 < repaired.max() <= 1
    louder = RelativeMagnitude().targets(1e3 * clean, noisy)  # clean exceeds noisy
    assert louder.max() == 1


# --- the network -----------------------------------------------------------------------------


def run(model, x):
    return keras.ops.convert_to_numpy(model(x.astype(np.float32), training=False))


def test_reference_answers_between_0_and_1_whatever_the_height():
    """A sigmoid cannot output negative values; crops along frequency share the weights."""
    model = published.build_reference((None, 44, 1))
    assert model.count_params() == 316_289
    for bins in (16, 64):
        out = run(model, 50 * np.random.default_rng(0).normal(size=(1, bins, 44, 1)))
        assert out.shape == (1, bins, 44, 1)
        assert 0 <= out.min() < out.max() <= 1


# --- as a denoiser ---------------------------------------------------------------------------


class Copy:
    """A network that returns its input."""

    def predict_on_batch(self, x):
        return x


@pytest.mark.parametrize("scale", [ZScore(0.5, 2.0, 0.5, 2.0), RelativeMagnitude()])
def test_a_network_that_changes_nothing_changes_nothing(scale):
    y = voice(0)
    denoise = published.ReferenceDenoiser(Copy(), RATE, scale)
    np.testing.assert_allclose(
        denoise.magnitudes(y), published.reference_features(y, RATE), rtol=1e-3, atol=1e-4
    )
    assert snr_db(y, denoise(y, RATE)) > 40


def test_only_the_bins_that_the_working_rate_fills_are_asked_for():
    assert [published.filled_bins(rate) for rate in (8000, 11_025, 22_050, 48_000)] == [
        371, 512, 1024, 1024,
    ]  # fmt: skip
    scale, y = RelativeMagnitude(), voice(0)
    network = published.build_reference((None, *published.REFERENCE_SHAPE[1:]))
    denoise = published.ReferenceDenoiser(network, RATE, scale)
    whole, part = denoise.magnitudes(y), denoise.magnitudes(y, 371)
    np.testing.assert_allclose(part[:371], whole[:371], rtol=1e-4, atol=1e-6 * whole.max())
    assert not part[371:].any() and whole[371:].any()


def test_a_long_clip_is_denoised_second_by_second():
    denoise = published.ReferenceDenoiser(Copy(), RATE, RelativeMagnitude())
    y = np.concatenate([np.pad(voice(seed), (2400, 2400)) for seed in range(2)])
    assert denoise(y, RATE).shape == y.shape == (16_000,)
    np.testing.assert_array_equal(denoise(y, RATE)[8000:], denoise(y[8000:], RATE))


def test_a_denoiser_refuses_other_rates():
    with pytest.raises(InputError, match="works at 8000 Hz, got 16000 Hz"):
        published.ReferenceDenoiser(Copy(), RATE, RelativeMagnitude())(np.zeros(50), 16_000)


def test_input_sizes_say_what_the_models_see():
    audio = configure(audio={"n_fft": 256, "hop_length": 64}).audio
    table = published.input_sizes(audio).set_index("property")
    assert table.loc["values per clip", "reference"] == 1024 * 44
    assert (
        table.loc["frames per second", "ours"]
        == stft(np.ones(audio.clip_samples), n_fft=256, hop_length=64).shape[1]
    )
    assert table.loc["width of a bin (Hz)", "ours"] == 31.25
