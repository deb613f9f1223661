"""What the README says about extending: a model, a metric and a corpus, and the report shows them.

They live in `toys`, outside lib, and are entered where the README says.
"""

import ast
import inspect
import re
from unittest import mock

import joblib
import numpy as np
import pandas as pd
import pytest
import tensorflow
import toys
from voices import configure

from lib import corpora, metrics, report
from lib.clips import folds
from lib.clips.store import build_clip_store
from lib.corpora import summary
from lib.evaluation import compare as comparison
from lib.evaluation import contest
from lib.evaluation import folds as evaluation
from lib.figures import scores as figures
from lib.figures import training as curves
from lib.training import folds as training
from lib.training import recipes
from lib.workspace.folder import PROJECT_ROOT, Run
from notebooks import Notebook, html_of, text_of

CONFIG = configure(
    training={"folds": 3, "batch_size": 2, "epochs": 2, "crop_s": 0.1},
    statistics={"bootstrap_draws": 20},
)


class Deaf:
    """Stands in for the recogniser: hears nothing but zeros."""

    def digits(self, estimates):
        return [0] * len(estimates)


@pytest.fixture(scope="module", autouse=True)
def _eagerly():
    """Nine weights take longer to compile than to train."""
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture(autouse=True)
def _toys(monkeypatch):
    """The lines that the README adds; our own models are left out, because they take minutes."""
    monkeypatch.setitem(training.WAVEFORM, "toy filter", toys.build_filter)
    monkeypatch.setitem(metrics.METRICS, "level_error_db", toys.level_error_db)
    monkeypatch.setitem(corpora.CORPORA, "toys", toys.open_tree)
    mine = mock.patch.dict(recipes.MODELS, {"toy filter": toys.build_filter}, clear=True)
    with mine, joblib.parallel_config(backend="sequential"):  # no processes for six clips
        yield


def test_the_report_shows_what_was_added(tmp_path):
    toys.record(tmp_path)
    run = Run(corpus="toys", config=CONFIG, data_dir=str(tmp_path), dir=tmp_path / "build")
    corpus = corpora.open_corpus(run.corpus, run.data_dir)
    manifest = corpora.build_manifest(corpus, CONFIG)
    facts = summary.describe_corpus(corpus, manifest)
    store = build_clip_store(run, manifest, facts["root"])
    speakers = pd.DataFrame({"speaker": manifest["speaker"].unique(), "gender": "unknown"})
    folds = run.save("folds", folds.deal_folds(store.index, speakers, store.config))
    history = run.save("history", training.train_all(run, store, folds))
    scores = evaluation.evaluate_folds(run, store, folds, recogniser=lambda run, fold: Deaf())
    rng = np.random.default_rng(0)
    table = comparison.compare(scores, rng=rng, draws=CONFIG.statistics.bootstrap_draws)
    costs = contest.cost_table(run, store, folds, scores).set_index("method")

    mine = table.set_index("method").loc["toy filter"]
    noisy, target = (
        [getattr(store, kind)(row) for row in range(len(store))] for kind in ("noisy", "clean")
    )
    errors = [toys.level_error_db(x, y, 8000) for x, y in zip(target, noisy)]
    assert np.isfinite(mine["si_sdr_improvement_db"])
    assert table.set_index("method").at["noisy", "level_error_db"] == pytest.approx(np.mean(errors))
    assert mine["level_error_db_low"] <= mine["level_error_db"] <= mine["level_error_db_high"]
    assert costs.at["toy filter", "parameters"] == 9
    assert costs.at["toy filter", "macs"] == 9 * 8000

    shown = report.with_intervals(table, {"level_error_db": ".1f"})[["method", "level_error_db"]]
    comparison_of = {"level_error_db": "level error (dB)"}
    html = html_of(
        Notebook("Extended")
        .code(lambda: report.say("{title}: {note}", **facts))
        .code(lambda: report.table(shown, "tbl-toys", caption="Methods."))
        .code(lambda: report.figure(curves.loss_curves(history, {}), "fig-l", caption="c", alt="a"))
        .code(
            lambda: report.figure(
                figures.method_comparison(table, comparison_of), "fig-m", caption="c", alt="a"
            )
        )
    )
    seen = text_of(html)
    assert "Toy voices: Harmonics that glide." in seen
    assert "toy filter" in seen
    assert "level error db" in seen


@pytest.mark.parametrize("toy", [toys.build_filter, toys.level_error_db, toys.open_tree])
def test_a_toy_is_short(toy):
    assert len(inspect.getsource(toy).splitlines()) < 30


@pytest.mark.parametrize("toy", [toys.build_filter, toys.level_error_db, toys.open_tree])
def test_what_contributors_read_is_what_is_tested(toy):
    text = (PROJECT_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    runs = [run.replace("\n+", "\n")[1:] for run in re.findall(r"(?:^\+.*\n)+", text, re.MULTILINE)]
    (shown,) = [run for run in runs if f"def {toy.__name__}(" in run]
    tested = inspect.getsource(toy).replace("keras.layers.", "layers.")
    bodies = [ast.parse(source).body[-1].body[1:] for source in (shown, tested)]
    assert [ast.unparse(line) for line in bodies[0]] == [ast.unparse(line) for line in bodies[1]]


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "README.md"])
def test_the_diffs_apply_to_the_code(name):
    text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
    lines = re.findall(r"^ (?! *#)(\S.*?)(?: +#.*)?$|^-(?![- ])(.*)$", text, re.MULTILINE)
    assert len(lines) >= 3
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "lib").rglob("*.py")
    )
    for line in filter(None, (kept or removed for kept, removed in lines)):
        assert f"\n{line}" in code, line
