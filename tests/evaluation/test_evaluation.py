"""lib.evaluation and lib.scoring: toy methods with known answers, through to the headline."""

import dataclasses
import json

import joblib
import numpy as np
import pandas as pd
import pytest
from voices import configure, voice_store

from lib import metrics
from lib.errors import InputError
from lib.evaluation import compare as comparison
from lib.evaluation import folds as evaluation
from lib.evaluation.score import score_estimate
from lib.figures import scores as figures
from lib.methods.classical import Method, standard_methods
from lib.models.published import ReferenceScale, reference_features
from lib.statistics import intervals as statistics
from lib.workspace.folder import Run, write_json

CONFIG = configure(evaluation={"max_clips": 4}, statistics={"bootstrap_draws": 50})
SCALE = ReferenceScale(0.0, 1.0, 0.3, 2.0)
NOISY, SILENCE, GAIN = standard_methods(CONFIG)[:3]
PERFECT = Method("perfect", lambda noisy, sample_rate, clean: clean, oracle=True)


@pytest.fixture(scope="module")
def store():
    return voice_store(CONFIG, speakers=4, digits=2, repetitions=2)


@pytest.fixture(scope="module", autouse=True)
def _one_worker():
    """No processes for a dozen clips."""
    with joblib.parallel_config(backend="sequential"):
        yield


def score(method, store, rows=(0, 5, 9), **options):
    return evaluation.score_method(method, store, np.array(rows), **options)


def untimed(table):
    return table.drop(columns="milliseconds")


# --- one estimate ----------------------------------------------------------------------------


def test_the_published_figure_is_taken_on_z_scored_spectrograms(store):
    clean, noisy = store.clean(0), store.noisy(0)
    scores = score_estimate(clean, noisy, 8000, SCALE)
    target, estimate = (SCALE.z_score(reference_features(y, 8000)) for y in (clean, noisy))
    expected = 10 * np.log10(np.sum(target**2) / np.sum((target - estimate) ** 2))
    assert scores.pop("spectrogram_snr_db") == pytest.approx(expected, abs=1e-4)
    assert scores == score_estimate(clean, noisy, 8000) | {"estoi": scores["estoi"]}


# --- one method ------------------------------------------------------------------------------


def test_scores_of_methods_with_known_answers(store):
    noisy, silence, perfect = (score(m, store) for m in (NOISY, SILENCE, PERFECT))
    np.testing.assert_allclose(noisy["snr_db"], -8, atol=1e-6)
    np.testing.assert_allclose(silence["snr_db"], 0, atol=1e-9)
    np.testing.assert_allclose(perfect["snr_db"], 100, atol=1e-6)
    assert (perfect["log_spectral_distance_db"] == 0).all()
    assert noisy["clip_id"].tolist() == store.index.loc[[0, 5, 9], "clip_id"].tolist()
    assert noisy["speaker"].tolist() == store.index.loc[[0, 5, 9], "speaker"].tolist()
    assert (noisy["milliseconds"] >= 0).all()
    assert noisy[["noise", "input_snr_db"]].drop_duplicates().values.tolist() == [["white", -8.0]]


def test_a_method_sees_the_own_samples_and_the_rate_and_only_oracles_the_clean_clip(store):
    seen = []

    def spy(*arguments):
        seen.append(arguments)
        return arguments[0]

    score(Method("spy", spy), store, [5])
    score(Method("spy", spy, oracle=True), store, [5])
    (noisy, rate), (_, _, clean) = seen
    np.testing.assert_array_equal(noisy, store.noisy(5))
    np.testing.assert_array_equal(clean, store.clean(5))
    assert len(noisy) == store.index["samples"].iat[5]
    assert rate == 8000


def test_a_condition_replaces_the_configured_one(store):
    table = score(NOISY, store, kind="pink", snr_db=0.0)
    np.testing.assert_allclose(table["snr_db"], 0, atol=1e-6)
    assert (table["noise"] == "pink").all()
    assert (table["input_snr_db"] == 0).all()


