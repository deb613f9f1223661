"""lib.evaluation.score: one estimate, methods with known scores, and improvements."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from rivals import SCALE, Ear, half_clean, toy
from voices import configure, voice_store

from lib import metrics
from lib.config import Config
from lib.errors import InputError
from lib.evaluation.score import IMPROVED, add_improvements, score_estimate, score_method
from lib.methods import METHODS
from lib.models.published import reference_features
from lib.workspace.folder import Run

pytestmark = pytest.mark.usefixtures("one_process")

RUN = Run(corpus="sample", config=Config(), data_dir="", dir=None)
NOISY, SILENCE, GAIN = (METHODS[name] for name in ("noisy", "silence", "constant gain"))
PERFECT = half_clean(1.0, "perfect")


@pytest.fixture(scope="module")
def store():
    return voice_store(Config(), speakers=4, digits=2, repetitions=2)


def score(method, store, rows=(0, 5, 9), **options):
    return score_method(method, method.open(RUN, 0), store, np.array(rows), **options)


def untimed(table):
    return table.drop(columns="milliseconds")


def in_noise(store, **noise):
    """Return the same clips under another condition."""
    return dataclasses.replace(store, config=configure(store.config, noise=noise))


# --- one estimate ----------------------------------------------------------------------------


def test_the_published_figure_is_taken_on_z_scored_spectrograms(store):
    clean, noisy = store.clean(0), store.noisy(0)
    scores = score_estimate(clean, noisy, 8000, SCALE)
    target, estimate = (SCALE.targets(reference_features(y, 8000)) for y in (clean, noisy))
    expected = 10 * np.log10(np.sum(target**2) / np.sum((target - estimate) ** 2))
    assert scores.pop("spectrogram_snr_db") == pytest.approx(expected, abs=1e-4)
    assert scores == score_estimate(clean, noisy, 8000) | {"estoi": scores["estoi"]}


# --- one method ------------------------------------------------------------------------------


def test_scores_of_methods_with_known_answers(store):
    noisy, silence, perfect = (score(m, store) for m in (NOISY, SILENCE, PERFECT))
    np.testing.assert_allclose(noisy["snr_db"], -8, atol=1e-6)
    np.testing.assert_allclose(silence["snr_db"], 0, atol=1e-9)
    np.testing.assert_allclose(perfect["snr_db"], 100, atol=1e-6)
    np.testing.assert_allclose(perfect["log_spectral_distance_db"], 0, atol=1e-9)
    assert noisy["clip_id"].tolist() == store.index.loc[[0, 5, 9], "clip_id"].tolist()
    assert noisy["speaker"].tolist() == store.index.loc[[0, 5, 9], "speaker"].tolist()
    assert (noisy["milliseconds"] >= 0).all()
    assert noisy[["noise", "input_snr_db"]].drop_duplicates().values.tolist() == [["white", -8.0]]


def test_a_method_sees_the_own_samples_and_the_rate_and_only_oracles_the_clean_clip(store):
    seen = []

    def spy(*arguments):
        seen.append(arguments)
        return arguments[0]

    score(toy("spy", spy), store, [5])
    score(toy("spy", spy, oracle=True), store, [5])
    (noisy, rate), (_, _, clean) = seen
    np.testing.assert_array_equal(noisy, store.noisy(5))
    np.testing.assert_array_equal(clean, store.clean(5))
    assert len(noisy) == store.index["samples"].iat[5]
    assert rate == 8000


def test_the_condition_is_that_of_the_store(store):
    table = score(NOISY, in_noise(store, kind="pink", snr_db=0.0))
    np.testing.assert_allclose(table["snr_db"], 0, atol=1e-6)
    assert (table["noise"] == "pink").all()
    assert (table["input_snr_db"] == 0).all()


def test_a_table_depends_on_neither_order_nor_company(store):
    one = untimed(score(GAIN, store, [0, 5, 9], scale=SCALE)).set_index("clip_id")
    other = untimed(score(GAIN, store, [11, 9, 5, 0], scale=SCALE)).set_index("clip_id")
    pd.testing.assert_frame_equal(one, other.loc[one.index], check_exact=True)


def test_every_clip_is_ticked_off(store):
    ticks = []
    score(NOISY, store, tick=lambda: ticks.append(1))
    assert len(ticks) == 3


@pytest.mark.parametrize("wrong", [lambda y: y[:-1], lambda y: y[None], lambda y: y.sum()])
def test_a_method_that_changes_the_length_is_named(store, wrong):
    with pytest.raises(InputError, match=r"bad method returned shape .* must keep the length"):
        score(toy("bad method", lambda noisy, rate: wrong(noisy)), store)


def test_a_method_that_returns_nan_throughout_is_named(store):
    with pytest.raises(InputError, match=r"bad method.*all 3 clips, such as 0_01_0"):
        score(toy("bad method", lambda noisy, rate: noisy * np.nan), store)


def test_a_method_that_fails_on_one_clip_has_no_scores_there(store):
    odd = store.noisy(5)
    method = toy("odd", lambda noisy, rate: noisy * (np.nan if noisy[0] == odd[0] else 1))
    table = score(method, store, scale=SCALE, recogniser=Ear(7))
    names = [*metrics.METRICS, "spectrogram_snr_db"]
    assert table[names].isna().all(axis=1).tolist() == [False, True, False]
    assert table["recognised"].tolist() == [7, 9, 7]  # `Ear` returns 9 for silence


# --- improvements ----------------------------------------------------------------------------


def test_an_improvement_is_the_estimate_minus_the_noisy_clip(store):
    stores = [in_noise(store, **noise) for noise in ({}, {"snr_db": 0.0}, {"kind": "pink"})]
    tables = [score(method, each) for method in (GAIN, NOISY, PERFECT) for each in stores]
    table = add_improvements(pd.concat(tables[::-1], ignore_index=True))
    for _, clip in table.groupby(["clip_id", "noise", "input_snr_db"]):
        before = clip[clip["method"] == "noisy"].iloc[0]
        for value in ("snr", "si_sdr"):
            expected = clip[f"{value}_db"] - before[f"{value}_db"]
            np.testing.assert_array_equal(clip[f"{value}_improvement_db"], expected)
        np.testing.assert_array_equal(clip["estoi_improvement"], clip["estoi"] - before["estoi"])
    noisy = table[table["method"] == "noisy"]
    assert (noisy[list(IMPROVED.values())] == 0).all(axis=None)


def test_improvements_need_the_noisy_clip_under_the_same_condition(store):
    tables = [score(NOISY, store, [0]), score(GAIN, store, [0, 5])]
    with pytest.raises(InputError, match="need a score of the method 'noisy' for every clip"):
        add_improvements(pd.concat(tables, ignore_index=True))
    tables = [score(NOISY, store, [0]), score(GAIN, in_noise(store, snr_db=0.0), [0])]
    with pytest.raises(InputError, match="'noisy'"):
        add_improvements(pd.concat(tables, ignore_index=True))
