"""lib.evaluation.peers: scores of toy peers, reused while valid and left out when stale."""

import dataclasses
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from rivals import Ear, toy
from voices import configure, supplied_store, voice_store

from lib import metrics
from lib.errors import InputError
from lib.evaluation import folds as evaluation
from lib.evaluation import peers
from lib.methods import METHODS, pretrained
from lib.workspace.folder import Run, write_json

pytestmark = pytest.mark.usefixtures("one_process")

CONFIG = configure(evaluation={"max_clips": 4})
FOLDS = pd.DataFrame({"speaker": ["01", "02", "03", "04"], "fold": [0, 1, 2, 3]})


def half(noisy, sample_rate):
    return 0.5 * noisy


def tenth(noisy, sample_rate):
    return 0.1 * noisy


@pytest.fixture
def store():
    return voice_store(CONFIG, speakers=4, digits=2)


@pytest.fixture
def trained():
    """The networks whose training was requested."""
    return []


@pytest.fixture
def run(tmp_path, trained, monkeypatch):
    """A run in which "training" Conv-TasNet writes a record, and one toy peer is installed."""

    def train(run, store, folds, names):
        trained.append(names)
        for fold in folds["fold"]:
            write_json(run.path(f"models/Conv-TasNet-fold{fold}.json"), {"fold": fold})

    monkeypatch.setattr(peers, "train_all", train)
    monkeypatch.setattr(peers, "require_packages", lambda: None)
    monkeypatch.setattr(evaluation, "open_trained", lambda *_: Ear(0))
    kept = {name: method for name, method in METHODS.items() if not method.compared}
    installed = [
        toy("half", half, compared=True),
        toy("Conv-TasNet", tenth, compared=True, trained=True),
    ]
    with mock.patch.dict(METHODS, kept | {peer.name: peer for peer in installed}, clear=True):
        yield Run(corpus="sample", config=CONFIG, data_dir="", dir=tmp_path)


def noisy_scores(run, store, folds=FOLDS):
    """Return the scores of a report without the peers."""
    return evaluation.evaluate(run, store, folds, [METHODS["noisy"]])


def test_without_scores_the_report_says_how_to_get_them(run, store):
    scores = noisy_scores(run, store)
    same, line = peers.open_peers(run, store, FOLDS, scores)
    pd.testing.assert_frame_equal(same, scores)
    assert "`make compare CORPUS=sample PROFILE=quick` adds them" in line
    elsewhere = dataclasses.replace(run, data_dir="a folder")
    assert "PROFILE=quick DATA_DIR=...`" in peers.open_peers(elsewhere, store, FOLDS, scores)[1]


def test_scores_are_kept_and_found_again(run, store, trained, monkeypatch):
    made = peers.score_peers(run, store, FOLDS)
    assert trained == [["Conv-TasNet"]]
    assert made["method"].unique().tolist() == ["half", "Conv-TasNet"]
    assert len(made) == 2 * 4
    assert (made["recognised"] == 0).all()
    np.testing.assert_allclose(made["si_sdr_improvement_db"], 0, atol=1e-4)
    scores = noisy_scores(run, store)
    both, line = peers.open_peers(run, store, FOLDS, scores)
    pd.testing.assert_frame_equal(both.head(4), scores)
    theirs = both.iloc[4:].sort_values(["method", "clip_id"], ignore_index=True)
    pd.testing.assert_frame_equal(
        theirs, made.sort_values(["method", "clip_id"], ignore_index=True)
    )
    assert "2 published denoisers are in the tables: half, Conv-TasNet. Conv-TasNet was" in line
    before = run.path("peers.json").stat().st_mtime_ns
    monkeypatch.setattr(evaluation, "_score", lambda *_: pytest.fail("scored again"))
    pd.testing.assert_frame_equal(peers.score_peers(run, store, FOLDS), made)
    assert run.path("peers.json").stat().st_mtime_ns == before


def test_peers_are_scored_on_supplied_files_as_they_are(run):
    store = supplied_store(CONFIG, speakers=4, digits=2)
    run = dataclasses.replace(run, config=store.config)
    made = peers.score_peers(run, store, FOLDS)
    assert set(made["noise"]) == {"supplied"}
    halved = made[made["method"] == "half"]
    np.testing.assert_allclose(halved["si_sdr_improvement_db"], 0, atol=1e-6)
    scores = noisy_scores(run, store)
    other = dataclasses.replace(store, index=store.index.assign(noisy_sha256="others"))
    assert len(peers.open_peers(run, store, FOLDS, scores)[0]) == 3 * 4
    assert peers.open_peers(run, other, FOLDS, scores)[0] is scores


CHANGES = ["clips", "noise", "folds", "network", "recogniser", "method", "metric"]


@pytest.mark.parametrize("change", CHANGES)
def test_stale_scores_are_said_and_not_used(run, store, change, monkeypatch):
    peers.score_peers(run, store, FOLDS)
    folds = FOLDS
    if change == "clips":
        store = dataclasses.replace(store, clips=store.clips + np.float32(1e-3))
    if change == "noise":
        run = dataclasses.replace(run, config=configure(CONFIG, noise={"snr_db": -5.0}))
    if change == "folds":
        folds = FOLDS.assign(fold=[1, 0, 2, 3])
    if change == "network":
        write_json(run.path("models/Conv-TasNet-fold2.json"), {"fold": "other"})
    if change == "recogniser":
        write_json(run.path("models/recogniser-fold1.json"), {"fold": "other"})
    if change == "method":
        monkeypatch.setitem(METHODS, "new", toy("new", tenth, compared=True))
    if change == "metric":
        monkeypatch.setitem(metrics.METRICS, "new", metrics.estoi)
    scores = noisy_scores(run, store, folds)
    same, line = peers.open_peers(run, store, folds, scores)
    assert same is scores
    assert "different clips, settings or code" in line
    assert "recomputes them" in line


def test_a_missing_package_ends_the_comparison_before_anything_is_opened(monkeypatch):
    monkeypatch.setattr(pretrained, "PACKAGES", ["no_such_package"])
    with pytest.raises(InputError, match="The peers need no_such_package"):
        peers.main("sample", "quick")