def test_a_table_depends_on_neither_order_nor_company(store):
    one = untimed(score(GAIN, store, [0, 5, 9], scale=SCALE)).set_index("clip_id")
    other = untimed(score(GAIN, store, [11, 9, 5, 0], scale=SCALE)).set_index("clip_id")
    pd.testing.assert_frame_equal(one, other.loc[one.index], check_exact=True)


@pytest.mark.parametrize("wrong", [lambda y: y[:-1], lambda y: y[None], lambda y: y.sum()])
def test_a_method_that_changes_the_length_is_named(store, wrong):
    with pytest.raises(InputError, match=r"bad method returned shape .* must keep the length"):
        score(Method("bad method", lambda noisy, rate: wrong(noisy)), store)


def test_a_method_that_returns_nan_throughout_is_named(store):
    with pytest.raises(InputError, match=r"bad method.*all 3 clips, such as 0_01_0"):
        score(Method("bad method", lambda noisy, rate: noisy * np.nan), store)


def test_a_method_that_fails_on_one_clip_has_no_scores_there(store):
    odd = store.noisy(5)
    method = Method("odd", lambda noisy, rate: noisy * (np.nan if noisy[0] == odd[0] else 1))
    table = score(method, store, scale=SCALE, recogniser=Ear(None, 7))
    names = [*metrics.METRICS, "spectrogram_snr_db"]
    assert table[names].isna().all(axis=1).tolist() == [False, True, False]
    assert table["recognised"].tolist() == [7, 9, 7]  # silence hears nothing


# --- improvements ----------------------------------------------------------------------------


def test_an_improvement_is_the_estimate_minus_the_noisy_clip(store):
    conditions = [{}, {"snr_db": 0.0}, {"kind": "pink"}]
    tables = [score(m, store, **c) for m in (GAIN, NOISY, PERFECT) for c in conditions]
    table = evaluation.add_improvements(pd.concat(tables[::-1], ignore_index=True))
    for _, clip in table.groupby(["clip_id", "noise", "input_snr_db"]):
        before = clip[clip["method"] == "noisy"].iloc[0]
        for value in ("snr", "si_sdr"):
            expected = clip[f"{value}_db"] - before[f"{value}_db"]
            np.testing.assert_array_equal(clip[f"{value}_improvement_db"], expected)
        np.testing.assert_array_equal(clip["estoi_improvement"], clip["estoi"] - before["estoi"])
    noisy = table[table["method"] == "noisy"]
    assert (noisy[list(evaluation.IMPROVED.values())] == 0).all(axis=None)


def test_improvements_need_the_noisy_clip_under_the_same_condition(store):
    tables = [score(NOISY, store, [0]), score(GAIN, store, [0, 5])]
    with pytest.raises(InputError, match="need a score of the method 'noisy' for every clip"):
        evaluation.add_improvements(pd.concat(tables, ignore_index=True))
    tables = [score(NOISY, store, [0]), score(GAIN, store, [0], snr_db=0.0)]
    with pytest.raises(InputError, match="'noisy'"):
        evaluation.add_improvements(pd.concat(tables, ignore_index=True))


# --- all folds -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folds():
    return pd.DataFrame({"speaker": ["01", "02", "03", "04"], "fold": [0, 1, 2, 0]})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(corpus="sample", config=CONFIG, data_dir="", dir=tmp_path_factory.mktemp("run"))


def toy_methods(run, fold):
    """Stand-ins for the trained models, and one whose output tells the fold."""
    trained = {"reference as published": 0.3, "reference repaired": 0.75, "ours": 0.8}

    def half_clean(share):
        return lambda noisy, rate, clean: (1 - share) * noisy + share * clean

    toys = [Method(name, half_clean(share), oracle=True) for name, share in trained.items()]
    mark = Method("fold", lambda noisy, rate: np.full_like(noisy, 10.0**-fold))
    return [*standard_methods(run.config), *toys, mark], SCALE


