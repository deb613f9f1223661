"""lib.training.loop: a tiny network, interrupted and resumed, ends as if undisturbed."""

import dataclasses
import functools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.config import Config
from lib.errors import DenoisingError
from lib.training import loop, losses
from lib.training.recipe import Budget, Lessons
from lib.training.recipes import RECIPES

pytestmark = pytest.mark.usefixtures("eagerly")


# --- schedules -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "rate"),
    [
        ([], 8.0),
        ([1.0, 0.9, 0.8, 0.7], 8.0),
        ([1.0, 1.1, 1.2], 8.0),  # only two epochs without improvement
        ([1.0, 1.1, 1.0, 1.2], 4.0),  # an equal loss is no improvement
        ([1.0, 1.1, 1.2, 0.9, 1.0, 1.0], 8.0),
        ([1.0] * 7, 2.0),
    ],
)
def test_rate_is_halved_on_a_plateau(losses, rate):
    assert loop.learning_rate_on_plateau(8.0, losses) == rate


@given(st.lists(st.integers(-5, 5), max_size=25))
def test_plateau_agrees_with_keras(losses):
    """Keras' callback with the same settings gives the same rate for the same losses."""
    model = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=8.0))
    callback = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=3, min_delta=0)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
    assert loop.learning_rate_on_plateau(8.0, losses) == float(model.optimizer.learning_rate)


def test_epochs_since_the_best():
    assert loop.epochs_since_best([]) == 0
    assert loop.epochs_since_best([3.0]) == 0
    assert loop.epochs_since_best([3.0, 1.0, 2.0, 1.0]) == 2  # counted from the first of equals


# --- fit -------------------------------------------------------------------------------------


class Batches:
    """Six batches that depend on the epoch, for a model that is to learn `factor` * x."""

    def __init__(self, epoch, factor=1.0):
        rng = np.random.default_rng(epoch)
        self.x = rng.normal(size=(6, 4, 8)).astype(np.float32)
        self.factor = factor

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.factor * self.x[i]


class FewerBatches(Batches):
    def __init__(self, epoch, fewer):
        super().__init__(epoch)
        self.x = self.x[fewer:]


VALIDATION = Batches(99).x[0], Batches(99).x[0]
BACKWARDS = VALIDATION[0], -VALIDATION[1]  # best before any training
RATE = 1e-2


def tiny(rate=RATE):
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(8, "tanh"), keras.layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(8)])
    model.compile(keras.optimizers.Adam(rate), losses.DenoisingLoss(8000, 0.0))
    return model


def fit(folder, *, batches=Batches, rate=None, epochs=3, patience=9, validation=VALIDATION):
    lessons, budget = Lessons(batches, validation, clips=24), Budget(epochs, patience, rate)
    cosine = None if rate else keras.optimizers.schedules.CosineDecay(RATE, 30, warmup_steps=2)
    model = tiny(rate or RATE)
    return model, loop.fit(model, lessons, budget, checkpoints=folder, rate=cosine)


def untimed(history):
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in history]


def assert_same_network(one, other):
    assert len(one.weights) == len(other.weights) > 0
    for a, b in zip(one.weights, other.weights):
        np.testing.assert_array_equal(a, b)


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def backwards(tmp_path_factory):
    """Best network and history of six epochs in which the validation loss only rises."""
    folder = tmp_path_factory.mktemp("backwards")
    return fit(folder, rate=RATE, epochs=6, validation=BACKWARDS)


@pytest.mark.parametrize("rate", [None, RATE], ids=["schedule", "plateau"])
def test_interrupted_between_epochs_ends_as_if_undisturbed(tmp_path, rate):
    def interrupted(epoch):
        if epoch == 2:
            raise KeyboardInterrupt
        return Batches(epoch)

    model, history = fit(tmp_path / "undisturbed", rate=rate)
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3]
    assert history[2]["validation_loss"] < history[0]["validation_loss"] - 0.3  # dB: the loss falls
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "here", batches=interrupted, rate=rate)
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["epoch0002"]
    assert names(tmp_path / "here") == ["best.npz", "history.json", "last.npz"]
    resumed, told = fit(tmp_path / "here", rate=rate)
    assert untimed(told) == untimed(history)
    assert_same_network(resumed, model)


