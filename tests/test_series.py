"""The five notebooks, from the sample corpus to the rendered report, at minimal size."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from pypdf import PdfReader

from lib.config import load_config
from lib.methods import reported
from lib.report.export import export
from lib.workspace.folder import PROJECT_ROOT
from notebooks import check_pages, pages_of

NOTEBOOKS = sorted((PROJECT_ROOT / "notebooks").glob("0*.ipynb"))
SETTINGS = """
training: {max_clips_per_speaker: 4, reference_clips: 6}
evaluation: {max_clips: 20}
"""


def run_series(folder, last=5):
    settings = folder / "settings.yaml"
    settings.write_text(SETTINGS, encoding="utf-8")
    build = folder / "build"
    given = {"profile": "smoke", "params_file": settings, "build_dir": build}
    options = [f"{name}={value}" for name, value in given.items()]
    for notebook in NOTEBOOKS[:last]:
        execute = [sys.executable, "-m", "lib.workspace.execute", notebook, build / notebook.name]
        subprocess.run([*execute, *options], cwd=PROJECT_ROOT, check=True)
    return build


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    return run_series(tmp_path_factory.mktemp("first run"))  # a name with a space


def test_every_notebook_leaves_what_the_next_one_needs(build):
    for name in ["manifest", "speakers", "cleaning_log", "clip_index", "folds", "history",
                 "scores", "recognition", "sweep", "effects", "tests", "claims"]:  # fmt: skip
        assert len(pd.read_parquet(build / f"{name}.parquet")), name
    assert not list(build.rglob("*part*")), "a half-written file was left"
    assert not list(build.glob("*.failed.ipynb"))


def test_every_speaker_is_tested_by_a_model_that_never_heard_them(build):
    scores = pd.read_parquet(build / "scores.parquet")
    assert set(scores["speaker"]) == set(pd.read_parquet(build / "folds.parquet")["speaker"])
    for record in build.glob("models/*.json"):
        facts = json.loads(record.read_text(encoding="utf-8"))
        tested = set(facts["test_speakers"])
        assert not tested & {*facts["training_speakers"], *facts["validation_speakers"]}
        rows = (scores["fold"] == facts["fold"]) & (scores["method"] == facts["method"])
        if facts["method"] == "recogniser":  # applied to all methods
            rows = scores["fold"] == facts["fold"]
        assert set(scores.loc[rows, "speaker"]) == tested


def test_the_table_holds_what_must_be_in_it(build):
    scores = pd.read_parquet(build / "scores.parquet")
    means = scores.groupby("method").mean(numeric_only=True)
    assert set(means.index) == {method.name for method in reported(load_config("smoke"))}
    assert means.loc["noisy", "snr_db"] == pytest.approx(-8.0, abs=1e-6)
    assert means.loc["noisy", "si_sdr_improvement_db"] == 0
    assert means.loc["silence", "snr_db"] == pytest.approx(0.0, abs=1e-9)
    assert means.loc["constant gain", "snr_db"] == pytest.approx(0.64, abs=0.1)
    assert means.loc["ideal ratio mask", "si_sdr_improvement_db"] > 8
    assert scores.drop(columns="pesq", errors="ignore").notna().all(axis=None)


@pytest.mark.long
def test_two_runs_give_identical_tables(build, tmp_path):
    second = run_series(tmp_path, last=4)
    for name in ("scores", "sweep"):
        one, other = (pd.read_parquet(folder / f"{name}.parquet") for folder in (build, second))
        timed = one.columns.intersection(["milliseconds"])
        pd.testing.assert_frame_equal(
            one.drop(columns=timed), other.drop(columns=timed), check_exact=True
        )


def test_the_report_is_rendered_and_says_what_it_is(build, tmp_path):
    headline = export(build, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    pages = pages_of(PdfReader(tmp_path / "report.pdf"))
    check_pages(pages)
    gain = f"{headline['ours_si_sdr_improvement_db']:.1f}".replace("-", "\N{MINUS SIGN}")
    for text in (html, " ".join(pages)):
        assert "synthetic" in text and "smoke" in text
        assert f"{gain} dB" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert 'src="http' not in html and "<audio" in html
    for section in NOTEBOOKS:
        title = json.loads(section.read_text(encoding="utf-8"))["cells"][0]["source"][0]
        assert title.removeprefix("# ").strip().split("?")[0] in html
