"""lib.evaluation.folds: each clip is scored by its fold's network; scores are cached."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from rivals import FOLDS, Ear, half_clean, toy
from voices import configure, voice_store

from lib import metrics
from lib.errors import InputError, MissingArtifactError
from lib.evaluation import folds as evaluation
from lib.evaluation.examples import sounds_of
from lib.evaluation.folds import evaluate, kept_parts, recognised_digits, spectrogram_figure
from lib.evaluation.score import IMPROVED
from lib.methods import METHODS, Method, reported
from lib.models.published import ZScore, reference_features
from lib.workspace.folder import Run, write_json

pytestmark = pytest.mark.usefixtures("one_process")

CONFIG = configure(evaluation={"max_clips": 4})
MARK = Method("fold", lambda run, fold: lambda noisy, rate: np.full_like(noisy, 10.0**-fold), "red")
TOYS = [METHODS["noisy"], METHODS["silence"], half_clean(0.8), MARK]
SCALE = {"noisy_mean": 0.0, "noisy_std": 1.0, "clean_mean": 0.3, "clean_std": 2.0}


@pytest.fixture(scope="module")
def store():
    return voice_store(CONFIG, speakers=4, digits=2, repetitions=2)


@pytest.fixture(autouse=True)
def _ears(monkeypatch):
    """Let the recogniser of each fold recognise the fold's number."""
    monkeypatch.setattr(evaluation, "open_trained", lambda run, name, fold: Ear(fold))


def new_run(folder):
    """Return a run with the published variant's z-score recorded in every fold."""
    run = Run(corpus="sample", config=CONFIG, data_dir="", dir=folder)
    for fold in range(3):
        write_json(run.path(f"models/reference-as-published-fold{fold}.json"), {"scale": SCALE})
    return run


@pytest.fixture
def run(tmp_path):
    return new_run(tmp_path)


@pytest.fixture(scope="module")
def scores(store, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "open_trained", lambda run, name, fold: Ear(fold))
        return evaluate(new_run(tmp_path_factory.mktemp("run")), store, FOLDS, TOYS)


def untimed(table):
    return table.drop(columns="milliseconds")


# --- which network scores which clip ---------------------------------------------------------


def test_every_speaker_is_scored_once_in_their_own_fold(scores):
    assert not scores.duplicated(["clip_id", "method"]).any()
    assert (scores.groupby(["speaker", "method"]).size() == 1).all()  # 4 clips of 4 speakers
    assert scores["speaker"].map(FOLDS.set_index("speaker")["fold"]).equals(scores["fold"])
    assert scores.drop(columns="pesq", errors="ignore").notna().all(axis=None)
    expected = {"clip_id", "speaker", "digit", "fold", "method", "noise", "input_snr_db",
                "spectrogram_snr_db", "milliseconds", "recognised", *metrics.METRICS,
                *IMPROVED.values()}  # fmt: skip
    assert set(scores.columns) == expected


def test_a_clip_is_denoised_by_the_method_of_its_fold(scores, store):
    marks = scores[scores["method"] == "fold"]
    clean_of = {clip: store.clean(row) for row, clip in enumerate(store.index["clip_id"])}
    for mark in marks.itertuples():
        clean = clean_of[mark.clip_id]
        expected = metrics.snr(clean, np.full_like(clean, 10.0**-mark.fold))
        assert mark.snr_db == expected


def test_the_published_figure_is_taken_with_the_z_score_of_the_fold(scores, store):
    row_of = {clip: row for row, clip in enumerate(store.index["clip_id"])}
    for clip in scores[scores["method"] == "noisy"].itertuples():
        ends = (store.clean(row_of[clip.clip_id]), store.noisy(row_of[clip.clip_id]))
        expected = metrics.spectrogram_snr(
            *(ZScore(**SCALE).targets(reference_features(y, 8000)) for y in ends)
        )
        assert clip.spectrogram_snr_db == pytest.approx(expected, abs=1e-6)


