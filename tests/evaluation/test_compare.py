"""lib.evaluation.compare: means, leads and the headline from the scores of toy methods."""

import json

import numpy as np
import pandas as pd
import pytest
from rivals import rated
from voices import configure, voice_store

from lib import metrics
from lib.evaluation import compare as comparison
from lib.evaluation.score import IMPROVED, add_improvements
from lib.figures import scores as figures
from lib.methods import METHODS
from lib.workspace.folder import Run

pytestmark = pytest.mark.usefixtures("one_process")

CONFIG = configure(evaluation={"max_clips": 4}, statistics={"bootstrap_draws": 50})
RUN = Run(corpus="sample", config=CONFIG, data_dir="", dir=None)


@pytest.fixture(scope="module")
def scores():
    return rated(RUN, voice_store(CONFIG, speakers=4, digits=2, repetitions=2))


def test_compare_gives_means_with_intervals_oracles_last(scores):
    rng = np.random.default_rng(0)
    table = comparison.compare(scores, rng=rng, draws=50)
    assert table["oracle"].tolist() == sorted(table["oracle"])
    assert set(table.loc[table["oracle"], "method"]) == {
        m.name for m in METHODS.values() if m.oracle
    }
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
    assert counts.shape == (8, 8)  # 7 is the highest digit spoken or recognised
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
    pd.testing.assert_frame_equal(other, table[other.columns])  # no other number changes


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_a_metric_without_a_value_for_a_clip_is_missing_there_and_counted(scores, metric):
    clip = scores["clip_id"].iat[0]
    some = scores.copy()
    some.loc[some["clip_id"] == clip, metric] = np.nan
    some = add_improvements(some)
    assert comparison.undefined(some).to_dict("records") == [
        {"metric": metric, "clips": 1, "ours": 1, "of": 4}
    ]
    rng, rest = np.random.default_rng(0), some[some["clip_id"] != clip]
    table = comparison.compare(some, rng=rng, draws=50).set_index("method")
    means = rest.groupby("method")[metric].mean()
    np.testing.assert_allclose(table[metric], means[table.index])
    shown = {metric: metric, "si_sdr_improvement_db": "SI-SDR", "snr_improvement_db": "SNR"}
    figures.method_comparison(table.reset_index(), shown)
    if metric in IMPROVED:
        gain = IMPROVED[metric]
        assert some.loc[some["clip_id"] == clip, gain].isna().all()
        figures.distribution(some, ["ours", "Wiener"], gain, "gain")
    leads = comparison.leads(some, metric, rng=rng, draws=50).set_index("method")
    assert leads.loc["noisy", "n_clips"] == 3 and leads["better"].isin([0, 1 / 3, 2 / 3, 1]).all()
    json.dumps(comparison.headline(some, RUN), allow_nan=False)


def test_silence_is_no_reason_to_count_a_metric_as_missing(scores):
    some = scores.assign(estoi=scores["estoi"].where(scores["method"] != "silence"))
    assert comparison.undefined(some).empty


def test_headline_is_flat_plain_and_right(scores):
    facts = comparison.headline(scores, RUN)
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
    assert facts["best_peer"] == "reference repaired"  # the best apart from ours and oracles
    assert facts["irm_si_sdr_improvement_db"] > facts["best_peer_si_sdr_improvement_db"]
    assert facts == comparison.headline(scores, RUN)
    assert [facts[k] for k in ("noise", "input_snr_db", "level")] == ["white", -8.0, "exactly"]


def test_the_condition_of_files_of_several_snrs_is_their_mean():
    noisy = pd.DataFrame({"method": "noisy", "noise": "supplied", "snr_db": [-10.0, -7.0]})
    told = comparison.condition(pd.concat([noisy, noisy.assign(method="ours", snr_db=3.0)]))
    assert told == {"noise": "supplied", "input_snr_db": -8.5, "level": "on average"}


def test_the_lead_is_taken_clip_by_clip():
    rows = [("a", "s", "ours", 3.0), ("b", "t", "ours", 5.0), ("c", "t", "ours", 5.0),
            ("b", "t", "Wiener", 1.0), ("a", "s", "Wiener", 4.0), ("c", "t", "Wiener", 2.0),
            ("a", "s", "ideal ratio mask", 9.0)]  # fmt: skip
    scores = pd.DataFrame(rows, columns=["clip_id", "speaker", "method", "si_sdr_db"])
    (lead,) = comparison.leads(scores, "si_sdr_db", rng=np.random.default_rng(0), draws=50).to_dict(
        "records"
    )
    assert (lead["method"], lead["lead"]) == ("Wiener", 2.0)  # -1, 4 and 3
    assert lead["better"] == pytest.approx(2 / 3)
    assert lead["lead_low"] < 2 < lead["lead_high"]


# --- our network, trained differently --------------------------------------------------------


def test_our_network_trained_otherwise_is_no_rival(scores):
    """The best peer, which the abstract names, is never one of our networks."""
    better = scores[scores["method"] == "ours"].assign(method="ours from scratch")
    better["si_sdr_improvement_db"] += 1
    facts = comparison.headline(pd.concat([scores, better]), RUN)
    assert facts["best_peer"] == "reference repaired"
    own = scores.loc[scores["method"] == "ours", "si_sdr_improvement_db"].mean()
    assert facts["scratch_si_sdr_improvement_db"] == pytest.approx(own + 1)


def test_the_lead_over_other_trainings_is_told():
    leads = pd.DataFrame(
        [("Wiener", 6.0, 5.0, 7.0), ("general network", 0.25, -0.125, 0.5)],
        columns=["method", "lead", "lead_low", "lead_high"],
    )
    told = comparison.effect_of_training(leads)
    assert "by +0.25 dB (95 % CI \u22120.12 to +0.50) relative to the general network" in told
    assert "pretraining" not in told
    both = pd.concat([leads, leads.tail(1).assign(method="ours from scratch", lead=-1.5)])
    told = comparison.effect_of_training(both)
    assert "and by \u22121.50 dB" in told and told.endswith("network without pretraining.")
    assert comparison.effect_of_training(leads.head(1)) == ""
