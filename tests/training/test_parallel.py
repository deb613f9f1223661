"""lib.training.parallel: two workers or two GPUs give the same tables as this machine alone."""

import time

import numpy as np
import pandas as pd
import pytest
import toys
from voices import configure

from lib.clips.folds import assign_folds
from lib.clips.prepare import build_store
from lib.clips.store import open_store
from lib.clips.voices import measure_voices
from lib.corpora import build_manifest
from lib.errors import DenoisingError
from lib.evaluation.score import score_method
from lib.methods import look_up
from lib.training import parallel
from lib.training.train import accuracies, histories, train_all
from lib.workspace import workers
from lib.workspace.folder import Run

CONFIG = configure(
    training={"folds": 3, "batch_size": 2},
    recognition={"epochs": 1},
)
NAMES = ["recogniser"]  # the quickest to compile


def tables(folder, tree):
    """Return the tables computed from clips and training, the clips, and networks trained ahead."""
    run = Run(corpus="toys", config=CONFIG, data_dir=str(tree), dir=folder)
    manifest = build_manifest(toys.open_tree(tree), CONFIG)
    store = build_store(run, manifest, str(tree))
    speakers = pd.DataFrame({"speaker": manifest["speaker"].unique(), "gender": "unknown"})
    folds = run.save("folds", assign_folds(store.index, speakers, store.config))
    noisy = look_up("noisy")
    scores = score_method(noisy, noisy.open(run, 0), store, np.arange(len(store)))
    parallel.train_ahead(run, folds, NAMES)
    there = sorted(path.name for path in run.path("models").glob("*.keras"))
    learned = [made(train_all(run, store, folds, NAMES)) for made in (histories, accuracies)]
    clips = np.array(open_store(run).clips)
    timed = [table.drop(columns="seconds") for table in learned]
    scores = scores.drop(columns="milliseconds")
    return [manifest, measure_voices(run, store), scores, *timed], clips, there


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The tree of the corpus, and what this machine computes from it."""
    tree = tmp_path_factory.mktemp("toys")
    toys.record(tree)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "gpus", dict)
        return tree, *tables(tmp_path_factory.mktemp("here"), tree)


@pytest.mark.parametrize("place", [pytest.param("address", marks=pytest.mark.long), "two_gpus"])
def test_a_cluster_or_two_gpus_make_the_same_tables(here, place, tmp_path, request):
    tree, here, clips, ahead = here
    assert not ahead, "without GPUs nothing is trained ahead"
    request.getfixturevalue(place)
    assert workers.connect() == (place == "address")
    there, clips_there, ahead = tables(tmp_path, tree)
    assert ahead == [f"recogniser-fold{k}.keras" for k in range(3)]
    np.testing.assert_array_equal(clips, clips_there)
    for expected, table in zip(here, there, strict=True):
        pd.testing.assert_frame_equal(expected, table, check_exact=True)


@pytest.mark.usefixtures("two_gpus")
def test_two_networks_are_trained_at_a_time_each_on_another_gpu(tmp_path, monkeypatch):
    at_work, seen = set(), []

    def train(run, name, fold, variables):
        at_work.add((gpu := variables[workers.VISIBLE], name, fold))
        time.sleep(0.2)
        seen.append(sorted(number for number, *_ in at_work))
        at_work.remove((gpu, name, fold))

    monkeypatch.setattr(parallel, "_train_apart", train)
    run = Run(corpus="toys", config=CONFIG, data_dir="", dir=tmp_path)
    parallel.train_ahead(run, pd.DataFrame({"fold": range(3)}), ["ours", "recogniser"])
    assert len(seen) == 6
    assert all(numbers in (["0", "1"], ["0"], ["1"]) for numbers in seen)
    assert ["0", "1"] in seen


@pytest.mark.usefixtures("two_gpus")
def test_a_network_that_cannot_be_trained_is_named(tmp_path):
    run = Run(corpus="toys", config=CONFIG, data_dir="", dir=tmp_path)
    with pytest.raises(
        DenoisingError, match=r"ours, fold 1, .*: clips\.npy is not in .*: run the notebooks"
    ):
        parallel.train_ahead(run, pd.DataFrame({"fold": [0]}), ["ours"])