def test_the_methods_are_those_of_every_report_unless_others_are_named(run, store, monkeypatch):
    with pytest.MonkeyPatch.context() as patch:
        for method in METHODS.values():
            if not method.compared:
                stand_in = dataclasses.replace(METHODS["noisy"], name=method.name)
                patch.setitem(METHODS, method.name, stand_in)
        scores = evaluate(run, store, FOLDS)
        assert scores["method"].unique().tolist() == [m.name for m in reported(CONFIG)]


def test_without_the_noisy_clips_there_is_no_improvement(run, store):
    with pytest.raises(InputError, match="'noisy'"):
        evaluate(run, store, FOLDS, [MARK])


def test_two_runs_give_the_same_table(run, store, scores):
    again = evaluate(run, store, FOLDS, TOYS)
    pd.testing.assert_frame_equal(untimed(scores), untimed(again), check_exact=True)


# --- caching ---------------------------------------------------------------------------------


@pytest.fixture
def asked():
    """The methods whose denoisers were opened, with the fold, in order."""
    return []


@pytest.fixture
def methods(asked):
    """The noisy input, a network and an untrained method, each of which records its calls."""

    def counted(name, **facts):
        def denoiser(run, fold):
            asked.append((name, fold))
            return lambda noisy, rate: noisy

        return Method(name, denoiser, "black", **facts)

    return [counted("noisy"), counted("ours", trained=True), counted("toy")]


ALL = [(name, fold) for fold in range(3) for name in ("noisy", "ours", "toy")]


def test_an_interrupted_evaluation_goes_on_after_the_last_whole_method(run, store, methods, asked):
    def interrupt(run, fold):
        if fold == 1 and ("stopped", 1) not in asked:
            asked.append(("stopped", 1))
            raise KeyboardInterrupt
        return methods[1].denoiser(run, fold)

    stopping = [methods[0], dataclasses.replace(methods[1], denoiser=interrupt), methods[2]]
    with pytest.raises(KeyboardInterrupt):
        evaluate(run, store, FOLDS, stopping)
    table = evaluate(run, store, FOLDS, stopping)
    asked.remove(("stopped", 1))
    assert asked == ALL  # each once
    assert sorted(table.loc[table["method"] == "ours", "speaker"]) == ["01", "02", "03", "04"]
    again = evaluate(run, store, FOLDS, stopping)
    pd.testing.assert_frame_equal(table, again)  # including milliseconds: all was cached
    assert asked == ALL


def test_only_what_changed_is_scored_again(run, store, methods, asked, monkeypatch):
    def score_again(run=run, store=store, folds=FOLDS):
        asked.clear()
        table = evaluate(run, store, folds, methods)
        return table, list(asked)

    def leave(name, **facts):
        write_json(run.path(f"models/{name}.json"), {"fingerprint": "of another network"} | facts)

    assert score_again()[1] == ALL
    assert score_again()[1] == []
    leave("ours-fold1")
    assert score_again()[1] == [("ours", 1)]
    leave("recogniser-fold2")
    assert score_again()[1] == ALL[6:]
    leave("reference-as-published-fold0", scale=SCALE | {"clean_std": 3.0})
    assert score_again()[1] == ALL[:3]
    methods[2] = toy("toy", lambda noisy, rate: 0.5 * noisy)
    table, again = score_again()
    assert again == [] and (table.loc[table["method"] == "toy", "snr_db"] > -8 + 1).all()
    assert len(list(run.path("scores").rglob("*.parquet"))) == 9  # older tables were deleted
    moved = FOLDS.assign(fold=[0, 1, 2, 2])
    assert score_again(folds=moved)[1] == [ALL[0], ALL[1], ALL[6], ALL[7]]
    rest = configure(CONFIG, statistics={"permutations": 99}, tuning={"epochs": 99})
    run = dataclasses.replace(run, config=rest)
    assert score_again(run, folds=moved)[1] == []  # no score depends on these
    louder = dataclasses.replace(run, config=configure(rest, noise={"snr_db": 0.0}))
    assert score_again(louder)[1] == [call for call in ALL if call[0] != "toy"]
    clips = store.clips.copy()
    clips[:, 5] += 1e-3
    store = dataclasses.replace(store, clips=clips)
    assert score_again(louder, store)[1] == [call for call in ALL if call[0] != "toy"]
    monkeypatch.setitem(metrics.METRICS, "new", metrics.estoi)  # an optional package is installed
    table, again = score_again(louder, store)
    assert "new" in table and again == [call for call in ALL if call[0] != "toy"]


