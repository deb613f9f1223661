"""lib.peers and lib.contest: adapters, valid and stale scores, costs.

The peers themselves are tried only where their packages are installed.
"""

import dataclasses
import importlib.util
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from voices import configure, supplied_store, voice, voice_store

from lib.errors import InputError
from lib.evaluation import compare as comparison
from lib.evaluation import contest
from lib.methods import pretrained as peers
from lib.workspace.folder import Run, write_json

CONFIG = configure(evaluation={"max_clips": 4}, training={"reference_clips": 2})
HALF = {"half": lambda noisy, sample_rate: 0.5 * noisy}


@pytest.fixture(scope="module", autouse=True)
def _one_worker():
    with joblib.parallel_config(backend="sequential"):
        yield


@pytest.fixture
def store():
    return voice_store(CONFIG, speakers=4, digits=2)


@pytest.fixture
def folds():
    return pd.DataFrame({"speaker": ["01", "02", "03", "04"], "fold": [0, 1, 2, 3]})


@pytest.fixture
def run(tmp_path, folds, monkeypatch):
    """A run in which "training" Conv-TasNet leaves a record, and one toy peer is installed."""
    run = Run(corpus="sample", config=CONFIG, data_dir="", dir=tmp_path)

    def train(run, store, folds, methods):
        for fold in folds["fold"]:
            write_json(run.path(f"models/Conv-TasNet-fold{fold}.json"), {"fold": fold})
        return pd.DataFrame({"model": "Conv-TasNet", "fold": folds["fold"], "seconds": 4.0})

    monkeypatch.setattr(contest, "train_all", train)
    quiet = SimpleNamespace(model=SimpleNamespace(predict_on_batch=lambda batch: 0.1 * batch))
    monkeypatch.setattr(contest, "load_denoiser", lambda *_: quiet)
    ear = SimpleNamespace(digits=lambda clips: np.zeros(len(clips), int))
    monkeypatch.setattr(contest, "load_recogniser", lambda *_: ear)
    monkeypatch.setattr(contest, "require_packages", lambda: None)
    monkeypatch.setattr(contest, "peer_costs", lambda: {"half": {"parameters": 7, "macs": 9}})
    monkeypatch.setattr(contest, "PEERS", HALF)
    return run


# --- adapters --------------------------------------------------------------------------------


