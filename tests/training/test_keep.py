"""lib.training.keep: a network is stored with its record or not at all."""

import keras
import numpy as np
import pandas as pd
import pytest
from voices import configure

from lib.errors import MissingArtifactError
from lib.training import keep
from lib.workspace.folder import Run
from lib.workspace.origin import origin


@pytest.fixture
def run(tmp_path):
    return Run(corpus="sample", config=configure(), data_dir="", dir=tmp_path)


INPUT = keras.Input((2,), name="x")


def network():
    return keras.Sequential([INPUT, keras.layers.Dense(1, name="dense")], name="tiny")


def wider():
    hidden = keras.layers.Dense(3, name="hidden")
    return keras.Sequential([INPUT, hidden, keras.layers.Dense(1, name="dense")])


@pytest.mark.parametrize("fails", ["train", "save"])
def test_a_network_goes_only_when_the_next_one_is_there(run, monkeypatch, fails):
    def train(_):
        return network(), {}

    def fail(*_):
        raise OSError("No space left on device")

    keep.train_once(run, "ours-fold0", "aa", train, {})
    other = run.path("checkpoints/ours-fold0-bb/epoch0001")
    other.mkdir(parents=True)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(keras.Model, "save", fail)
        keep.train_once(run, "ours-fold0", "cc", fail if fails == "train" else train, {})
    kept = keep.train_once(run, "ours-fold0", "aa", fail, {})
    assert kept.pop("origin").keys() == origin().keys()
    assert kept == {"fingerprint": "aa"}
    keep.load_network(run.path("models/ours-fold0.keras"))
    assert other.is_dir(), "what was trained with other settings, too"


def test_the_record_holds_what_is_known_and_what_was_learned(run):
    def train(checkpoints):
        checkpoints.mkdir(parents=True)
        return network(), {"history": [1, 2]}

    record = keep.train_once(run, "ours-fold0", "aa", train, {"fold": 0})
    assert record == keep.read_record(run, "ours-fold0")
    assert sorted(record) == ["fingerprint", "fold", "history", "origin"]
    assert not list(run.path("checkpoints").iterdir())
    assert keep.read_record(run, "ours-fold1") == {}


def test_a_network_keeps_its_weights_and_loses_its_optimiser(run):
    made = network()
    made.compile("adam", "mse")
    made.train_on_batch(np.ones((4, 2)), np.ones((4, 1)))
    keep.train_once(run, "ours-fold0", "aa", lambda _: (made, {}), {})
    opened = keep.load_network(run.path("models/ours-fold0.keras"))
    assert not opened.compiled
    for one, other in zip(made.get_weights(), opened.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_missing_network_names_the_notebook(run):
    message = r"ours-fold2\.keras is not in .*models: run 03_model_training\.ipynb first"
    with pytest.raises(MissingArtifactError, match=message):
        keep.load_trained(run, "ours-fold2", 2)


def test_a_network_of_other_folds_is_refused(run):
    facts = {"test_speakers": ["01", "02"]}
    keep.train_once(run, "ours-fold0", "aa", lambda _: (network(), {}), facts)
    folds = pd.DataFrame({"speaker": ["01", "02", "03"], "fold": [0, 0, 1]})
    run.save("folds", folds)
    assert keep.load_trained(run, "ours-fold0", 0)[1]["test_speakers"] == ["01", "02"]
    run.save("folds", folds.assign(fold=[0, 1, 0]))
    with pytest.raises(MissingArtifactError, match="trained for other folds"):
        keep.load_trained(run, "ours-fold0", 0)


def test_networks_that_share_a_graph_keep_their_own_weights(run):
    """Whichever was called last, and whatever was opened since."""
    x, answers = np.ones((1, 2), np.float32), {}
    run.save("folds", pd.DataFrame({"speaker": ["01", "02", "03"], "fold": [0, 1, 2]}))
    for fold, made in enumerate([network(), network(), wider()]):
        answers[fold] = made.predict_on_batch(x)
        facts = {"test_speakers": [f"0{fold + 1}"]}
        keep.train_once(run, f"ours-fold{fold}", "aa", lambda _, made=made: (made, {}), facts)
    opened = [keep.load_trained(run, f"ours-fold{fold}", fold)[0] for fold in range(3)]
    graphs = [network._graph for network in opened]
    assert graphs[0] is graphs[1] and graphs[1] is not graphs[2]
    for fold in (0, 1, 2, 1, 0, 0, 1):
        np.testing.assert_array_equal(opened[fold].predict_on_batch(x), answers[fold])
