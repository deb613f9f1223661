"""lib.training.recogniser: the speakers that the recogniser is trained on, and its accuracy."""

import dataclasses
import functools

import keras
import numpy as np
import pandas as pd
import pytest
from voices import configure, voice, voice_store

from lib.clips.store import ClipStore
from lib.errors import MissingArtifactError
from lib.models.recogniser import build_recogniser
from lib.training import keep, loop, recogniser
from lib.training.recipe import Lessons
from lib.training.recipes import RECIPES
from lib.training.recogniser import RecognitionExamples
from lib.training.train import accuracies, open_trained, train_all, train_fold
from lib.workspace.folder import Run

CONFIG = configure(recognition={"epochs": 10, "batch_size": 4, "learning_rate": 1e-2, "clips": 100})


def tones(config, *, speakers=4, repetitions=3):
    """Return a store whose digits are tones an octave apart; speakers differ in pitch and level."""
    store = voice_store(config, speakers=speakers, digits=4, repetitions=repetitions)
    clips = np.zeros_like(store.clips)
    for row, clip in enumerate(store.index.itertuples()):
        t = np.arange(clip.samples) / 8000
        frequency = 250 * 2.0**clip.digit * (1 + 0.03 * int(clip.speaker))
        clips[row, : clip.samples] = 0.1 ** int(clip.speaker) * np.sin(2 * np.pi * frequency * t)
    return ClipStore(clips, store.index, config)


@pytest.fixture(scope="module")
def store():
    return tones(CONFIG)


@pytest.fixture
def folds():
    return pd.DataFrame({"speaker": ["01", "02", "03", "04"], "fold": [0, 1, 2, 2]})


@pytest.fixture
def run(tmp_path):
    return Run(corpus="sample", config=CONFIG, data_dir="", dir=tmp_path)


@pytest.fixture
def small(monkeypatch):
    """A narrow network."""
    narrow = functools.partial(build_recogniser, width=4)
    recipe = dataclasses.replace(RECIPES["recogniser"], build=narrow)
    monkeypatch.setitem(RECIPES, "recogniser", recipe)


@pytest.fixture
def pretended(monkeypatch):
    """Skip training and keep the initial network; the rows that it would be trained on."""
    learned = []

    def pretend(model, lessons, budget, *, checkpoints, **options):
        learned.append(np.unique(np.concatenate(lessons.batches(epoch=0).batches)))
        checkpoints.mkdir(parents=True, exist_ok=True)
        return [{"epoch": 1, "validation_loss": 0.5, "seconds": 2.0}]

    narrow = functools.partial(build_recogniser, width=1)
    recipe = dataclasses.replace(RECIPES["recogniser"], build=narrow)
    monkeypatch.setitem(RECIPES, "recogniser", recipe)
    monkeypatch.setattr(loop, "fit", pretend)
    return learned


def train_recogniser(run, store, folds, fold):
    return train_fold(run, store, folds, "recogniser", fold)


def test_it_learns_words_of_speakers_it_never_heard(run, store, folds, small):
    run.save("folds", folds)
    record = train_recogniser(run, store, folds, 0)
    assert record["test_speakers"] == ["01"]
    assert len(record["history"]) == CONFIG.recognition.epochs
    rows = store.rows_of(["01"])
    recogniser = open_trained(run, "recogniser", 0)
    heard = recogniser.digits([store.clean(row) for row in rows])
    assert np.mean(heard == store.index["digit"].to_numpy()[rows]) >= 0.75  # chance: 0.25
    names = sorted(path.name for path in run.dir.rglob("*") if path.is_file())
    assert names == ["folds.parquet", "recogniser-fold0.json", "recogniser-fold0.keras"]


def test_only_training_speakers_are_learned_from(run, store, folds, pretended):
    for fold in range(3):
        record = train_recogniser(run, store, folds, fold)
        heard = set(store.index["speaker"].iloc[pretended[fold]])
        assert heard == set(record["training_speakers"])
        assert not heard & {*record["test_speakers"], *record["validation_speakers"]}


def test_a_limit_is_shared_by_the_speakers(run, folds, pretended):
    config = configure(CONFIG, recognition={"clips": 8})
    train_recogniser(run, tones(config), folds, 0)
    speakers = tones(config).index["speaker"].iloc[pretended[0]]
    assert speakers.value_counts().to_dict() == {"03": 4, "04": 4}


def test_a_fold_is_trained_again_only_when_what_it_depends_on_changed(run, store, folds, pretended):
    def train(store, folds=folds):
        train_recogniser(run, store, folds, 0)
        return len(pretended)

    assert train(store) == 1
    unrelated = configure(CONFIG, noise={"snr_db": 3.0}, training={"folds": 9})
    assert train(dataclasses.replace(store, config=unrelated)) == 1  # trained on clean speech only
    others = [
        (dataclasses.replace(store, config=configure(CONFIG, recognition={"epochs": 2})),),
        (dataclasses.replace(store, config=dataclasses.replace(CONFIG, seed=1)),),
        (ClipStore(2 * store.clips, store.index, CONFIG),),
        (store, folds.assign(fold=[0, 2, 1, 2])),
    ]
    for i, other in enumerate(others):
        assert train(*other) == 2 * i + 2
        assert train(store) == 2 * i + 3


def test_an_interrupted_fold_leaves_no_network_without_its_record(
    run, store, folds, pretended, monkeypatch
):
    def killed(path, value):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(keep, "write_json", killed)
        train_recogniser(run, store, folds, 0)
    run.save("folds", folds)
    with pytest.raises(MissingArtifactError, match="run 03_model_training"):
        open_trained(run, "recogniser", 0)
    train_recogniser(run, store, folds, 0)
    assert open_trained(run, "recogniser", 0).digits([voice(0)]).shape == (1,)


def test_a_recogniser_of_other_folds_is_refused(run, store, folds, pretended):
    train_recogniser(run, store, folds, 0)
    run.save("folds", folds.assign(fold=[1, 0, 2, 2]))
    with pytest.raises(MissingArtifactError, match="trained for other folds"):
        open_trained(run, "recogniser", 0)


def test_all_folds_in_one_table(run, store, folds, pretended):
    table = accuracies(train_all(run, store, folds, ["recogniser"]))
    assert table["fold"].tolist() == [0, 1, 2]
    assert table["validation_accuracy"].between(0, 1).all()
    assert table["seconds"].tolist() == [2.0] * 3
    assert table["epochs"].tolist() == [1] * 3


def test_every_epoch_hears_the_clips_anew(store):
    rows = store.rows_of(["01"])
    first, again, second = (RecognitionExamples(store, rows, epoch=e)[0] for e in (0, 0, 1))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], second[0])
    assert first[1].sum(axis=1).tolist() == [1] * 4


def test_accuracy_is_the_share_of_digits_that_are_named():
    """A network that returns its input, correct for three clips of four."""
    inputs = keras.Input((10,))
    network = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    digits = np.eye(10, dtype=np.float32)[[3, 1, 4, 1]]
    heard = np.eye(10, dtype=np.float32)[[3, 1, 4, 5]]
    lessons = Lessons(None, (heard, digits), clips=0)
    assert recogniser.accuracy(network, lessons) == {"validation_accuracy": 0.75}


def test_it_never_stops_early():
    budget = recogniser.budget(CONFIG)
    assert (budget.epochs, budget.patience, budget.plateau_rate) == (10, 10, None)
