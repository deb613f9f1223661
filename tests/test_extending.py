"""Extending the project as in CONTRIBUTING.md: the report shows each of six additions.

They live in `toys`, outside lib, and are registered with the exact lines given there.
"""

import ast
import inspect
import re
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import toys
from voices import configure

from lib import corpora, methods, metrics, report
from lib.clips.folds import assign_folds
from lib.clips.prepare import build_store
from lib.corpora import summary
from lib.errors import InputError
from lib.evaluation import folds as evaluation
from lib.evaluation.compare import compare
from lib.evaluation.cost import cost_table
from lib.evaluation.sweep import sweep_folds
from lib.figures import scores as figures
from lib.methods import METHODS, reported
from lib.signals import noise
from lib.statistics.intervals import by_group
from lib.training import recipes
from lib.training.train import histories, train_all
from lib.workspace.folder import PROJECT_ROOT, Run
from notebooks import Notebook, html_of, text_of

pytestmark = pytest.mark.usefixtures("eagerly", "one_process")

FUNCTIONS = [
    toys.build_filter, toys.median, toys.level_error_db, toys.clicks, toys.open_tree,
    toys.level_errors,
]  # fmt: skip
TABLES = {  # file -> module and its table
    "lib/training/recipes.py": (recipes, recipes.RECIPES),
    "lib/methods/__init__.py": (methods, METHODS),
    "lib/metrics.py": (metrics, metrics.METRICS),
    "lib/signals/noise.py": (noise, noise.NOISES),
    "lib/corpora/__init__.py": (corpora, corpora.CORPORA),
}
OPENING = re.compile(r"[A-Z]+ = \{|    for method in \[")


