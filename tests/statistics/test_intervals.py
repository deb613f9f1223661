"""Confidence intervals over speakers: closed forms, invariants and simulated coverage.

Rates over many simulated samples are compared with binomial limits of 99.9 %, so that a correct
function fails with one seed in a thousand; the seeds are fixed.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lib.errors import InputError
from lib.statistics import intervals as statistics


def rng(seed=0):
    return np.random.default_rng(seed)


def table(values_of, **columns):
    """One row per clip from {speaker: [values]}."""
    rows = [(speaker, v) for speaker, values in values_of.items() for v in values]
    return pd.DataFrame(rows, columns=["speaker", "gain"]).assign(**columns)


def within_limits(hits, trials, rate):
    low, high = stats.binom.interval(0.999, trials, rate)
    return low <= hits <= high


def test_the_estimate_is_the_mean_over_clips_and_counts_are_right():
    scores = table({"a": [1.0, 2.0, 3.0], "b": [10.0], "c": [np.nan, 4.0]})
    mean = statistics.mean_with_interval(scores, "gain", rng=rng(), draws=10)
    assert mean.estimate == pytest.approx(20 / 5)
    assert (mean.n_speakers, mean.n_clips) == (3, 5)


def test_copies_of_clips_make_no_interval_narrower():
    values = {str(i): list(v) for i, v in enumerate(rng(1).normal(size=(8, 5)))}
    copied = {speaker: v * 40 for speaker, v in values.items()}
    once, often = (
        statistics.mean_with_interval(table(v), "gain", rng=rng(), draws=500)
        for v in (values, copied)
    )
    assert often.low == pytest.approx(once.low) and often.high == pytest.approx(once.high)
    assert often.n_clips == 40 * once.n_clips


def test_the_interval_moves_and_stretches_with_the_values_and_is_seeded():
    values = rng(2).normal(size=(6, 4))
    one = statistics.mean_with_interval(
        table({str(i): list(v) for i, v in enumerate(values)}), "gain", rng=rng(5), draws=300
    )
    other = statistics.mean_with_interval(
        table({str(i): list(3 * v + 7) for i, v in enumerate(values)}),
        "gain",
        rng=rng(5),
        draws=300,
    )
    assert other[:3] == pytest.approx([3 * x + 7 for x in one[:3]])


def test_one_speaker_has_no_interval_and_nobody_no_mean():
    one = statistics.mean_with_interval(table({"a": [1.0, 2.0]}), "gain", rng=rng(), draws=10)
    assert one.estimate == 1.5 and np.isnan([one.low, one.high]).all()
    none = statistics.mean_with_interval(table({"a": [np.nan]}), "gain", rng=rng(), draws=10)
    assert np.isnan(none.estimate) and none.n_clips == 0


@pytest.mark.parametrize("n_speakers", [2, 4, 6, 12, 48])
def test_intervals_cover_the_true_mean_even_with_few_speakers(n_speakers):
    source, trials, hits = rng(10 + n_speakers), 400, 0
    for _ in range(trials):
        speakers = source.normal(size=(n_speakers, 1)) + source.normal(0, 0.5, (n_speakers, 3))
        scores = table({str(i): list(v) for i, v in enumerate(speakers)})
        mean = statistics.mean_with_interval(scores, "gain", rng=source, draws=200)
        hits += mean.low <= 0 <= mean.high
    assert within_limits(hits, trials, 0.95)


def test_groups_are_those_of_single_means_in_order_of_appearance():
    scores = pd.concat(
        [
            table({str(i): [float(i), 2.0] for i in range(7)}, method="zeta", digit=1),
            table({str(i): [float(i), 5.0] for i in range(7)}, method="alpha", digit=2),
            table({"0": [100.0]}, method=None, digit=2),
        ]
    )
    groups = statistics.by_group(scores, "method", "gain", rng=rng(3), draws=200)
    assert list(groups["method"]) == ["zeta", "alpha"]
    assert list(groups.columns[1:]) == ["estimate", "low", "high", "n_speakers", "n_clips"]
    single = statistics.mean_with_interval(
        scores[scores["method"] == "zeta"], "gain", rng=rng(3), draws=200
    )
    assert groups.iloc[0, 1:].to_numpy(float) == pytest.approx(list(single))
    both = statistics.by_group(scores, ["method", "digit"], "gain", rng=rng(3), draws=50)
    assert len(both) == 2 and list(both["digit"]) == [1, 2]


def test_equal_groups_share_their_resamples():
    half = {str(i): list(v) for i, v in enumerate(rng(4).normal(size=(9, 3)))}
    scores = pd.concat([table(half, method="one"), table(half, method="two")])
    groups = statistics.by_group(scores, "method", "gain", rng=rng(), draws=100)
    assert groups.loc[0, "low"] == groups.loc[1, "low"]


def test_no_interval_passes_what_a_share_can_be():
    speakers = {"a": [1.0, 1.0, 1.0, 1.0], "b": [1.0, 1.0, 1.0, 0.0], "c": [1.0, 1.0, 1.0, 1.0]}
    numbers = table(speakers, method="one")
    shares = numbers.assign(gain=numbers["gain"] == 1)
    wide, cut = (statistics.mean_with_interval(t, "gain", rng=rng(), draws=100)
                 for t in (numbers, shares))  # fmt: skip
    assert wide.high > 1
    assert cut == wide._replace(high=1.0)
    wrong = shares.assign(gain=~shares["gain"])
    (row,) = statistics.by_group(wrong, "method", "gain", rng=rng(), draws=100).itertuples()
    assert (row.estimate, row.low, row.high) == pytest.approx((1 / 12, 0, 1 - wide.low))


def test_no_rows_give_an_empty_table():
    empty = statistics.by_group(table({}), "speaker", "gain", rng=rng(), draws=10)
    assert empty.empty and "low" in empty


@pytest.mark.parametrize("sizes", [(12, 48), (5, 9), (3, 40)])
def test_intervals_of_differences_cover_the_truth(sizes):
    source, trials, hits = rng(sum(sizes)), 300, 0
    for _ in range(trials):
        first, second = source.normal(1, 1.5, sizes[0]), source.normal(0, 1, sizes[1])
        _, low, high = statistics.contrast_with_interval([first, second], rng=source, draws=200)
        hits += low <= 1 <= high
    assert within_limits(hits, trials, 0.95)


def test_a_slope_is_that_of_least_squares_and_its_interval_covers_it():
    source, trials, hits = rng(8), 300, 0
    for _ in range(trials):
        x = source.uniform(2, 6, 30)
        y = 0.5 * x + source.normal(size=30)
        slope, low, high = statistics.slope_with_interval(x, y, rng=source, draws=300)
        hits += low <= 0.5 <= high
    assert slope == pytest.approx(np.polyfit(x, y, 1)[0])
    assert within_limits(hits, trials, 0.95)
    same = statistics.slope_with_interval(np.ones(6), np.arange(6), rng=source, draws=10)
    assert np.isnan(same).all()


def test_an_interval_without_draws_is_refused():
    with pytest.raises(InputError, match="draws must be at least 1, got 0"):
        statistics.mean_with_interval(table({"a": [1.0]}), "gain", rng=rng(), draws=0)