@pytest.mark.parametrize("where", ["write_json", "shutil.copyfile"])
def test_interrupted_while_saving_ends_as_if_undisturbed(backwards, tmp_path, monkeypatch, where):
    def killed(*arguments):
        raise KeyboardInterrupt

    options = {"rate": RATE, "validation": BACKWARDS}
    fit(tmp_path, epochs=2, **options)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(f"lib.training.loop.{where}", killed)
        fit(tmp_path, epochs=3, **options)
    assert {path.name for path in tmp_path.iterdir()} == {"epoch0002", "part0003"}
    resumed, history = fit(tmp_path, epochs=3, **options)
    assert untimed(history) == untimed(backwards[1][:3])
    assert_same_network(resumed, backwards[0])
    assert [path.name for path in tmp_path.iterdir()] == ["epoch0003"]


def test_batches_come_in_their_own_order(tmp_path):
    """An order drawn from a global generator would be lost in an interruption."""
    seen = []

    class Watched(Batches):
        def __getitem__(self, i):
            seen.append(i)
            return super().__getitem__(i)

    fit(tmp_path, batches=Watched, epochs=1)
    assert seen[-6:] == [0, 1, 2, 3, 4, 5]


def test_early_stopping_returns_the_best_epoch(backwards, tmp_path):
    model, history = fit(tmp_path, epochs=9, patience=2, rate=RATE, validation=BACKWARDS)
    assert untimed(history) == untimed(backwards[1][:3])
    losses = [epoch["validation_loss"] for epoch in history]
    assert losses == sorted(losses)
    assert_same_network(model, backwards[0])  # the first epoch's in both
    held = model.evaluate(*BACKWARDS, verbose=0)
    assert held == pytest.approx(losses[0], abs=1e-5)
    again = fit(tmp_path, epochs=9, patience=2, rate=RATE, validation=BACKWARDS)[1]
    assert again == history  # no further epoch


def test_losses_are_means_over_all_batches():
    x = np.random.default_rng(0).normal(size=(70, 8)).astype(np.float32)
    model = tiny()
    ours = loop._mean_loss(model.test_on_batch, loop._cut((x, 2 * x)))
    assert ours == pytest.approx(model.evaluate(x, 2 * x, verbose=0), abs=1e-5)
    first = model.evaluate(x[:32], 2 * x[:32], verbose=0)
    assert abs(ours - first) > 1e-3  # three batches of different sizes and losses


@pytest.mark.parametrize("clips", [1, 31, 32, 33, 60, 100])
def test_batches_of_validation_are_as_equal_as_they_can_be(clips):
    x = np.arange(clips)
    sizes = [len(part) for part, _ in loop._cut((x, x))]
    assert max(sizes) <= 32 and max(sizes) - min(sizes) <= 1 and len(set(sizes)) <= 2
    np.testing.assert_array_equal(np.concatenate([part for _, part in loop._cut((x, x))]), x)


def test_every_step_has_its_rate(tmp_path):
    seen = []
    history = loop.fit(
        tiny(), Lessons(Batches, VALIDATION, 24), Budget(3, 9), checkpoints=tmp_path,
        rate=lambda step: seen.append(step) or RATE / (1 + step),
    )  # fmt: skip
    assert seen == list(range(18))
    rates = [epoch["learning_rate"] for epoch in history]
    np.testing.assert_allclose(rates, RATE / np.array([6, 12, 18]), rtol=1e-6)


def test_folds_of_unlike_sizes_share_what_is_compiled(tmp_path):
    recipe = dataclasses.replace(RECIPES["recogniser"], build=lambda audio: tiny(),
                                 loss=lambda config: "mse")  # fmt: skip
    built = set()
    for fold in range(3):
        batches = functools.partial(FewerBatches, fewer=fold)
        lessons = Lessons(batches, VALIDATION, clips=24)
        loop.learn(recipe, Config(), lessons, tmp_path / f"{fold}", "tiny")
        built.add(loop._compiled.cache_info().misses)
    assert len(built) == 1


def test_plateau_lowers_the_rate_of_the_optimiser(backwards):
    rates = [epoch["learning_rate"] for epoch in backwards[1]]
    np.testing.assert_allclose(rates, [RATE] * 4 + [RATE / 2] * 2, rtol=1e-6)


def test_a_loss_that_is_not_a_number_stops_the_training(tmp_path):
    with pytest.raises(DenoisingError, match="learning_rate"):
        fit(tmp_path, batches=lambda epoch: Batches(epoch, factor=np.nan))
    assert names(tmp_path) == []
