"""lib.evaluation.learning_curve: equal steps for any number of speakers, unseen test speakers."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from toys import build_tiny
from voices import configure, voice_store

from lib.clips.folds import assign_folds, split_speakers
from lib.evaluation import learning_curve
from lib.training.recipes import RECIPES
from lib.workspace.folder import Run

pytestmark = pytest.mark.usefixtures("eagerly", "one_process")

CONFIG = configure(
    training={"folds": 3, "batch_size": 4, "crop_s": 0.1},
    tuning={"epochs": 1},
    curve={"steps": 5, "draws": 2, "clips": 6},
)


class Ear:
    """Recogniser that returns a zero for every clip."""

    def digits(self, clips):
        return np.zeros(len(clips), int)


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A run, its store and folds, and the voices of twelve other people."""
    for name in ("general", "ours"):
        recipe = dataclasses.replace(RECIPES[name], build=build_tiny, start=lambda audio: None)
        monkeypatch.setitem(RECIPES, name, recipe)
    monkeypatch.setattr(learning_curve, "open_trained", lambda run, name, fold: Ear())
    monkeypatch.setattr(learning_curve, "SIZES", (2, 100))
    run = Run(corpus="sample", config=CONFIG, data_dir="", dir=tmp_path / "build")
    store = voice_store(CONFIG, speakers=3, digits=2)
    folds = assign_folds(store.index, store.index.assign(gender="female"), CONFIG)
    return run, store, folds, voice_store(CONFIG, speakers=12, digits=1)


def test_few_people_take_as_many_steps_and_no_example_twice():
    voices = voice_store(CONFIG, speakers=2, digits=1)
    batches = learning_curve.Steps(voices, np.array([0, 1]), steps=7, draw=0, epoch=0)
    assert len(batches) == 7
    examples = np.concatenate([batches[i][0] for i in range(7)])
    assert examples.shape == (28, round(0.1 * CONFIG.audio.sample_rate))
    assert len(np.unique(examples, axis=0)) == 28
    np.testing.assert_array_equal(batches[3][0], batches[3][0])
    other = learning_curve.Steps(voices, np.array([0, 1]), steps=7, draw=0, epoch=1)
    assert not np.array_equal(other[3][0], batches[3][0])


def test_every_number_of_people_and_every_seed_is_computed_once(case, monkeypatch):
    run, store, folds, _ = case
    how = "`make curve CORPUS=sample PROFILE=quick` adds it"
    assert how in learning_curve.open_curve(run, store, folds)[2]
    learning_curve.compute(*case)
    curve, seeds, missing = learning_curve.open_curve(run, store, folds)
    assert missing == ""
    heard = 12 - 1  # one person is held out for validation
    assert curve[["people", "draw"]].to_numpy().tolist() == [[2, 0], [2, 1], [heard, 0], [heard, 1]]
    assert curve["steps"].eq(5).all() and curve["clips"].eq(6).all()
    assert curve["accuracy"].eq(0.5).all(), "one of two digits is a zero"
    assert curve["si_sdr_improvement_db"].nunique() == 4, "each draw has other people and weights"
    assert seeds["draw"].tolist() == [0, 1, 2] and seeds["si_sdr_improvement_db"].nunique() == 3

    monkeypatch.setattr(learning_curve, "learn", None)  # nothing is trained again
    written = run.path("curve.json").stat().st_mtime_ns
    learning_curve.compute(*case)
    assert run.path("curve.json").stat().st_mtime_ns == written

    longer = dataclasses.replace(run, config=configure(CONFIG, curve={"steps": 10}))
    assert how in learning_curve.open_curve(longer, store, folds)[2], "of other settings"


def test_the_speakers_of_the_corpus_are_heard_by_no_network_of_the_curve(case, monkeypatch):
    _, _, folds, voices = case
    learned = []
    learn = learning_curve.learn

    def spy(recipe, config, lessons, *rest):
        batches = lessons.batches(epoch=0)
        learned.append((recipe.name, batches.store, getattr(batches, "rows", None)))
        if recipe.name == "ours":
            learned[-1] = (recipe.name, batches.store, np.unique(batches.batches))
        return learn(recipe, config, lessons, *rest)

    monkeypatch.setattr(learning_curve, "learn", spy)
    learning_curve.compute(*case)
    training, _, test = split_speakers(folds, 0)
    for name, of, rows in learned:
        if name == "general":
            assert of is voices
        else:
            speakers = set(of.index["speaker"].iloc[rows])
            assert speakers <= set(training) and not speakers & set(test)
    people = [voices.index["speaker"].iloc[rows].nunique() for name, _, rows in learned[:4]]
    assert people == [2, 2, 11, 11]


def test_the_interval_over_draws_is_students_t():
    values = [1.0, 2.0, 4.0]
    curve = pd.DataFrame(
        {"people": 4, "si_sdr_improvement_db": values, "estoi": 0.5, "accuracy": [0.1, 0.2, 0.3]}
    )
    row = learning_curve.with_means(curve).iloc[0]
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert row["si_sdr_improvement_db_mean"] == pytest.approx(np.mean(values))
    assert row["si_sdr_improvement_db_low"] == pytest.approx(low)
    assert row["si_sdr_improvement_db_high"] == pytest.approx(high)
    assert row["estoi_low"] == row["estoi_high"] == 0.5
    assert np.isnan(learning_curve.with_means(curve.head(1))["estoi_low"].iat[0]), "one draw"


def test_the_text_says_what_more_speakers_are_worth_and_how_far_seeds_vary():
    people = np.array([4, 16, 64, 256, 804])
    curve = pd.DataFrame(
        {"people": people, "si_sdr_improvement_db": [10.5, 11.5, 11.75, 12.0, 12.25],
         "estoi": 0.4, "accuracy": 0.3, "steps": 500}
    )  # fmt: skip
    seeds = pd.DataFrame({"si_sdr_improvement_db": [12.0, 12.25, 12.125]})
    text = learning_curve.describe(curve, seeds)
    assert (
        "is 10.50 dB for networks trained on 4 speakers, 11.75 dB for 64, 12.25 dB for 804" in text
    )
    for number in ("After 500 steps", "3 random seeds", "by 0.25 dB", "(12.00 to 12.25 dB)"):
        assert number in text
    assert "on 4 speakers, 11.50 dB for 16;" in learning_curve.describe(curve.head(2), seeds)