class Ear:
    """A stand-in for the recogniser: it hears the fold in speech and nothing in silence."""

    def __init__(self, run, fold):
        self.fold = fold

    def digits(self, clips):
        return np.array([self.fold if np.any(y) else 9 for y in clips])


@pytest.fixture(scope="module")
def scores(run, store, folds):
    return evaluation.evaluate_folds(run, store, folds, methods=toy_methods, recogniser=Ear)


def test_every_speaker_is_scored_once_in_their_own_fold(scores, folds):
    assert not scores.duplicated(["clip_id", "method"]).any()
    assert (scores.groupby(["speaker", "method"]).size() == 1).all()  # 4 clips of 4 speakers
    assert scores["speaker"].map(folds.set_index("speaker")["fold"]).equals(scores["fold"])
    assert scores.drop(columns="pesq", errors="ignore").notna().all(axis=None)
    expected = {"clip_id", "speaker", "digit", "fold", "method", "noise", "input_snr_db",
                "spectrogram_snr_db", "milliseconds", "recognised", *metrics.METRICS,
                *evaluation.IMPROVED.values()}  # fmt: skip
    assert set(scores.columns) == expected


def test_a_clip_is_denoised_by_the_methods_of_its_fold(scores, store):
    marks = scores[scores["method"] == "fold"]
    clean_of = {clip: store.clean(row) for row, clip in enumerate(store.index["clip_id"])}
    for mark in marks.itertuples():
        clean = clean_of[mark.clip_id]
        expected = metrics.snr(clean, np.full_like(clean, 10.0**-mark.fold))
        assert mark.snr_db == expected


def test_two_runs_give_the_same_table(run, store, folds, scores, tmp_path):
    other = dataclasses.replace(run, dir=tmp_path)
    again = evaluation.evaluate_folds(other, store, folds, methods=toy_methods, recogniser=Ear)
    pd.testing.assert_frame_equal(untimed(scores), untimed(again), check_exact=True)


def test_an_interrupted_evaluation_goes_on_after_the_last_whole_fold(
    run, store, folds, tmp_path, monkeypatch
):
    run, asked = dataclasses.replace(run, dir=tmp_path), []

    def methods(run, fold):
        asked.append(fold)
        if fold == 2 and len(asked) == 3:
            raise KeyboardInterrupt
        return [NOISY], None

    with pytest.raises(KeyboardInterrupt):
        evaluation.evaluate_folds(run, store, folds, methods=methods, recogniser=Ear)
    table = evaluation.evaluate_folds(run, store, folds, methods=methods, recogniser=Ear)
    assert asked == [0, 1, 2, 2]
    assert sorted(table["speaker"]) == ["01", "02", "03", "04"]
    again = evaluation.evaluate_folds(run, store, folds, methods=methods, recogniser=Ear)
    pd.testing.assert_frame_equal(table, again)
    assert len(asked) == 4  # all was kept
    write_json(run.path("models/ours-fold1.json"), {"fingerprint": "of a newly trained network"})
    evaluation.evaluate_folds(run, store, folds, methods=methods, recogniser=Ear)
    assert asked[4:] == [1]
    write_json(run.path("models/recogniser-fold2.json"), {"fingerprint": "of another ear"})
    evaluation.evaluate_folds(run, store, folds, methods=methods, recogniser=Ear)
    assert asked[5:] == [2]
    moved = folds.assign(fold=[0, 1, 2, 2])
    evaluation.evaluate_folds(run, store, moved, methods=methods, recogniser=Ear)
    assert asked[6:] == [0, 2]  # their speakers changed
    louder = dataclasses.replace(run, config=configure(CONFIG, noise={"snr_db": 0.0}))
    evaluation.evaluate_folds(louder, store, folds, methods=methods, recogniser=Ear)
    assert asked[8:] == [0, 1, 2]
    more = dataclasses.replace(
        louder, config=configure(louder.config, statistics={"permutations": 99})
    )
    evaluation.evaluate_folds(more, store, folds, methods=methods, recogniser=Ear)
    assert len(asked) == 11  # no score depends on it
    monkeypatch.setattr(metrics, "METRICS", metrics.METRICS | {"new": metrics.estoi})
    evaluation.evaluate_folds(more, store, folds, methods=methods, recogniser=Ear)
    assert asked[11:] == [0, 1, 2]  # an optional package came or went


