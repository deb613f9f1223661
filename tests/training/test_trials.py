"""lib.search: the variants do what they say, and the test speakers have no say."""

import dataclasses

import keras
import numpy as np
import pytest
from voices import configure, supplied_store, voice

from lib.clips.examples import training_example
from lib.clips.folds import deal_folds, split_speakers
from lib.config import AudioConfig
from lib.models.mask import MaskedWaveform
from lib.training import trials as search
from lib.workspace.folder import Run

CONFIG = configure(
    training={"folds": 3, "varied_share": 0.0, "batch_size": 4, "crop_s": 0.25},
    search={"epochs": 1},
)


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("example", [search.equalised, search.reversed_at_random, search.warped])
def test_augmentation_changes_the_clip_and_keeps_its_level(example):
    clean = voice(0)
    noisy, target = example(clean, 2000, np.random.default_rng(1), CONFIG)
    assert noisy.shape == target.shape == (2000,)
    assert np.sqrt(np.mean(noisy**2)) == pytest.approx(0.1, rel=1e-4)
    plain = training_example(clean, 2000, np.random.default_rng(1), CONFIG)[1]
    assert not np.allclose(target, plain)


def test_half_of_the_clips_run_backwards():
    """A ramp tells its direction."""
    still = configure(CONFIG, training={"speed_spread": 0.0})
    ramp = np.linspace(0.1, 1, 1000)
    targets = [
        search.reversed_at_random(ramp, 1000, np.random.default_rng(seed), still)[1]
        for seed in range(60)
    ]
    backwards = np.mean([target[10] > target[900] for target in targets])
    assert 0.3 < backwards < 0.7  # a half +- 3 standard errors


def test_si_sdr_loss_does_not_see_the_level():
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(2, 500)).astype(np.float32)
    estimate = clean + 0.5 * rng.normal(size=clean.shape).astype(np.float32)
    once, louder = (numbers(search.negative_si_sdr(clean, gain * estimate)) for gain in (1, 7))
    np.testing.assert_allclose(once, louder, atol=1e-3)
    assert numbers(search.negative_si_sdr(clean, 3 * clean)).max() < -29  # it saturates at 30 dB


def test_compressed_spectra_add_nothing_to_a_perfect_estimate():
    clean = voice(1)[None].astype(np.float32)
    perfect = numbers(search.snr_and_compressed_spectra(clean, clean))
    assert perfect == pytest.approx(-30, abs=0.01)
    assert numbers(search.snr_and_compressed_spectra(clean, 0 * clean)) > 0.5


def test_complex_filter_starts_as_the_mask_alone():
    audio = AudioConfig()
    refined = search.with_complex_filter(audio)
    inputs = [refined.inputs[0], *(refined.get_layer(name).output for name in ("stft", "mask"))]
    masked = keras.Model(refined.inputs, MaskedWaveform(audio.n_fft, audio.hop_length)(inputs))
    y = voice(2)[None].astype(np.float32)
    np.testing.assert_allclose(refined(y), masked(y), atol=1e-6)
    refined.get_layer("taps").bias.assign([0, 0, 0.5, 0, 0, 0])
    assert not np.allclose(refined(y), masked(y), atol=1e-3)


def test_a_steady_tone_stands_still():
    layer = search.ComplexFilter(512, 128)
    tone = np.cos(2 * np.pi * 20 / 512 * np.arange(4096)).astype(np.float32)[None]
    real, imaginary = keras.ops.stft(tone, 512, 128, 512)
    still = numbers(layer.turn(keras.ops.stack([real, imaginary], axis=-1), -1))[0, 4:-4, 20]
    angles = np.arctan2(still[:, 1], still[:, 0])
    assert np.ptp(angles) < 1e-3


def test_mean_over_shifts_leaves_a_shift_invariant_network_alone():
    y = np.random.default_rng(0).normal(size=(2, 300))
    np.testing.assert_allclose(search.averaged_over_shifts(lambda x: 2 * x, y, 64), 2 * y)


def test_names_are_told_apart():
    names = [variant.name for variant in search.VARIANTS]
    assert len(set(names)) == len(names)
    assert search.VARIANTS[0].changes == {}


def test_search_hears_no_test_speaker_is_kept_and_goes_stale(tmp_path, monkeypatch):
    """In supplied noise, which is judged as it is; where training draws noise, it is mixed."""
    store = supplied_store(CONFIG, speakers=4)
    folds = deal_folds(store.index, store.index.assign(gender="female"), store.config)
    run = Run(dir=tmp_path, corpus="sample", config=store.config, data_dir="")
    monkeypatch.setattr(search, "VARIANTS", [search.VARIANTS[0], search.VARIANTS[-1]])
    monkeypatch.setattr(search, "JUDGED_CLIPS", 2)
    heard = set()
    clean = type(store).clean
    monkeypatch.setattr(
        type(store), "clean", lambda self, row: (heard.add(row), clean(self, row))[1]
    )
    table, line = search.open_search(run, store, folds)
    assert table.empty
    assert "make search CORPUS=sample" in line
    search.try_all(run, store, folds)
    table, line = search.open_search(run, store, folds)
    assert table["name"].tolist() == ["as it is", "mean over two shifts"]
    assert line == ""
    assert table.drop(columns="group").notna().all(axis=None)
    assert table["macs"].iat[1] == 2 * table["macs"].iat[0]
    test_speakers = split_speakers(folds, 0)[2]
    assert not heard & set(store.rows_of(test_speakers))
    heard.clear()
    search.try_all(run, store, folds)
    assert not heard  # all was kept
    config = dataclasses.replace(store.config, seed=1)
    other = dataclasses.replace(store, config=config)
    assert search.open_search(run, other, folds)[0].empty
