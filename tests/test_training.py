"""lib.training: a tiny network, interrupted in every way, ends as if nothing had happened."""

import dataclasses
import json

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import configure, voice_store

from lib import models, training
from lib.artifacts import Run
from lib.errors import DenoisingError, InputError, MissingArtifactError
from lib.models import build_ours
from lib.store import ClipStore

CONFIG = configure(
    training={"folds": 4, "batch_size": 2, "epochs": 2, "crop_s": 0.1,
              "reference_epochs": 2, "reference_clips": 8, "reference_crop_bins": 8}
)  # fmt: skip


# --- schedules -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "rate"),
    [
        ([], 8.0),
        ([1.0, 0.9, 0.8, 0.7], 8.0),
        ([1.0, 1.1, 1.2], 8.0),  # waited for two epochs only
        ([1.0, 1.1, 1.0, 1.2], 4.0),  # an equal loss is no improvement
        ([1.0, 1.1, 1.2, 0.9, 1.0, 1.0], 8.0),
        ([1.0] * 7, 2.0),
    ],
)
def test_rate_is_halved_on_a_plateau(losses, rate):
    assert training.learning_rate_on_plateau(8.0, losses) == rate


@given(st.lists(st.floats(-10, 10), max_size=25))
def test_plateau_agrees_with_keras(losses):
    """Keras' callback with the same settings, fed the same losses."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(8.0), "mse")
    callback = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=3, min_delta=0)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
    assert training.learning_rate_on_plateau(8.0, losses) == float(model.optimizer.learning_rate)


def test_epochs_since_the_best():
    assert training.epochs_since_best([]) == 0
    assert training.epochs_since_best([3.0]) == 0
    assert training.epochs_since_best([3.0, 1.0, 2.0, 1.0]) == 2  # the first of equals


def test_loss_is_the_negative_snr_and_saturates_at_30_db():
    clean = np.random.default_rng(0).normal(size=(3, 1000)).astype(np.float32)
    error = np.random.default_rng(1).normal(size=(3, 1000)).astype(np.float32)
    loss = keras.ops.convert_to_numpy(training.negative_snr(clean, clean + error))
    ratio = np.sum(error**2, axis=1) / np.sum(clean**2, axis=1)
    np.testing.assert_allclose(loss, 10 * np.log10(ratio + 1e-3), atol=1e-3)
    np.testing.assert_allclose(training.negative_snr(clean, clean), -30, atol=1e-3)
    np.testing.assert_allclose(training.negative_snr(clean, 0 * clean), 0, atol=0.01)
    assert np.isfinite(training.negative_snr(0 * clean, clean)).all()  # a silent crop


# --- fit -------------------------------------------------------------------------------------


class Batches(keras.utils.PyDataset):
    """Six batches that depend on the epoch, for a model that shall learn `factor` * x."""

    def __init__(self, epoch, factor=1.0):
        super().__init__()
        rng = np.random.default_rng(epoch)
        self.x = rng.normal(size=(6, 4, 8)).astype(np.float32)
        self.factor = factor

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.factor * self.x[i]


VALIDATION = Batches(99).x[0], Batches(99).x[0]


def tiny(rate=None):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "tanh"),
                              keras.layers.BatchNormalization(), keras.layers.Dense(8)])  # fmt: skip
    schedule = rate or keras.optimizers.schedules.CosineDecay(1e-2, 30, warmup_steps=2)
    model.compile(keras.optimizers.Adam(schedule), training.negative_snr)
    return model


def fit(folder, *, batches=Batches, rate=None, epochs=4, patience=9, validation=VALIDATION):
    return training.fit(
        tiny(rate), batches, validation,
        epochs=epochs, patience=patience, checkpoints=folder, plateau_rate=rate,
    )  # fmt: skip


def untimed(history):
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in history]


def assert_same_network(one, other):
    assert len(one.weights) == len(other.weights) > 0
    for a, b in zip(one.weights, other.weights):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module", params=[None, 1e-2], ids=["schedule", "plateau"])
def undisturbed(request, tmp_path_factory):
    """The model and history of four epochs in one go, and its learning rate."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return *fit(folder, rate=request.param), request.param


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_fit_learns_and_leaves_one_checkpoint(undisturbed):
    _, history, _ = undisturbed
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3, 4]
    assert history[-1]["validation_loss"] < history[0]["validation_loss"] - 0.5  # dB


def test_interrupted_between_epochs_ends_as_if_undisturbed(undisturbed, tmp_path):
    def interrupted(epoch):
        if epoch == 2:
            raise KeyboardInterrupt
        return Batches(epoch)

    model, history, rate = undisturbed
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, batches=interrupted, rate=rate)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch0002"]
    assert names(tmp_path) == ["best.keras", "history.json", "last.keras"]
    resumed, told = fit(tmp_path, rate=rate)
    assert untimed(told) == untimed(history)
    assert_same_network(resumed, model)