def diffs(name):
    """Yield the lines of all diffs in a text: file, sign, and line without its comment."""
    text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
    file = ""
    for block in re.findall(r"^```diff\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            code, _, comment = line.partition(" # ")
            file = comment if comment.startswith("lib/") else file
            if code.strip():
                yield file, line[0], code[1:].rstrip()


def entries(name):
    """Return the source of what a text adds to each table."""
    added, within = {}, False
    for file, sign, line in diffs(name):
        if sign == " ":
            within = OPENING.fullmatch(line)
        elif line.startswith("def "):
            within = False
        if sign == "+" and within:
            added[file] = added.get(file, "") + line.strip()
    return added


@pytest.fixture
def _toys(monkeypatch):
    """Apply the lines of CONTRIBUTING.md; our own networks are omitted, as they take minutes."""
    kept = {name: method for name, method in METHODS.items() if not method.trained}
    with mock.patch.dict(METHODS, kept, clear=True):
        for file, source in entries("CONTRIBUTING.md").items():
            module, table = TABLES[file]
            names = vars(module) | vars(toys) | {"toys": toys}
            if table is METHODS:
                new = {method.name: method for method in eval(f"[{source}]", names)}
            else:
                new = eval(f"{{{source}}}", names)
            for name, value in new.items():
                assert name not in table
                monkeypatch.setitem(table, name, value)
        yield


class Deaf:
    """A stand-in for the recogniser that answers zero for every clip."""

    def digits(self, estimates):
        return [0] * len(estimates)


@pytest.mark.usefixtures("_toys")
def test_the_report_shows_what_was_added(tmp_path, monkeypatch):
    config = configure(
        noise={"kind": "clicks"},
        training={"folds": 3, "batch_size": 2, "crop_s": 0.1},
        scratch={"epochs": 2},
        statistics={"bootstrap_draws": 20},
    )
    monkeypatch.setattr(evaluation, "open_trained", lambda run, name, fold: Deaf())
    toys.record(tmp_path)
    run = Run(corpus="toys", config=config, data_dir=str(tmp_path), dir=tmp_path / "build")
    corpus = corpora.open_corpus(run.corpus, run.data_dir)
    manifest = corpora.build_manifest(corpus, config)
    facts = summary.describe_corpus(corpus, manifest)
    store = build_store(run, manifest, facts["root"])
    speakers = pd.DataFrame({"speaker": manifest["speaker"].unique(), "gender": "unknown"})
    folds = run.save("folds", assign_folds(store.index, speakers, store.config))
    trained = [method.name for method in reported(config, trained=True)]
    history = histories(train_all(run, store, folds, trained))
    scores = evaluation.evaluate(run, store, folds)
    rng, draws = np.random.default_rng(0), config.statistics.bootstrap_draws
    table = compare(scores, rng=rng, draws=draws)
    costs = cost_table(run, scores).set_index("method")
    swept = sweep_folds(run, store, folds, ["toy filter", "median"])
    gains = by_group(
        swept, ["noise", "method", "input_snr_db"], "si_sdr_improvement_db", rng=rng, draws=draws
    )

    noisy, target = (
        [getattr(store, kind)(row) for row in range(len(store))] for kind in ("noisy", "clean")
    )
    errors = [toys.level_error_db(x, y, 8000) for x, y in zip(target, noisy)]
    rows = table.set_index("method")
    assert rows.at["noisy", "level_error_db"] == pytest.approx(np.mean(errors))
    for mine in ("toy filter", "median"):
        assert np.isfinite(rows.at[mine, "si_sdr_improvement_db"])
    mine = rows.loc["toy filter"]
    assert mine["level_error_db_low"] <= mine["level_error_db"] <= mine["level_error_db_high"]
    assert costs.at["toy filter", "parameters"] == 9
    assert costs.at["toy filter", "macs"] == 9 * 8000
    assert trained == ["toy filter"] and np.isfinite(costs.at["toy filter", "training_ms"])
    assert set(scores["noise"]) == {"clicks"}
    assert swept["noise"].unique().tolist() == ["white", "pink", "clicks"]

    shown = report.with_intervals(table, {"level_error_db": ".1f"})[["method", "level_error_db"]]
    of_clicks = gains[gains["noise"] == "clicks"][["noise", "method", "input_snr_db", "estimate"]]
    drawn = {
        "fig-loss": lambda: figures.loss_curves(history, {}),
        "fig-methods": lambda: figures.method_comparison(table, {"level_error_db": "level (dB)"}),
        "fig-sweep": lambda: figures.sweep(gains, "gain (dB)"),
        "fig-levels": lambda: toys.level_errors(table),
    }
    notebook = Notebook("Extended")
    notebook.code(lambda: report.say("{title}: {note}", **facts))
    notebook.code(lambda: report.table(shown, "tbl-toys", caption="Methods."))
    notebook.code(lambda: report.table(of_clicks, "tbl-sweep", caption="Sweep."))
    for name, draw in drawn.items():
        notebook.code(lambda n=name, d=draw: report.figure(d(), n, caption=f"See {n}.", alt="a"))
    html = html_of(notebook)
    seen = text_of(html)
    wanted = ["Toy voices: Harmonics that glide.", "toy filter", "median", "level error db"]
    wanted += ["clicks", *(f"See {name}." for name in drawn)]
    assert not [text for text in wanted if text not in seen]
    assert not [name for name in drawn if f'id="{name}"' not in html]


@pytest.mark.usefixtures("_toys")
def test_the_figure_holds_the_table():
    table = pd.DataFrame({"method": ["median", "toy filter"], "level_error_db": [-1.0, 2.0]})
    ax = toys.level_errors(table).axes[0]
    assert [bar.get_width() for bar in ax.patches] == [-1, 2]


def test_without_its_line_a_toy_is_unknown():
    for ask in (
        lambda: methods.look_up("toy filter"),
        lambda: recipes.recipe_of("toy filter"),
        lambda: configure(noise={"kind": "clicks"}),
        lambda: corpora.open_corpus("toys"),
    ):
        with pytest.raises(InputError, match=r"toy|clicks"):
            ask()


@pytest.mark.parametrize("toy", FUNCTIONS)
def test_a_toy_is_short(toy):
    assert len(inspect.getsource(toy).splitlines()) < 30


def bare(source):
    """Return the arguments and body of a function, without annotations and docstring."""
    function = ast.parse(source).body[-1]
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return [arg.arg for arg in function.args.args], [ast.unparse(line) for line in body]


@pytest.mark.parametrize("toy", FUNCTIONS)
def test_what_contributors_read_is_what_is_tested(toy):
    text = (PROJECT_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    runs = [run.replace("\n+", "\n")[1:] for run in re.findall(r"(?:^\+.*\n)+", text, re.MULTILINE)]
    (shown,) = [run for run in runs if f"def {toy.__name__}(" in run]
    assert bare(shown) == bare(inspect.getsource(toy))


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "README.md"])
def test_the_diffs_apply_to_the_code(name):
    kept = [(file, line) for file, sign, line in diffs(name) if sign in " -"]
    assert len(kept) >= 3
    for file, line in kept:
        code = (PROJECT_ROOT / file).read_text(encoding="utf-8")
        assert f"\n{line}\n" in code, (file, line)


def test_both_texts_add_the_same_lines_to_the_same_tables():
    assert entries("README.md") == entries("CONTRIBUTING.md")
    assert set(entries("CONTRIBUTING.md")) == set(TABLES)
