"""lib.training: every fold is trained once, whatever happens in between."""

import dataclasses
import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow
from lib.methods.trained import Denoiser, load_denoiser
from voices import configure, voice_store

from lib.clips.store import ClipStore
from lib.errors import InputError, MissingArtifactError
from lib.training import folds as training
from lib.training import keep as networks
from lib.training import loop as fitting
from lib.training import recipes
from lib.workspace.folder import Run

CONFIG = configure(
    training={"folds": 4, "batch_size": 2, "epochs": 2, "crop_s": 0.1, "reference_epochs": 2,
              "reference_clips": 8, "reference_crops": 1, "reference_crop_bins": 8}
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _eagerly():
    """Networks of a few weights take longer to compile than to train."""
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


def untimed(history):
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in history]


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def store():
    return voice_store(CONFIG, speakers=4, digits=2)


@pytest.fixture
def folds():
    return pd.DataFrame({"speaker": ["01", "02", "03", "04"], "fold": [0, 1, 2, 3]})


@pytest.fixture
def run(tmp_path):
    return Run(corpus="sample", config=CONFIG, data_dir="", dir=tmp_path)


def tiny_reference(shape):
    """Any height of spectrogram, ten weights."""
    inputs = keras.Input(shape)
    layer = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")
    return keras.Model(inputs, layer(inputs))


def tiny_ours(audio):
    """Any length of waveform, five weights and a batch normalisation."""
    inputs = x = keras.Input((None,))
    x = keras.layers.BatchNormalization()(keras.layers.Reshape((-1, 1))(x))
    x = keras.layers.Conv1D(1, 5, padding="same")(x)
    return keras.Model(inputs, keras.layers.Reshape((-1,))(x))


@pytest.fixture
def fitted(monkeypatch):
    """Tiny networks instead of the real ones; the titles of all that was fitted."""
    titles, real = [], training.fit

    def spy(*arguments, **options):
        titles.append(options["title"])
        return real(*arguments, **options)

    monkeypatch.setattr(training, "fit", spy)
    monkeypatch.setattr(training, "WAVEFORM", dict.fromkeys(training.WAVEFORM, tiny_ours))
    monkeypatch.setattr(training, "build_reference", tiny_reference)
    return titles


class Titles(list):
    """Titles of what was to be fitted, and the last ``batches(epoch)``."""


@pytest.fixture
def pretended(monkeypatch):
    """No training at all: networks as they were built; what was asked for."""
    titles = Titles()

    def pretend(model, batches, validation, *, checkpoints, title, **options):
        titles.append(title)
        titles.batches = batches
        checkpoints.mkdir(parents=True)
        losses = [0.5, 0.2, 0.3]
        return model, [{"epoch": i + 1, "validation_loss": x} for i, x in enumerate(losses)]

    monkeypatch.setattr(training, "fit", pretend)
    monkeypatch.setattr(training, "WAVEFORM", dict.fromkeys(training.WAVEFORM, tiny_ours))
    monkeypatch.setattr(training, "build_reference", tiny_reference)
    return titles


@pytest.mark.parametrize("method", list(recipes.MODELS | recipes.PUBLISHED))
def test_a_fold_leaves_network_and_record_and_is_not_trained_again(
    run, store, folds, fitted, method
):
    record = training.train_fold(run, store, folds, method, 3)
    stem = training.model_name(method, 3)
    assert names(run.dir) == [f"{stem}.json", f"{stem}.keras"]
    assert record == json.loads(run.path(f"models/{stem}.json").read_text())
    assert record["test_speakers"] == ["04"]
    assert record["validation_speakers"] == ["01"]
    assert record["training_speakers"] == ["02", "03"]
    assert record["audio"] == dataclasses.asdict(CONFIG.audio)
    network = networks.load_network(run.path(f"models/{stem}.keras"))
    assert not network.compiled, "the optimiser's state stays out of the file"
    assert len(record["history"]) == 2
    assert fitted == [f"{method}, fold 4 of 4"]
    kept = training.train_fold(run, store, folds, method, 3)
    assert json.dumps(kept) == json.dumps(record), "a resumed run makes the same table"
    assert len(fitted) == 1

    run.save("folds", folds)
    denoise = load_denoiser(run, method, 3)
    noisy = store.noisy(1)
    estimate = denoise(noisy, 8000)
    assert estimate.shape == noisy.shape
    assert np.isfinite(estimate).all()
    assert estimate.any()
    np.testing.assert_array_equal(denoise(noisy, 8000), estimate)


