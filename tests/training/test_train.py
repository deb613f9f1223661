"""lib.training.train: every fold is trained once, despite interruptions."""

import dataclasses
import functools
import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from toys import build_tiny
from voices import configure, voice_store

from lib.clips.store import ClipStore
from lib.errors import InputError, MissingArtifactError
from lib.methods import reported
from lib.training import ideas, keep, loop, shipped, train, waveform
from lib.training.recipes import RECIPES
from lib.workspace.folder import Run

pytestmark = pytest.mark.usefixtures("eagerly")

DENOISERS = [name for name in RECIPES if name not in ("recogniser", "general")]  # trained per fold
CONFIG = configure(
    training={"folds": 4, "batch_size": 2, "crop_s": 0.1, "reference_epochs": 2,
              "reference_clips": 8, "reference_crops": 1, "reference_crop_bins": 8},
    scratch={"epochs": 2},
)  # fmt: skip


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


def tiny_reference(audio):
    """Return a network with ten weights, for spectrograms of any height."""
    inputs = keras.Input((None, 44, 1))
    layer = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")
    return keras.Model(inputs, layer(inputs))


@pytest.fixture
def tiny(monkeypatch):
    """Tiny networks instead of the real ones, trained from scratch."""
    monkeypatch.setattr(shipped, "FOLDER", Path("nowhere").absolute())
    shipped.open_general.cache_clear()
    for name in DENOISERS:
        build = tiny_reference if name.startswith("reference") else build_tiny
        monkeypatch.setitem(RECIPES, name, dataclasses.replace(RECIPES[name], build=build))


@pytest.fixture
def fitted(monkeypatch, tiny):
    """The titles of all tiny networks that were trained."""
    titles, real = [], loop.fit

    def spy(*arguments, **options):
        titles.append(options["title"])
        return real(*arguments, **options)

    monkeypatch.setattr(loop, "fit", spy)
    return titles


class Titles(list):
    """Titles of the networks to be trained, and the last training data."""


@pytest.fixture
def pretended(monkeypatch, tiny):
    """Skip training and keep the initial networks; the titles of those requested."""
    titles = Titles()

    def pretend(model, lessons, budget, *, checkpoints, rate, title):
        titles.append(title)
        titles.lessons = lessons
        checkpoints.mkdir(parents=True)
        losses = [0.5, 0.2, 0.3]
        return [{"epoch": i + 1, "validation_loss": x} for i, x in enumerate(losses)]

    monkeypatch.setattr(loop, "fit", pretend)
    return titles


@pytest.mark.parametrize("method", DENOISERS)
def test_a_fold_leaves_network_and_record_and_is_not_trained_again(
    run, store, folds, fitted, method
):
    record = train.train_fold(run, store, folds, method, 3)
    stem = train.stem(method, 3)
    assert names(run.dir) == [f"{stem}.json", f"{stem}.keras"]
    assert record == json.loads(run.path(f"models/{stem}.json").read_text())
    assert record["test_speakers"] == ["04"]
    assert record["validation_speakers"] == ["01"]
    assert record["training_speakers"] == ["02", "03"]
    assert record["audio"] == dataclasses.asdict(CONFIG.audio)
    network = keep.load_network(run.path(f"models/{stem}.keras"))
    assert not network.compiled, "the optimiser's state stays out of the file"
    assert len(record["history"]) == 2
    assert fitted == [f"{method}, fold 4 of 4"]
    assert sorted(record["origin"]) == ["code", "machine", "packages", "python", "time"]
    assert record["clips"] == 2 * 2, "of two speakers"
    kept = train.train_fold(run, store, folds, method, 3)
    assert json.dumps(kept) == json.dumps(record), "a resumed run makes the same table"
    assert len(fitted) == 1

    run.save("folds", folds)
    denoise = train.open_trained(run, method, 3)
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
    whole = train.train_fold(elsewhere, store, folds, method, 0)
    save = loop._save_checkpoint

    def killed(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "_save_checkpoint", killed)
        train.train_fold(run, store, folds, method, 0)
    assert not run.path("models").exists()
    resumed = train.train_fold(run, store, folds, method, 0)
    assert untimed(resumed["history"]) == untimed(whole["history"])
    for each in (elsewhere, run):
        each.save("folds", folds)
    networks = [train.open_trained(r, method, 0).network for r in (elsewhere, run)]
    for one, other in zip(*(network.weights for network in networks), strict=True):
        np.testing.assert_array_equal(one, other)