def test_parts_are_named_by_fold_and_method_and_say_where_they_come_from(run, store, methods):
    evaluate(run, store, FOLDS, methods)
    parts = kept_parts(run, store, FOLDS, methods[1])
    assert [part for part, _ in parts] == [f"scores/fold{fold}/ours" for fold in range(3)]
    assert all(run.keeps(*part) for part in parts)
    assert all(origin["packages"]["numpy"] for origin in run.origins("scores"))


# --- recognition, and the published figure ---------------------------------------------------


def test_the_digit_heard_is_written_down_for_every_method(scores):
    silent = scores["method"] == "silence"
    assert (scores.loc[silent, "recognised"] == 9).all()
    assert scores.loc[~silent, "recognised"].equals(scores.loc[~silent, "fold"])


def test_clean_speech_is_heard_by_the_recogniser_of_its_fold(run, store, scores):
    heard = recognised_digits(run, store, scores)
    clean = heard[heard["method"] == "clean"]
    assert sorted(clean["clip_id"]) == sorted(scores["clip_id"].unique())
    assert (clean["recognised"] == clean["fold"]).all()
    owner = scores.drop_duplicates("clip_id").set_index("clip_id")[["speaker", "digit", "fold"]]
    pd.testing.assert_frame_equal(
        clean.set_index("clip_id")[["speaker", "digit", "fold"]].sort_index(), owner.sort_index()
    )
    others = heard[heard["method"] != "clean"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, scores[others.columns])


def test_examples_are_what_our_network_of_the_fold_made(run, store):
    def louder(run, fold):
        return lambda noisy, rate: (fold + 2) * noisy

    table = evaluate(run, store, FOLDS, [METHODS["noisy"], Method("ours", louder, "red")])
    clips = [clip for _, clip in table.drop_duplicates("clip_id").iterrows()]
    row_of = {clip: row for row, clip in enumerate(store.index["clip_id"])}
    for clip, sounds in zip(clips, sounds_of(run, store, clips), strict=True):
        row = row_of[clip["clip_id"]]
        np.testing.assert_array_equal(sounds["clean"], store.clean(row))
        np.testing.assert_array_equal(sounds["noisy"], store.noisy(row))
        np.testing.assert_allclose(
            sounds["denoised"], (clip["fold"] + 2) * store.noisy(row), rtol=1e-6
        )


def test_examples_of_what_was_not_scored_name_what_to_run(run, store):
    clip = pd.Series({"clip_id": store.index["clip_id"].iat[0], "fold": 0})
    with pytest.raises(MissingArtifactError, match="make report CORPUS=sample"):
        sounds_of(run, store, [clip])


def test_the_published_figure_of_zeros_is_0_db_and_of_a_perfect_output_the_highest(
    run, store, monkeypatch
):
    scale = ZScore(**SCALE)

    class Knowing:
        """Stand-in for the published variant that returns the magnitudes of the clean clips."""

        def __init__(self):
            self.scale = scale

        def magnitudes(self, noisy):
            row = next(r for r in range(len(store)) if np.array_equal(store.noisy(r), noisy))
            return reference_features(store.clean(row), 8000)

    monkeypatch.setattr(evaluation, "open_trained", lambda *_: Knowing())
    table = spectrogram_figure(run, store, FOLDS, about=3)
    assert sorted(table["speaker"]) == ["01", "02", "03", "04"]
    np.testing.assert_allclose(table["zeros"], 0, atol=1e-9)
    assert (table["reference as published"] > 60).all()
    assert (table["noisy input"] < 20).all()