@pytest.mark.parametrize(("sample_rate", "home"), [(8000, None), (8000, 16_000), (8000, 48_000)])
def test_a_peer_hears_the_clip_three_times_at_its_rate_and_level(sample_rate, home):
    heard = []

    def spy(y, rate):
        heard.append((y, rate))
        return 3 * y

    noisy = 1e-3 * voice(0)[:2999]
    out = peers._at_home(spy, home, level=0.2)(noisy, sample_rate)
    ((y, rate),) = heard
    assert rate == (home or sample_rate)
    assert len(y) == 3 * 2999 * rate // sample_rate
    np.testing.assert_array_equal(y[: len(y) // 3], y[-(len(y) // 3) :])
    assert np.sqrt(np.mean(y**2)) == pytest.approx(0.2, rel=1e-2)
    assert out.shape == noisy.shape
    np.testing.assert_allclose(out[50:-50], 3 * noisy[50:-50], atol=2e-3 * noisy.max())


def test_a_peer_is_not_asked_about_silence():
    assert not peers._at_home(None)(np.zeros(100), 8000).any()


def test_missing_packages_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(peers, "PACKAGES", ["numpy", "no_such_package"])
    with pytest.raises(InputError, match=r"need no_such_package, not installed.*`make compare`"):
        peers.require_packages()


def test_the_installed_peers_keep_place_and_length_and_ignore_the_level():
    """Of a loud clean voice most must remain, where it was; costs of a graph by hand."""
    absent = [name for name in peers.PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(f"make compare installs {', '.join(absent)}")
    y = voice(5, seconds=0.5)  # a voice that none of them takes for noise
    for name, denoise in peers.PEERS.items():
        out = denoise(y, 8000)
        assert out.shape == y.shape, name
        lags = range(-200, 201)
        heard = [np.dot(y[200:-200], out[200 + lag : len(y) - 200 + lag]) for lag in lags]
        assert abs(lags[int(np.argmax(heard))]) <= 2, name
        np.testing.assert_allclose(denoise(1e-3 * y, 8000), 1e-3 * out, atol=2e-5, err_msg=name)
    import onnx
    from onnx import TensorProto, helper

    tensor, shape = helper.make_tensor_value_info, TensorProto.FLOAT
    weights = {"w": (4, 2, 3), "v": (4, 5, 2), "m": (7, 6)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),  # 10 -> 8 positions
        helper.make_node("ConvTranspose", ["a", "v"], ["b"], strides=[2]),  # 8 -> 16 positions
        helper.make_node("MatMul", ["y", "m"], ["c"]),
    ]
    graph = helper.make_graph(
        nodes,
        "worked",
        [tensor("x", shape, [1, 2, "S"]), tensor("y", shape, [3, 7])],
        [tensor("b", shape, None), tensor("c", shape, None)],
        [onnx.numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    macs = 8 * 4 * 2 * 3 + 8 * 4 * 5 * 2 + 3 * 7 * 6
    assert peers.graph_costs(model, frames=10) == (24 + 40 + 42, macs)
    assert peers.peer_costs()["DTLN"]["parameters"] == 987_777  # as in its README: 987 thousand


# --- scores ----------------------------------------------------------------------------------


def test_without_scores_the_report_says_how_to_get_them(run, store, folds):
    scores, line = contest.open_peers(run, store, folds)
    assert scores.empty
    assert "`make compare CORPUS=sample PROFILE=quick` adds them" in line


def test_scores_are_kept_and_found_again(run, store, folds, monkeypatch):
    made = contest.score_peers(run, store, folds)
    assert made["method"].unique().tolist() == ["half", "Conv-TasNet"]
    assert len(made) == 2 * 4
    assert (made["recognised"] == 0).all()
    np.testing.assert_allclose(made["si_sdr_improvement_db"], 0, atol=1e-4)
    opened, line = contest.open_peers(run, store, folds)
    pd.testing.assert_frame_equal(opened, made)
    assert "2 published denoisers are in the tables: half, Conv-TasNet." in line
    before = run.path("peers.json").stat().st_mtime_ns
    monkeypatch.setattr(contest, "score_method", None)  # nothing may be scored again
    pd.testing.assert_frame_equal(contest.score_peers(run, store, folds), made)
    assert run.path("peers.json").stat().st_mtime_ns == before


def test_peers_are_scored_on_supplied_files_as_they_are(run, folds):
    store = supplied_store(CONFIG, speakers=4, digits=2)
    run = dataclasses.replace(run, config=store.config)
    made = contest.score_peers(run, store, folds)
    assert set(made["noise"]) == {"supplied"}
    halved = made[made["method"] == "half"]
    np.testing.assert_allclose(halved["si_sdr_improvement_db"], 0, atol=1e-6)
    other = dataclasses.replace(store, index=store.index.assign(noisy_sha256="others"))
    assert contest.open_peers(run, store, folds)[0].equals(made)
    assert contest.open_peers(run, other, folds)[0].empty


@pytest.mark.parametrize("change", ["clips", "noise", "folds", "network", "recogniser"])
def test_stale_scores_are_said_and_not_used(run, store, folds, change):
    contest.score_peers(run, store, folds)
    if change == "clips":
        store.clips[:, 5] += 1e-3
    if change == "noise":
        run = dataclasses.replace(run, config=configure(CONFIG, noise={"snr_db": -5.0}))
    if change == "folds":
        folds = folds.assign(fold=[1, 0, 2, 3])
    if change == "network":
        write_json(run.path("models/Conv-TasNet-fold2.json"), {"fold": "other"})
    if change == "recogniser":
        write_json(run.path("models/recogniser-fold1.json"), {"fold": "other"})
    scores, line = contest.open_peers(run, store, folds)
    assert scores.empty
    assert "other clips, settings or code" in line
    assert "scores them again" in line


def test_a_missing_package_ends_the_comparison_before_anything_is_opened(monkeypatch):
    monkeypatch.setattr(peers, "PACKAGES", ["no_such_package"])
    with pytest.raises(InputError, match="The peers need no_such_package"):
        contest.main("sample", "quick")


# --- costs and leads -------------------------------------------------------------------------


def test_costs_of_the_scored_methods(run, store, folds):
    history = [("ours", 0, 4.0), ("ours", 1, 8.0), ("reference repaired", 0, 1.0), ("else", 0, 1.0)]
    run.save("history", pd.DataFrame(history, columns=["model", "fold", "seconds"]))
    names = ["Wiener", "ours", "reference repaired"]
    scores = pd.DataFrame({"method": np.repeat(names, 3), "milliseconds": [1, 2, 9] * 3})
    table = contest.cost_table(run, store, folds, scores).set_index("method")
    assert (table["milliseconds"] == 2).all()
    assert table.loc["Wiener", ["parameters", "macs", "training_ms"]].isna().all()
    assert table.at["reference repaired", "parameters"] == 316_289
    assert table.at["ours", "training_ms"] == pytest.approx(1e3 * (4 / 4 + 8 / 4) / 2)  # 4 clips
    assert table.at["reference repaired", "training_ms"] == pytest.approx(1e3 / 2)  # 2 clips
    contest.score_peers(run, store, folds)
    peers_too = pd.DataFrame({"method": ["half", "Conv-TasNet"], "milliseconds": 1.0})
    table = contest.cost_table(run, store, folds, peers_too).set_index("method")
    assert table.loc["half", ["parameters", "macs"]].tolist() == [7, 9]
    assert table.at["Conv-TasNet", "training_ms"] == pytest.approx(1e3)


def test_the_lead_is_taken_clip_by_clip():
    rows = [("a", "s", "ours", 3.0), ("b", "t", "ours", 5.0), ("c", "t", "ours", 5.0),
            ("b", "t", "x", 1.0), ("a", "s", "x", 4.0), ("c", "t", "x", 2.0),
            ("a", "s", "ideal ratio mask", 9.0)]  # fmt: skip
    scores = pd.DataFrame(rows, columns=["clip_id", "speaker", "method", "si_sdr_db"])
    (lead,) = comparison.leads(scores, "si_sdr_db", rng=np.random.default_rng(0), draws=50).to_dict(
        "records"
    )
    assert (lead["method"], lead["lead"]) == ("x", 2.0)  # -1, 4 and 3
    assert lead["better"] == pytest.approx(2 / 3)
    assert lead["lead_low"] < 2 < lead["lead_high"]
