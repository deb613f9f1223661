"""lib.evaluation.sweep: known improvements in every noise, the voices in babble, the summary."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from voices import configure, voice_store

from lib.evaluation import sweep
from lib.methods import METHODS, Method
from lib.metrics import si_sdr
from lib.signals.noise import NOISES
from lib.workspace.folder import Run, write_json

CONFIG = configure(evaluation={"sweep_clips": 3})
FOLDS = pd.DataFrame({"speaker": ["01", "02", "03"], "fold": [0, 1, 2]})
CONDITION = ["noise", "input_snr_db"]


@pytest.fixture(scope="module")
def store():
    return voice_store(CONFIG, speakers=3, digits=2, repetitions=2)


@pytest.fixture
def run(tmp_path):
    return Run(corpus="sample", config=CONFIG, data_dir="", dir=tmp_path)


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Two methods: unchanged input, and the clean clip with an error 20 dB below it.

    Returns the methods whose denoisers were opened, with the fold, in order.
    """
    calls = []

    def nearly(noisy, rate, clean):
        error = np.random.default_rng(0).normal(size=len(clean))
        error -= clean * (error @ clean) / (clean @ clean)
        return clean + 0.1 * error * np.linalg.norm(clean) / np.linalg.norm(error)

    def method(name, denoise, **facts):
        def denoiser(run, fold):
            calls.append((name, fold))
            return denoise

        return Method(name, denoiser, "black", **facts)

    same = method("same", lambda noisy, rate: noisy)
    monkeypatch.setitem(METHODS, "same", same)
    monkeypatch.setitem(METHODS, "20 dB", method("20 dB", nearly, oracle=True))
    return calls


TOYS = ("same", "20 dB")
ALL = [(name, fold) for fold in range(3) for name in TOYS]


def test_gains_are_those_of_the_clip_under_its_condition(run, store):
    table = sweep.sweep_folds(run, store, FOLDS, TOYS)
    assert table.groupby([*CONDITION, "method", "speaker"]).size().eq(1).all()
    assert len(table) == 3 * 2 * len({*NOISES, "babble"}) * len(sweep.INPUT_SNRS_DB)
    assert (table.loc[table["method"] == "same", "si_sdr_improvement_db"] == 0).all()
    row = {clip: row for row, clip in enumerate(store.index["clip_id"])}
    for clip in table[table["method"] == "20 dB"].itertuples():
        talkers = store.rows_of([{"01": "02", "02": "03", "03": "01"}[clip.speaker]])
        noisy = store.noisy(
            row[clip.clip_id], kind=clip.noise, snr_db=clip.input_snr_db, talkers=talkers
        )
        before = si_sdr(store.clean(row[clip.clip_id]), noisy)
        assert clip.si_sdr_improvement_db == pytest.approx(20 - before, abs=1e-6)


def test_a_corpus_with_too_few_voices_does_without_babble(run):
    """With one clip for each of three speakers, a fold has only one voice for babble."""
    few = voice_store(CONFIG, speakers=3, digits=1)
    assert sweep.noises(few, FOLDS) == ("white", "pink")
    table = sweep.sweep_folds(run, few, FOLDS, TOYS)
    assert set(table["noise"]) == {"white", "pink"} and len(table) == 2 * 7 * 2 * 3


def test_babble_holds_neither_the_speaker_nor_a_training_speaker(run, store, monkeypatch):
    used = []
    original = type(store).noisy
    monkeypatch.setattr(
        type(store), "noisy", lambda self, row, **how: (
            used.append((row, how["talkers"])) or original(self, row, **how)
        ),
    )  # fmt: skip
    sweep.sweep_folds(run, store, FOLDS, TOYS)
    speaker = store.index["speaker"]
    heard = {(speaker[row], *speaker[talkers].unique()) for row, talkers in used}
    assert heard == {("01", "02"), ("02", "03"), ("03", "01")}  # of the validation speaker


def test_a_method_that_returns_nan_has_no_gain(run, store, monkeypatch):
    silent = Method("nan", lambda run, fold: lambda noisy, rate: noisy * np.nan, "black")
    monkeypatch.setitem(METHODS, "nan", silent)
    table = sweep.sweep_folds(run, store, FOLDS, ["nan"])
    assert table["si_sdr_improvement_db"].isna().all()


def test_the_swept_are_a_filter_our_network_and_the_ceiling(run, store, monkeypatch):
    for name in ("Wiener", "ours", "ideal ratio mask"):
        monkeypatch.setitem(METHODS, name, dataclasses.replace(METHODS["same"], name=name))
    monkeypatch.setattr(sweep, "INPUT_SNRS_DB", (0.0,))
    table = sweep.sweep_folds(run, store, FOLDS)
    assert table["method"].unique().tolist() == ["Wiener", "ours", "ideal ratio mask"]


def test_a_new_noise_is_swept(run, store, monkeypatch):
    monkeypatch.setitem(NOISES, "ones", lambda n, rng: np.ones(n))
    table = sweep.sweep_folds(run, store, FOLDS, ["same"])
    assert table["noise"].unique().tolist() == ["white", "pink", "ones", "babble"]


def test_a_fold_is_swept_once_and_again_with_other_clips_or_networks(run, store, asked):
    first = sweep.sweep_folds(run, store, FOLDS, TOYS)
    pd.testing.assert_frame_equal(first, sweep.sweep_folds(run, store, FOLDS, TOYS))
    assert asked == ALL
    more = dataclasses.replace(run, config=configure(CONFIG, evaluation={"sweep_clips": 6}))
    assert len(sweep.sweep_folds(more, store, FOLDS, TOYS)) == 2 * len(first)
    assert asked == ALL * 2


def test_a_newly_trained_network_is_swept_again_in_its_fold(run, store, asked, monkeypatch):
    ours = dataclasses.replace(METHODS["same"], name="ours", trained=True)
    monkeypatch.setitem(METHODS, "ours", ours)
    sweep.sweep_folds(run, store, FOLDS, ["ours"])
    asked.clear()
    write_json(run.path("models/ours-fold1.json"), {"fingerprint": "of a newly trained network"})
    sweep.sweep_folds(run, store, FOLDS, ["ours"])
    assert asked == [("same", 1)]


def curves(**gains):
    """Return mean improvements per noise at 10, -10 and 0 dB, with limits 1 dB either side."""
    rows = [
        {"noise": noise, "method": "ours", "input_snr_db": snr, "estimate": gain,
         "low": gain - 1, "high": gain + 1}
        for noise, line in gains.items()
        for snr, gain in zip((10.0, -10.0, 0.0), line)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_summary_says_what_happens_at_the_top_and_where_gains_end():
    table = sweep.summary(
        curves(white=(3, 9, 6), pink=(-2, 9, 2), babble=(-0.5, -3, 1), hum=(-4, -4, -4)), "ours"
    ).set_index("noise")
    assert table["input_snr_db"].eq(10).all()
    assert table["estimate"].tolist() == [3, -2, -0.5, -4]
    assert table["low"].tolist() == [2, -3, -1.5, -5]
    np.testing.assert_allclose(table["from_db"], [-10, -10, -2.5, np.nan])
    np.testing.assert_allclose(table["to_db"], [10, 5, 20 / 3, np.nan])
    assert sweep.summary(curves(white=(3, 9, 6)), "Wiener").empty