@pytest.mark.parametrize("method", ["ours", "reference repaired"])
def test_a_resumed_fold_is_the_undisturbed_one(
    run, store, folds, fitted, tmp_path, monkeypatch, method
):
    elsewhere = dataclasses.replace(run, dir=tmp_path / "elsewhere")
    whole = training.train_fold(elsewhere, store, folds, method, 0)
    save = fitting._save_checkpoint

    def killed(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fitting, "_save_checkpoint", killed)
        training.train_fold(run, store, folds, method, 0)
    assert not run.path("models").exists()
    resumed = training.train_fold(run, store, folds, method, 0)
    assert untimed(resumed["history"]) == untimed(whole["history"])
    for each in (elsewhere, run):
        each.save("folds", folds)
    networks = [load_denoiser(r, method, 0).model for r in (elsewhere, run)]
    for one, other in zip(*(network.get_weights() for network in networks)):
        np.testing.assert_array_equal(one, other)


def test_what_a_network_depends_on_trains_it_again(run, store, folds, pretended):
    def train(store, folds=folds):
        training.train_fold(run, store, folds, "ours", 0)
        return len(pretended)

    assert train(store) == 1
    unrelated = configure(CONFIG, evaluation={"max_clips": 3}, statistics={"bootstrap_draws": 70})
    assert train(dataclasses.replace(store, config=unrelated)) == 1
    assert train(store, folds.sample(frac=1, random_state=0)) == 1  # the order of the table
    others = [
        (dataclasses.replace(store, config=configure(CONFIG, training={"learning_rate": 1e-3})),),
        (dataclasses.replace(store, config=dataclasses.replace(CONFIG, seed=1)),),
        (ClipStore(2 * store.clips, store.index, CONFIG),),
        (ClipStore(store.clips, store.index.assign(digit=0), CONFIG),),
        (store, folds.assign(fold=[0, 2, 1, 3])),  # another speaker decides
    ]
    for i, other in enumerate(others):
        assert train(*other) == 2 * i + 2
        assert train(store) == 2 * i + 3


@pytest.mark.parametrize("method", ["ours", "reference repaired"])
def test_every_epoch_brings_other_examples(run, store, folds, pretended, method):
    training.train_fold(run, store, folds, method, 0)
    first, second = (pretended.batches(epoch) for epoch in (0, 1))
    assert len(first) == len(second)
    assert not np.array_equal(first[0][0], second[0][0])
    np.testing.assert_array_equal(first[0][0], pretended.batches(0)[0][0])


@pytest.mark.parametrize("fails", ["train", "save"])
def test_a_network_goes_only_when_the_next_one_is_there(run, monkeypatch, fails):
    def train(_):
        return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), {}

    def fail(*_):
        raise OSError("No space left on device")

    networks.train_once(run, "ours-fold0", "aa", train, {})
    other = run.path("checkpoints/ours-fold0-bb/epoch0001")
    other.mkdir(parents=True)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(keras.Model, "save", fail)
        networks.train_once(run, "ours-fold0", "cc", fail if fails == "train" else train, {})
    assert networks.train_once(run, "ours-fold0", "aa", fail, {}) == {"fingerprint": "aa"}
    networks.load_network(run.path("models/ours-fold0.keras"))
    assert other.is_dir(), "what was trained with other settings, too"


