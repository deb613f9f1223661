"""lib.workers and lib.foldwise: two workers or two GPUs make the same tables as this machine."""

import time

import joblib
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import toys
from dask.distributed import LocalCluster, get_client
from voices import configure

from lib.clips import voices
from lib.clips.folds import deal_folds
from lib.clips.store import build_clip_store, open_clip_store
from lib.corpora import build_manifest
from lib.errors import DenoisingError, InputError
from lib.evaluation.folds import score_method
from lib.methods.classical import standard_methods
from lib.training import folds as training
from lib.training import parallel as foldwise
from lib.training import recogniser as recognition
from lib.workspace import workers
from lib.workspace.folder import Run, open_run

CONFIG = configure(
    training={"folds": 3, "batch_size": 2, "epochs": 1},
    recognition={"epochs": 1},
)


@pytest.fixture(scope="module")
def _cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture
def address(_cluster, monkeypatch):
    """Address of a cluster that this process works with until the test is over."""
    monkeypatch.setenv(workers.ADDRESS, _cluster.scheduler_address)
    with joblib.parallel_config():  # on leaving, the backend is what it was before
        yield _cluster.scheduler_address
    workers._hand_over.cache_clear()
    get_client().close()


@pytest.fixture
def two_gpus(monkeypatch):
    """TensorFlow believes that there are two GPUs, in this process only."""
    gpus = [tf.config.PhysicalDevice(f"/physical_device:GPU:{i}", "GPU") for i in range(2)]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    details = {"device_name": "Toy"}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    monkeypatch.delenv(workers.ADDRESS, raising=False)
    monkeypatch.delenv(workers.VISIBLE, raising=False)


def tables(folder, tree):
    """Every table that work over clips makes, and what the networks learned."""
    run = Run(corpus="toys", config=CONFIG, data_dir=str(tree), dir=folder)
    manifest = build_manifest(toys.open_tree(tree), CONFIG)
    store = build_clip_store(run, manifest, str(tree))
    speakers = pd.DataFrame({"speaker": manifest["speaker"].unique(), "gender": "unknown"})
    folds = run.save("folds", deal_folds(store.index, speakers, store.config))
    noisy = standard_methods(CONFIG)[0]
    scores = score_method(noisy, store, range(len(store))).drop(columns="milliseconds")
    foldwise.train_ahead(run, folds, ["ours", "recogniser"])
    there = sorted(path.name for path in run.path("models").glob("*.keras"))
    learned = [
        training.train_all(run, store, folds, ["ours"]).drop(columns="seconds"),
        recognition.train_recognisers(run, store, folds).drop(columns="seconds"),
    ]
    clips = np.array(open_clip_store(run).clips)
    return [manifest, voices.measure_voices(run, store), scores, *learned], clips, there


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The tree of the corpus, and what this machine makes of it."""
    tree = tmp_path_factory.mktemp("toys")
    toys.record(tree)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(foldwise, "gpus", dict)
        return tree, *tables(tmp_path_factory.mktemp("here"), tree)


@pytest.mark.parametrize("place", ["address", "two_gpus"])
def test_a_cluster_or_two_gpus_make_the_same_tables(here, place, tmp_path, request):
    tree, here, clips, ahead = here
    assert not ahead, "without GPUs nothing is trained ahead"
    request.getfixturevalue(place)
    assert workers.connect() == (place == "address")
    there, clips_there, ahead = tables(tmp_path, tree)
    assert ahead == [f"{name}-fold{k}.keras" for name in ("ours", "recogniser") for k in range(3)]
    np.testing.assert_array_equal(clips, clips_there)
    for expected, table in zip(here, there, strict=True):
        pd.testing.assert_frame_equal(expected, table, check_exact=True)


def test_the_work_is_done_by_both_workers(address, _cluster):
    assert workers.connect()
    pids = set(joblib.Parallel(n_jobs=-1)(joblib.delayed(toys.process)() for _ in range(40)))
    assert pids == {worker.pid for worker in _cluster.workers.values()}


@pytest.mark.usefixtures("two_gpus")
def test_two_networks_are_trained_at_a_time_each_on_another_gpu(tmp_path, monkeypatch):
    at_work, seen = set(), []

    def train(run, name, fold, variables):
        at_work.add((gpu := variables[workers.VISIBLE], name, fold))
        time.sleep(0.2)
        seen.append(sorted(number for number, *_ in at_work))
        at_work.remove((gpu, name, fold))

    monkeypatch.setattr(foldwise, "_train_apart", train)
    run = Run(corpus="toys", config=CONFIG, data_dir="", dir=tmp_path)
    foldwise.train_ahead(run, pd.DataFrame({"fold": range(3)}), ["ours", "recogniser"])
    assert len(seen) == 6
    assert all(numbers in (["0", "1"], ["0"], ["1"]) for numbers in seen)
    assert ["0", "1"] in seen


@pytest.mark.usefixtures("two_gpus")
def test_a_network_that_cannot_be_trained_is_named(tmp_path):
    run = Run(corpus="toys", config=CONFIG, data_dir="", dir=tmp_path)
    with pytest.raises(DenoisingError, match=r"ours, fold 1, .*: clips\.npy is not .*02_spec"):
        foldwise.train_ahead(run, pd.DataFrame({"fold": [0]}), ["ours"])


@pytest.mark.usefixtures("two_gpus")
def test_only_the_gpus_that_the_user_left_visible_are_used(monkeypatch):
    monkeypatch.setenv(workers.VISIBLE, "2,5")
    assert workers.gpus() == {"2": "Toy", "5": "Toy"}


def test_without_the_variable_nothing_is_connected(monkeypatch):
    monkeypatch.delenv(workers.ADDRESS, raising=False)
    assert not workers.connect()


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv(workers.ADDRESS, "tcp://127.0.0.1:1")
    monkeypatch.setattr(workers, "PATIENCE_S", 0.5)
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1: no Dask scheduler answers.*unset"):
        open_run(corpus="sample", profile="smoke")