def tiny_dropout(audio):
    """Return a five-tap filter with dropout, for waveforms of any length."""
    inputs = x = keras.Input((None,))
    x = keras.layers.Dropout(0.5)(keras.layers.Reshape((-1, 1))(x))
    x = keras.layers.Conv1D(1, 5, padding="same")(x)
    return keras.Model(inputs, keras.layers.Reshape((-1,))(x))


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("method", ["ours", "reference repaired", "dropout"])
def test_a_fold_does_not_know_which_one_came_before(
    run, store, folds, tmp_path, monkeypatch, method
):
    """All folds share one compiled network; no state may carry over from one to the next."""
    dropout = dataclasses.replace(RECIPES["ours"], name="dropout", build=tiny_dropout)
    monkeypatch.setitem(RECIPES, "dropout", dropout)
    places = {(0, 1): run, (1, 0): dataclasses.replace(run, dir=tmp_path / "elsewhere")}
    for order, place in places.items():
        place.save("folds", folds)
        for fold in order:
            train.train_fold(place, store, folds, method, fold)
    for fold in (0, 1):
        name = train.stem(method, fold)
        weights = [keep.load_trained(p, name, fold)[0].weights for p in places.values()]
        for one, other in zip(*weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_what_a_network_depends_on_trains_it_again(run, store, folds, pretended):
    def trained(store, folds=folds):
        train.train_fold(run, store, folds, "ours", 0)
        return len(pretended)

    assert trained(store) == 1
    unrelated = configure(CONFIG, evaluation={"max_clips": 3}, statistics={"bootstrap_draws": 70})
    assert trained(dataclasses.replace(store, config=unrelated)) == 1
    assert trained(store, folds.sample(frac=1, random_state=0)) == 1  # only the row order differs
    others = [
        (dataclasses.replace(store, config=configure(CONFIG, scratch={"learning_rate": 1e-3})),),
        (dataclasses.replace(store, config=dataclasses.replace(CONFIG, seed=1)),),
        (ClipStore(2 * store.clips, store.index, CONFIG),),
        (ClipStore(store.clips, store.index.assign(digit=0), CONFIG),),
        (store, folds.assign(fold=[0, 2, 1, 3])),  # another validation speaker
    ]
    for i, other in enumerate(others):
        assert trained(*other) == 2 * i + 2
        assert trained(store) == 2 * i + 3


@pytest.mark.parametrize("method", ["ours", "reference repaired"])
def test_every_epoch_brings_other_examples(run, store, folds, pretended, method):
    train.train_fold(run, store, folds, method, 0)
    first, second = (pretended.lessons.batches(epoch=epoch) for epoch in (0, 1))
    assert len(first) == len(second)
    assert not np.array_equal(first[0][0], second[0][0])
    np.testing.assert_array_equal(first[0][0], pretended.lessons.batches(epoch=0)[0][0])


def test_a_fold_interrupted_between_its_two_files_is_not_trusted(
    run, store, folds, pretended, monkeypatch
):
    """The old settings train it again, although their record existed before."""
    before = train.train_fold(run, store, folds, "ours", 0)
    network = run.path("models/ours-fold0.keras").read_bytes()
    seeded = dataclasses.replace(store, config=dataclasses.replace(CONFIG, seed=5))
    real = keep.write_json

    def killed(path, value):
        if path.name == "ours-fold0.json":
            raise KeyboardInterrupt
        real(path, value)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(keep, "write_json", killed)
        train.train_fold(run, seeded, folds, "ours", 0)
    assert run.path("models/ours-fold0.keras").read_bytes() != network
    again = train.train_fold(run, store, folds, "ours", 0)
    assert len(pretended) == 3
    assert again["fingerprint"] == before["fingerprint"]


def test_all_folds_in_one_table(run, store, folds, pretended):
    names = [method.name for method in reported(CONFIG, trained=True)]
    records = train.train_all(run, store, folds.assign(fold=[0, 1, 2, 2]), names)
    assert len(pretended) == len(set(pretended)) == len(records) == 3 * 3
    history = train.histories(records)
    assert len(history) == 3 * 9
    assert set(history["model"]) == set(names)
    for _, epochs in history.groupby(["model", "fold"]):
        assert epochs["kept"].tolist() == [False, True, False]  # the lowest validation loss


def test_a_network_without_a_recipe_is_refused_before_any_training(run, store, folds, fitted):
    message = (
        r"no recipe for 'mine': .* METHODS of lib/methods/__init__\.py .* RECIPES of "
        r"lib/training/recipes\.py.* reference as published, .*ours, ours from scratch, general, "
        r"Conv-TasNet, recogniser\."
    )
    with pytest.raises(InputError, match=message):
        train.train_all(run, store, folds, ["ours", "mine"])
    with pytest.raises(InputError, match=message):
        train.train_fold(run, store, folds, "mine", 0)
    assert not fitted
    assert names(run.dir) == []


def test_a_variant_has_a_fingerprint_of_its_own(store):
    ours = RECIPES["ours"]
    changes = [
        {"build": ideas.with_complex_filter},
        {"build": functools.partial(ours.build, recurrent_units=16)},
        {"build": functools.partial(ours.build, recurrent_units=17)},
        {"lessons": functools.partial(waveform.lessons, example=ideas.warped)},
        {"loss": ideas.si_sdr},
        {"optimiser": RECIPES["reference repaired"].optimiser},
        {"budget": RECIPES["reference repaired"].budget},
        {"rate": RECIPES["recogniser"].rate},
        {"judge": RECIPES["recogniser"].judge},
        {"name": "other"},
        {"settings": ("seed", "audio")},
        {"start": lambda audio: [np.zeros(3)]},
    ]
    variants = [dataclasses.replace(ours, **change) for change in changes]
    keys = {train.depends_on(recipe, store) for recipe in [ours, *variants]}
    assert len(keys) == 1 + len(changes)
    for change in ({"wrap": ideas.over_two_shifts}, {"one_second": None}):  # used after training
        same = dataclasses.replace(ours, **change)
        assert train.depends_on(same, store) == train.depends_on(ours, store)


def test_a_network_of_other_folds_is_refused(run, store, folds, fitted):
    train.train_fold(run, store, folds, "ours", 3)
    run.save("folds", folds.assign(fold=folds["fold"].to_numpy()[::-1]))
    with pytest.raises(MissingArtifactError, match="trained for other folds"):
        train.open_trained(run, "ours", 3)