@pytest.mark.parametrize("where", ["write_json", "shutil.copyfile"])
def test_interrupted_while_saving_ends_as_if_undisturbed(undisturbed, tmp_path, monkeypatch, where):
    model, history, rate = undisturbed
    backwards = {"validation": (VALIDATION[0], -VALIDATION[1])}  # the first epoch stays the best
    options = {"rate": rate} | (backwards if "copy" in where else {})
    expected = (model, history)
    if "copy" in where:
        expected = fit(tmp_path / "undisturbed", **options)

    def killed(*arguments):
        raise KeyboardInterrupt

    fit(tmp_path / "here", epochs=2, **options)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(f"lib.training.{where}", killed)
        fit(tmp_path / "here", **options)
    assert {path.name for path in (tmp_path / "here").iterdir()} == {"epoch0002", "part0003"}
    resumed, told = fit(tmp_path / "here", **options)
    assert untimed(told) == untimed(expected[1])
    assert_same_network(resumed, expected[0])
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["epoch0004"]


def test_batches_come_in_their_own_order(tmp_path):
    """An order drawn from a global generator would not survive an interruption."""
    seen = []

    class Watched(Batches):
        def __getitem__(self, i):
            seen.append(i)
            return super().__getitem__(i)

    fit(tmp_path, batches=Watched, epochs=1)
    assert seen[-6:] == [0, 1, 2, 3, 4, 5]


def test_early_stopping_returns_the_best_epoch(tmp_path):
    """Validation asks for the opposite of what is learned: it is best after one epoch."""
    backwards = VALIDATION[0], -VALIDATION[1]
    model, history = fit(tmp_path / "a", epochs=9, patience=2, validation=backwards)
    losses = [epoch["validation_loss"] for epoch in history]
    assert losses == sorted(losses)
    assert len(history) == 3
    assert_same_network(model, fit(tmp_path / "b", epochs=1, validation=backwards)[0])
    again, told = fit(tmp_path / "a", epochs=9, patience=2, validation=backwards)
    assert told == history  # nothing was trained
    assert_same_network(again, model)


def test_plateau_lowers_the_rate_of_the_optimiser(tmp_path):
    backwards = VALIDATION[0], -VALIDATION[1]
    _, history = fit(tmp_path, epochs=6, rate=1e-2, validation=backwards)
    rates = [epoch["learning_rate"] for epoch in history]
    np.testing.assert_allclose(rates, [1e-2] * 4 + [5e-3] * 2, rtol=1e-6)


def test_a_loss_that_is_not_a_number_stops_the_training(tmp_path):
    with pytest.raises(DenoisingError, match="learning_rate"):
        fit(tmp_path, batches=lambda epoch: Batches(epoch, factor=np.nan))
    assert names(tmp_path) == []


# --- one fold --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store():
    return voice_store(CONFIG, speakers=4, digits=2)


@pytest.fixture
def folds():
    return pd.DataFrame({"speaker": ["01", "02", "03", "04"], "fold": [0, 1, 2, 3]})


@pytest.fixture
def run(tmp_path):
    return Run(corpus="sample", config=CONFIG, data_dir="", dir=tmp_path)


def build_tiny_reference(shape):
    inputs = keras.Input(shape)
    outputs = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(inputs)
    return keras.Model(inputs, outputs)


@pytest.fixture
def fitted(monkeypatch):
    """Small networks instead of the real ones; the titles of all that was fitted."""
    titles, real = [], training.fit

    def spy(*arguments, **options):
        titles.append(options["title"])
        return real(*arguments, **options)

    small = {"channels": (4, 4), "recurrent_units": 2}
    monkeypatch.setattr(training, "fit", spy)
    monkeypatch.setattr(training, "build_ours", lambda audio: build_ours(audio, **small))
    monkeypatch.setattr(training, "build_reference", build_tiny_reference)
    training.reference_pairs.cache_clear()
    return titles


@pytest.mark.parametrize("method", list(models.MODELS))
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
    assert len(record["history"]) == 2
    assert fitted == [f"{method}, fold 4 of 4"]
    assert training.train_fold(run, store, folds, method, 3) == record
    assert len(fitted) == 1

    denoise = training.load_denoiser(run, method, 3)
    noisy = store.noisy(1)
    estimate = denoise(noisy, 8000)
    assert estimate.shape == noisy.shape
    assert np.isfinite(estimate).all()
    assert estimate.any()
    np.testing.assert_array_equal(denoise(noisy, 8000), estimate)


