"""lib.evaluation.cost: costs of networks, peers and other methods, where known."""

import numpy as np
import pandas as pd
import pytest
from voices import configure

from lib.errors import InputError
from lib.evaluation.cost import cost_table
from lib.methods import METHODS
from lib.methods.pretrained import COSTS
from lib.workspace.folder import Run, write_json

NAMES = ["RNNoise", "Wiener", "ours", "reference repaired", "reference as published"]


@pytest.fixture
def run(tmp_path):
    """A run with trained folds: two of ours, one repaired reference and none as published."""
    run = Run(corpus="sample", config=configure(), data_dir="", dir=tmp_path)
    for name, clips, seconds in [
        ("ours-fold0", 4, [3.0, 5.0]),
        ("ours-fold1", 4, [8.0]),
        ("reference-repaired-fold0", 2, [1.0]),
        ("ours-fold7", 1, [99.0]),  # left over from a run with more folds
    ]:
        history = [{"seconds": time} for time in seconds]
        write_json(run.path(f"models/{name}.json"), {"clips": clips, "history": history})
    return run


def scores_of(*names):
    rows = [(name, fold, time) for name in names for fold, time in [(0, 1.0), (1, 2.0), (1, 9.0)]]
    return pd.DataFrame(rows, columns=["method", "fold", "milliseconds"])


def test_costs_of_the_scored_methods(run, monkeypatch):
    monkeypatch.setitem(COSTS, "RNNoise", {"parameters": 7, "macs": 9})
    table = cost_table(run, scores_of(*NAMES)).set_index("method")
    assert table.index.tolist() == NAMES
    assert table.columns.tolist() == ["parameters", "macs", "milliseconds", "training_ms"]
    assert (table["milliseconds"] == 2).all()
    assert table.loc["RNNoise", ["parameters", "macs"]].tolist() == [7, 9]
    assert table.loc["Wiener", ["parameters", "macs", "training_ms"]].isna().all()
    assert table.at["reference repaired", "parameters"] == 316_289
    assert table.at["ours", "macs"] > 1e6
    assert table.at["ours", "training_ms"] == pytest.approx(1e3 * (4 / 4 + 8 / 4) / 2)  # 4 clips
    assert table.at["reference repaired", "training_ms"] == pytest.approx(1e3 / 2)  # 2 clips
    assert np.isnan(table.at["reference as published", "training_ms"])


def test_a_trained_peer_is_counted_like_our_networks(run):
    write_json(run.path("models/Conv-TasNet-fold1.json"), {"clips": 4, "history": [{"seconds": 4}]})
    table = cost_table(run, scores_of("Conv-TasNet")).set_index("method")
    assert table.at["Conv-TasNet", "parameters"] > 1e5
    assert table.at["Conv-TasNet", "training_ms"] == pytest.approx(1e3)


def test_a_method_that_nobody_knows_is_refused(run):
    with pytest.raises(InputError, match="Unknown method 'toy'"):
        cost_table(run, scores_of("noisy", "toy"))


def test_given_costs_are_those_of_methods_with_their_own_weights():
    for name, costs in COSTS.items():
        assert METHODS[name].compared and not METHODS[name].trained, name
        assert set(costs) == {"parameters", "macs"} and min(costs.values()) > 0, name
