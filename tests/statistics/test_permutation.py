"""Permutation tests: closed forms, robustness to unequal variances, and power."""

import math

import numpy as np
import pytest
from scipy import stats

from lib.errors import InputError
from lib.statistics import permutation
from lib.statistics.permutation import PermutationTest, permutations, spread_of_means


def rng(seed=0):
    return np.random.default_rng(seed)


def groups(*sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def compared(*sizes, draws=999, seed=0):
    x = groups(*sizes)
    return PermutationTest(
        spread_of_means, permutations(x, rng=rng(seed), draws=draws), 1.0 * (x > 0)
    )


def within_limits(hits, trials, rate):
    low, high = stats.binom.interval(0.999, trials, rate)
    return low <= hits <= high


@pytest.mark.parametrize("sizes, ways", [((2, 2), 6), ((3, 3), 20), ((1, 2, 3), 60)])
def test_few_ways_are_all_dealt_once(sizes, ways):
    x = groups(*sizes)
    table = permutations(x, rng=rng(), draws=60)
    assert len(table) == len({tuple(row) for row in table}) == ways
    assert (np.sort(table, axis=1) == x).all()
    assert (table[0] == x).all()


def test_many_ways_are_dealt_at_random_behind_the_observed_one():
    x = groups(12, 48)
    table = permutations(x, rng=rng(), draws=500)
    assert table.shape == (501, 60) and (table[0] == x).all()
    assert (table.sum(axis=1) == 48).all()
    assert table[1:].mean(axis=0) == pytest.approx(0.8, abs=0.08)


def test_blocks_keep_what_is_theirs():
    x = np.tile(np.arange(4), 3)
    table = permutations(x, rng=rng(), draws=50, blocks=3)
    assert (np.sort(table.reshape(-1, 3, 4), axis=2) == np.arange(4)).all()
    assert (table[0] == x).all() and (table[1:] != x).any()


def test_a_small_test_is_exact():
    y = np.array([0.0, 0.1, 0.25, 10.0, 10.2, 10.3])
    p = compared(3, 3).p_values(y[None])
    assert p == pytest.approx(2 / 20)  # this split and its mirror image, of (6 choose 3)


def test_a_random_test_never_gives_zero():
    y = np.concatenate([rng(1).normal(0, 1, 30), rng(2).normal(50, 1, 30)])
    assert compared(30, 30, draws=199).p_values(y[None]) == pytest.approx(1 / 200)


def test_the_spread_of_two_groups_is_welch_s_t_squared_and_scipy_gives_the_same_p():
    y, test = rng(3).normal(size=15), compared(5, 10, draws=3003)
    t = stats.ttest_ind(y[:5], y[5:], equal_var=False).statistic
    assert spread_of_means(y[None], test.permuted[:1])[0, 0] == pytest.approx(t**2)
    reference = stats.permutation_test(
        (y[:5], y[5:]),
        lambda a, b, axis: stats.ttest_ind(a, b, axis=axis, equal_var=False).statistic ** 2,
        vectorized=True,
        n_resamples=np.inf,
        alternative="greater",
    )
    assert len(test.permuted) == math.comb(15, 5)
    assert test.p_values(y[None])[0] == pytest.approx(reference.pvalue)


def test_many_data_sets_are_tested_as_if_alone():
    y, test = rng(4).normal(size=(5, 20)), compared(8, 12)
    assert test.p_values(y) == pytest.approx([test.p_values(row[None])[0] for row in y])


def test_unequal_variances_do_not_fool_it():
    trials, source = 600, rng(11)
    y = np.hstack([source.normal(0, 1, (trials, 48)), source.normal(0, 3, (trials, 12))])
    naive = stats.ttest_ind(y[:, :48], y[:, 48:], axis=1).pvalue
    assert within_limits(np.sum(compared(48, 12).p_values(y) <= 0.05), trials, 0.05)
    assert not within_limits(np.sum(naive <= 0.05), trials, 0.05)  # the naive test fails


def test_three_groups_are_compared_at_once():
    y = rng(12).normal(size=45) + 3 * (groups(15, 15, 15) == 2)
    assert compared(15, 15, 15).p_values(y[None])[0] < 0.01


@pytest.mark.parametrize("sizes", [(5,), (5, 1)])
def test_means_want_two_groups_of_two(sizes):
    with pytest.raises(InputError, match="at least two groups"):
        compared(*sizes).p_values(rng().normal(size=(1, sum(sizes))))


def test_no_draws_are_refused():
    with pytest.raises(InputError, match="at least one draw"):
        permutations(groups(2, 2), rng=rng(), draws=0)


def test_a_trend_has_the_size_of_pearsons_r_and_an_exact_p():
    x = np.arange(5.0)
    permuted = permutations(x, rng=rng(), draws=1000)
    test = PermutationTest(permutation.correlation, permuted, x)
    y = np.stack([-x, np.ones(5), rng(1).normal(size=5)])
    assert test.p_values(y)[:2] == pytest.approx([2 / 120, 1])  # 5! orders; a constant
    r = stats.pearsonr(x, y[2]).statistic
    assert permutation.correlation(y[2:], x[None])[0, 0] == pytest.approx(abs(r))


def test_profiles_differ_in_any_column():
    y = rng(5).normal(size=(1, 20, 3))
    y[:, 10:, 1] += 3
    y = y - y.mean(axis=1, keepdims=True)
    x = groups(10, 10)
    permuted = permutations(x, rng=rng(), draws=999)
    assert PermutationTest(permutation.spread_of_profiles, permuted, y[0]).p_values(y)[0] < 0.01


def test_a_difference_of_differences_is_none_of_main_effects():
    cell = groups(6, 6, 6, 6)
    main = 2.0 * (cell // 2) + 3.0 * (cell % 2)
    y = rng(6).normal(size=24)
    both = permutation.difference_of_differences(np.stack([y, y + main]), cell[None])
    assert both[0] == pytest.approx(both[1])
    crossed = permutation.difference_of_differences((y + 5 * (cell == 3))[None], cell[None])
    assert crossed > 2 * both[0]


@pytest.mark.parametrize("sizes", [(48, 12), (35, 19)])
def test_the_smallest_effect_is_found_four_times_in_five(sizes):
    test, trials, alpha = compared(*sizes), 600, 0.05 / 8
    effect = test.smallest_effect(1.0, rng=rng(1), alpha=alpha)
    y = rng(2).normal(size=(trials, sum(sizes))) + effect * test.effect
    found = np.sum(test.p_values(y) <= alpha)
    spread = np.sqrt(0.8 * 0.2 * (1 / permutation.SIMULATED + 1 / trials))
    assert found / trials == pytest.approx(0.8, abs=3.3 * spread)
    errors = (stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(0.8)) * np.sqrt(
        sum(1 / np.array(sizes))
    )
    assert errors < effect < 1.2 * errors  # a z-test, knowing the variance, detects less
    assert test.smallest_effect(3.0, rng=rng(1), alpha=alpha) == pytest.approx(3 * effect, rel=0.02)


def test_where_no_split_is_rare_enough_nothing_can_be_found():
    test = compared(2, 4)  # 15 permutations: p is at least 1/15
    assert test.smallest_effect(1.0, rng=rng(), alpha=0.05) == math.inf
    assert math.isnan(test.smallest_effect(math.nan, rng=rng(), alpha=0.05))