def test_every_epoch_of_a_resumed_fold_is_the_undisturbed_one(
    run, store, folds, fitted, tmp_path, monkeypatch
):
    """The same with the real batches, our kind of network and its schedule."""
    elsewhere = dataclasses.replace(run, dir=tmp_path / "elsewhere")
    whole = training.train_fold(elsewhere, store, folds, "ours", 0)

    def interrupted(store, rows, *, epoch):
        if epoch == 1:
            raise KeyboardInterrupt
        return pairs(store, rows, epoch=epoch)

    pairs = training.TrainingPairs
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "TrainingPairs", interrupted)
        patch.setattr(interrupted, "__len__", pairs.__len__, raising=False)
        training.train_fold(run, store, folds, "ours", 0)
    assert not run.path("models").exists()
    resumed = training.train_fold(run, store, folds, "ours", 0)
    assert untimed(resumed["history"]) == untimed(whole["history"])
    first, second = (training.load_denoiser(r, "ours", 0).model for r in (elsewhere, run))
    assert_same_network(first, second)


def test_what_a_network_depends_on_trains_it_again(run, store, folds, fitted):
    def train(store, folds=folds):
        training.train_fold(run, store, folds, "ours", 0)
        return len(fitted)

    assert train(store) == 1
    unrelated = configure(CONFIG, evaluation={"max_clips": 3}, statistics={"bootstrap_draws": 7})
    assert train(dataclasses.replace(store, config=unrelated)) == 1
    assert train(store, folds.sample(frac=1, random_state=0)) == 1  # the order of the table
    slower = configure(CONFIG, training={"learning_rate": 1e-3})
    assert train(dataclasses.replace(store, config=slower)) == 2
    louder = ClipStore(2 * store.clips, store.index, CONFIG)
    assert train(louder) == 3
    assert train(store, folds.assign(fold=[0, 2, 1, 3])) == 4  # another speaker decides
    assert train(store) == 5


def test_a_fold_interrupted_between_its_two_files_is_not_trusted(
    run, store, folds, fitted, monkeypatch
):
    """Neither under the old settings, whose record lay beside, nor under the new ones."""
    before = training.train_fold(run, store, folds, "ours", 0)
    network = run.path("models/ours-fold0.keras").read_bytes()
    seeded = dataclasses.replace(store, config=dataclasses.replace(CONFIG, seed=5))
    real = training.write_json

    def killed(path, value):
        if path.name == "ours-fold0.json":
            raise KeyboardInterrupt
        real(path, value)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "write_json", killed)
        training.train_fold(run, seeded, folds, "ours", 0)
    assert run.path("models/ours-fold0.keras").read_bytes() != network
    again = training.train_fold(run, store, folds, "ours", 0)
    assert len(fitted) == 3
    assert untimed(again["history"]) == untimed(before["history"])


def test_all_folds_in_one_table(run, store, folds, fitted):
    folds = folds.assign(fold=[0, 1, 2, 2])
    history = training.train_all(run, store, folds)
    assert len(fitted) == 3 * 3
    assert history.groupby(["model", "fold"]).size().tolist() == [2] * 9
    kept = history[history["kept"]].set_index(["model", "fold"])["validation_loss"]
    assert kept.index.is_unique
    assert kept.sort_index().equals(
        history.groupby(["model", "fold"])["validation_loss"].min().sort_index()
    )
    assert history["validation_loss"].notna().all()


def test_unknown_models_are_refused(run, store, folds):
    with pytest.raises(InputError, match="'mine'; choose one of reference as published, "):
        training.train_fold(run, store, folds, "mine", 0)


# --- a trained network -----------------------------------------------------------------------


def test_a_missing_network_names_the_notebook(run):
    message = r"ours-fold2\.keras is not in .*models: run 03_model_training\.ipynb first"
    with pytest.raises(MissingArtifactError, match=message):
        training.load_denoiser(run, "ours", 2)


def test_a_denoiser_refuses_other_rates_and_longer_clips():
    denoise = training.Denoiser(None, sample_rate=8000, clip_samples=100)
    with pytest.raises(InputError, match="works at 8000 Hz, got 16000 Hz"):
        denoise(np.zeros(50), 16000)
    with pytest.raises(InputError, match="at most 100 samples, got 101"):
        denoise(np.zeros(101), 8000)


def test_crops_cut_noisy_and_target_alike():
    noisy = np.arange(5 * 20 * 3).reshape(5, 20, 3, 1).astype(np.float32)
    crops = training.ReferenceCrops(noisy, -noisy, bins=4, batch_size=2, seed=(0, 1))
    assert len(crops) == 2
    starts = set()
    for inputs, targets in (crops[i] for i in range(2)):
        assert inputs.shape == (2, 4, 3, 1)
        np.testing.assert_array_equal(targets, -inputs)
        np.testing.assert_array_equal(np.diff(inputs[:, :, 0, 0]), 3)  # neighbouring bins
        starts |= set((inputs[:, 0, 0, 0] % 60 // 3).tolist())
    assert len(starts) > 1
    same = training.ReferenceCrops(noisy, -noisy, bins=4, batch_size=2, seed=(0, 1))
    other = training.ReferenceCrops(noisy, -noisy, bins=4, batch_size=2, seed=(0, 2))
    np.testing.assert_array_equal(same[0][0], crops[0][0])
    assert not np.array_equal(other[0][0], crops[0][0])