def test_the_digit_heard_is_written_down_for_every_method(scores):
    silent = scores["method"] == "silence"
    assert (scores.loc[silent, "recognised"] == 9).all()
    assert scores.loc[~silent, "recognised"].equals(scores.loc[~silent, "fold"])


def test_clean_speech_is_heard_by_the_recogniser_of_its_fold(run, store, scores, monkeypatch):
    monkeypatch.setattr(evaluation, "load_recogniser", Ear)
    heard = evaluation.words_heard(run, store, scores)
    clean = heard[heard["method"] == "clean"]
    assert sorted(clean["clip_id"]) == sorted(scores["clip_id"].unique())
    assert (clean["recognised"] == clean["fold"]).all()
    owner = scores.drop_duplicates("clip_id").set_index("clip_id")[["speaker", "digit", "fold"]]
    pd.testing.assert_frame_equal(
        clean.set_index("clip_id")[["speaker", "digit", "fold"]].sort_index(), owner.sort_index()
    )
    others = heard[heard["method"] != "clean"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, scores[others.columns])


# --- summaries -------------------------------------------------------------------------------


def test_compare_gives_means_with_intervals_oracles_last(scores):
    rng = np.random.default_rng(0)
    table = comparison.compare(scores, rng=rng, draws=50)
    assert table["oracle"].tolist() == sorted(table["oracle"])
    assert set(table.loc[table["oracle"], "method"]) == set(comparison.ORACLES)
    for _, part in table.groupby("oracle"):
        assert part["si_sdr_db"].is_monotonic_increasing
    means = scores.groupby("method")["snr_db"].mean()
    np.testing.assert_allclose(table["snr_db"], means[table["method"]])
    assert (table["snr_db_low"] <= table["snr_db_high"]).all()
    right = scores.assign(right=scores["recognised"] == scores["digit"])
    share = right.groupby("method")["right"].mean()[table["method"]]
    np.testing.assert_allclose(table["accuracy"], share)
    assert 0 < table["accuracy"].max() < 1


HEARD = pd.DataFrame(
    [("a", 1, 1, 7), ("b", 1, 7, 1), ("c", 1, 2, 1), ("d", 3, 3, 3), ("e", 3, 5, 4)],
    columns=["clip_id", "digit", "noisy", "ours"],
).melt(["clip_id", "digit"], var_name="method", value_name="recognised")


def test_confusion_counts_digits_spoken_by_digits_recognised():
    counts = comparison.confusion(HEARD, "noisy")
    assert counts.shape == (10, 10)
    assert {(i, j): n for (i, j), n in np.ndenumerate(counts) if n} == {
        (1, 1): 1, (1, 7): 1, (1, 2): 1, (3, 3): 1, (3, 5): 1,
    }  # fmt: skip
    assert comparison.confusion(HEARD, "ours")[1, 1] == 2


def test_words_are_repaired_broken_kept_or_lost():
    changed = comparison.words_changed(HEARD, "noisy", "ours").set_index("digit")
    assert changed.loc[1].to_dict() == {
        "repaired": 2, "broken": 1, "kept": 0, "lost": 0, "clips": 3
    }  # fmt: skip
    assert changed.loc[3].to_dict() == {
        "repaired": 0, "broken": 0, "kept": 1, "lost": 1, "clips": 2
    }  # fmt: skip