def test_a_fold_interrupted_between_its_two_files_is_not_trusted(
    run, store, folds, pretended, monkeypatch
):
    """Neither under the old settings, whose record lay beside, nor under the new ones."""
    before = training.train_fold(run, store, folds, "ours", 0)
    network = run.path("models/ours-fold0.keras").read_bytes()
    seeded = dataclasses.replace(store, config=dataclasses.replace(CONFIG, seed=5))
    real = networks.write_json

    def killed(path, value):
        if path.name == "ours-fold0.json":
            raise KeyboardInterrupt
        real(path, value)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(networks, "write_json", killed)
        training.train_fold(run, seeded, folds, "ours", 0)
    assert run.path("models/ours-fold0.keras").read_bytes() != network
    again = training.train_fold(run, store, folds, "ours", 0)
    assert len(pretended) == 3
    assert again["fingerprint"] == before["fingerprint"]


def test_all_folds_in_one_table(run, store, folds, pretended):
    history = training.train_all(run, store, folds.assign(fold=[0, 1, 2, 2]))
    assert len(pretended) == len(set(pretended)) == 3 * 3
    assert len(history) == 3 * 9
    assert set(history["model"]) == set(recipes.MODELS)
    for _, epochs in history.groupby(["model", "fold"]):
        assert epochs["kept"].tolist() == [False, True, False]  # the lowest validation loss


def test_unknown_models_are_refused(run, store, folds):
    with pytest.raises(InputError, match="'mine'; choose one of reference as published, "):
        training.train_fold(run, store, folds, "mine", 0)


def test_a_model_that_nobody_knows_how_to_train_is_refused_before_any_training(
    run, store, folds, fitted, monkeypatch
):
    known = recipes.MODELS | {"toy filter": tiny_ours}
    monkeypatch.setattr(training, "MODELS", known)
    with pytest.raises(InputError, match=r"'toy filter' stands in MODELS .* not in WAVEFORM"):
        training.train_all(run, store, folds, known)
    assert not fitted


# --- a trained network -----------------------------------------------------------------------


def test_a_missing_network_names_the_notebook(run):
    message = r"ours-fold2\.keras is not in .*models: run 03_model_training\.ipynb first"
    with pytest.raises(MissingArtifactError, match=message):
        load_denoiser(run, "ours", 2)


def test_a_denoiser_refuses_other_rates_and_longer_clips():
    denoise = Denoiser(None, sample_rate=8000, clip_samples=100)
    with pytest.raises(InputError, match="works at 8000 Hz, got 16000 Hz"):
        denoise(np.zeros(50), 16000)
    with pytest.raises(InputError, match="at most 100 samples, got 101"):
        denoise(np.zeros(101), 8000)


def test_crops_cut_noisy_and_target_alike_below_the_filled_band():
    noisy = np.arange(6 * 20 * 3).reshape(6, 20, 3, 1).astype(np.float32)

    def crops(seed):
        rng = np.random.default_rng(seed)
        return training.ReferenceCrops(noisy, -noisy, bins=4, crops=8, top=12, rng=rng)

    assert len(crops(0)) == 6  # 6 clips x 8 crops in batches of 8
    lowest = []
    for inputs, targets in (crops(0)[i] for i in range(6)):
        assert inputs.shape == (8, 4, 3, 1)
        np.testing.assert_array_equal(targets, -inputs)
        np.testing.assert_array_equal(np.diff(inputs[:, :, 0, 0]), 3)  # neighbouring bins
        lowest += (inputs[:, 0, 0, 0] // 3).astype(int).tolist()
    assert sorted(clip // 20 for clip in lowest) == sorted(list(range(6)) * 8)
    assert {place % 20 for place in lowest} == set(range(9))  # the last of them ends at bin 12
    np.testing.assert_array_equal(crops(0)[0], crops(0)[0])
    assert not np.array_equal(crops(0)[0], crops(1)[0])


def test_a_network_of_other_folds_is_refused(run, store, folds, fitted):
    training.train_fold(run, store, folds, "ours", 3)
    run.save("folds", folds.assign(fold=folds["fold"].to_numpy()[::-1]))
    with pytest.raises(MissingArtifactError, match="trained for other folds"):
        load_denoiser(run, "ours", 3)