def test_compare_takes_pesq_over_the_clips_that_have_it(scores):
    some = scores.assign(pesq=np.where(scores["digit"] == 0, 2.0, np.nan))
    some.loc[some["method"] == "silence", "pesq"] = np.nan
    table = comparison.compare(some, rng=np.random.default_rng(0), draws=50).set_index("method")
    assert table["pesq"].drop("silence").eq(2.0).all()
    assert table.loc["silence", ["pesq", "pesq_low", "pesq_high"]].isna().all()
    without = scores.drop(columns="pesq", errors="ignore")
    other = comparison.compare(without, rng=np.random.default_rng(0), draws=50).set_index("method")
    pd.testing.assert_frame_equal(other, table[other.columns])  # no other number moves


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_a_metric_without_a_value_for_a_clip_is_missing_there_and_counted(scores, run, metric):
    clip = scores["clip_id"].iat[0]
    some = scores.copy()
    some.loc[some["clip_id"] == clip, metric] = np.nan
    some = evaluation.add_improvements(some)
    assert comparison.undefined(some).to_dict("records") == [
        {"metric": metric, "clips": 1, "ours": 1, "of": 4}
    ]
    rng, rest = np.random.default_rng(0), some[some["clip_id"] != clip]
    table = comparison.compare(some, rng=rng, draws=50).set_index("method")
    means = rest.groupby("method")[metric].mean()
    np.testing.assert_allclose(table[metric], means[table.index])
    shown = {metric: metric, "si_sdr_improvement_db": "SI-SDR", "snr_improvement_db": "SNR"}
    figures.method_comparison(table.reset_index(), shown)
    if metric in evaluation.IMPROVED:
        gain = evaluation.IMPROVED[metric]
        assert some.loc[some["clip_id"] == clip, gain].isna().all()
        figures.distribution(some, ["ours", "Wiener"], gain, "gain")
        tables = {
            method: statistics.by_group(
                some[some["method"] == method], "speaker", gain, rng=rng, draws=50
            )
            for method in ("ours", "Wiener")
        }
        figures.by_group_intervals(tables, "speaker", "gain")
    leads = comparison.leads(some, metric, rng=rng, draws=50).set_index("method")
    assert leads.loc["noisy", "n_clips"] == 3 and leads["better"].isin([0, 1 / 3, 2 / 3, 1]).all()
    json.dumps(comparison.headline(some, run), allow_nan=False)


def test_silence_is_no_reason_to_count_a_metric_as_missing(scores):
    some = scores.assign(estoi=scores["estoi"].where(scores["method"] != "silence"))
    assert comparison.undefined(some).empty


def test_headline_is_flat_plain_and_right(scores, run):
    facts = comparison.headline(scores, run)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert all(type(fact) in (float, int, str) for fact in facts.values())
    assert (facts["n_clips"], facts["n_speakers"], facts["n_folds"]) == (4, 4, 3)
    ours = scores[scores["method"] == "ours"]
    assert facts["ours_si_sdr_improvement_db"] == pytest.approx(
        ours["si_sdr_improvement_db"].mean()
    )
    low, high = facts["ours_snr_db_low"], facts["ours_snr_db_high"]
    assert low <= facts["ours_snr_db"] <= high
    assert facts["noisy_snr_improvement_db"] == 0
    assert facts["best_peer"] == "reference repaired"  # the best that is neither ours nor oracle
    assert facts["irm_si_sdr_improvement_db"] > facts["best_peer_si_sdr_improvement_db"]
    assert facts == comparison.headline(scores, run)
    assert [facts[k] for k in ("noise", "input_snr_db", "level")] == ["white", -8.0, "exactly"]


def test_the_condition_of_files_of_several_snrs_is_their_mean():
    noisy = pd.DataFrame({"method": "noisy", "noise": "supplied", "snr_db": [-10.0, -7.0]})
    told = comparison.condition(pd.concat([noisy, noisy.assign(method="ours", snr_db=3.0)]))
    assert told == {"noise": "supplied", "input_snr_db": -8.5, "level": "on average"}
