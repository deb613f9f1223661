"""Permutation tests across speakers, and the smallest effect that they find.

A test deals an attribute to the speakers anew, in every possible way or in many random ones, and
counts how often chance alone gives a statistic at least as large as the observed one.

Conventions: `x` [shape=(units,)] is what is dealt, the number of a group (0, 1, ...) or a
covariate; `y` [shape=(sets, units)] what is compared, any number of data sets at once.  Units are
speakers, or the digits within each of them.  A statistic takes `y` and dealt `x`
[shape=(deals, units)], returns an array [shape=(sets, deals)] and is large for large effects.

Sources: Phipson & Smyth, SAGMB 9 (2010) 39 (random permutations count the observed one, so p is
never zero); Chung & Romano, Annals of Statistics 41 (2013) 484 (why a permutation test wants a
studentised statistic); James, Biometrika 38 (1951) 324 (the statistic of unequal variances);
Freedman & Lane, J. Business & Economic Statistics 1 (1983) 292 (permuted residuals).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib.errors import InputError

__all__ = [
    "PermutationTest",
    "correlation",
    "deals",
    "difference_of_differences",
    "spread_of_means",
    "spread_of_profiles",
]

POWER = 0.8
SIMULATED = 400  # data sets from which power is read
SIMULATED_DEALS = 1000  # permutations of each of their tests, at most
TINY = 1e-30  # squares below are none
TIE = 1 - 1e-5  # statistics that differ by the rounding of single precision are equal


def deals(x: np.ndarray, *, rng: np.random.Generator, draws: int, blocks: int = 1) -> np.ndarray:
    """Return the ways to deal `x` [shape=(deals, units)]: `x` itself, then others, shuffled.

    Every distinct way is returned if there are at most `draws`; else so many random ones behind
    `x`.  Within `blocks`, equally long stretches of `x` (speakers), is dealt at random.

    Examples
    --------
    >>> len(deals(np.array([0, 0, 1, 1]), rng=np.random.default_rng(0), draws=100))
    6
    """
    if draws < 1:
        raise InputError(f"A permutation test wants one draw or more, got {draws}.")
    values, counts = np.unique(x, return_counts=True)
    ways = math.factorial(len(x)) // math.prod(map(math.factorial, counts.tolist()))
    if blocks == 1 and ways <= draws:
        table = rng.permutation(values[np.array(list(_arrangements(counts.tolist())))])
        return table[np.argsort((table != x).any(axis=1), kind="stable")]
    table = np.tile(x, (draws + 1, 1))
    rows = table[1:].reshape(draws * blocks, -1)  # a view
    rng.permuted(rows, axis=1, out=rows)
    return table


def _arrangements(counts: list[int]):
    """Yield every distinct order of counts[0] zeros, counts[1] ones and so on."""
    n, first = sum(counts), counts[0]
    if len(counts) == 1:
        yield [0] * n
        return
    for rest in _arrangements(counts[1:]):
        for zeros in itertools.combinations(range(n), first):
            order, rest_of = [0] * n, iter(rest)
            for place in sorted(set(range(n)) - set(zeros)):
                order[place] = next(rest_of) + 1
            yield order


def _averaging(dealt: np.ndarray, dtype):
    """Yield each group's size and the matrix [shape=(units, deals)] that averages over it."""
    for group, size in enumerate(np.bincount(dealt[0].astype(int))):
        yield size, (dealt == group).T.astype(dtype) / size


def spread_of_means(y: np.ndarray, dealt: np.ndarray) -> np.ndarray:
    """James's statistic: squared deviations of the group means, each over its variance.

    For two groups it is Welch's t squared.  Groups may differ in size and in variance; there must
    be two or more, of two units or more.
    """
    sizes = np.bincount(dealt[0].astype(int))
    if len(sizes) < 2 or sizes.min() < 2:
        raise InputError(
            f"A comparison of means wants two groups or more of two or more each, got {sizes}."
        )
    y = y - y.mean(axis=-1, keepdims=True)
    means, errors = [], []
    for size, average in _averaging(dealt, y.dtype):
        means.append(y @ average)
        errors.append((y**2 @ average - means[-1] ** 2) / (size - 1))
    groups, weights = np.stack(means), 1 / np.maximum(errors, TINY)
    centre = (weights * groups).sum(axis=0) / weights.sum(axis=0)
    return (weights * (groups - centre) ** 2).sum(axis=0)


def spread_of_profiles(y: np.ndarray, dealt: np.ndarray) -> np.ndarray:
    """Squared deviations of the group means, weighted by size, summed over columns.

    `y` [shape=(sets, units, columns)] is centred on 0 within each column.
    """
    spread = np.zeros(())
    for size, average in _averaging(dealt, y.dtype):
        spread = spread + sum(size * (y[..., j] @ average) ** 2 for j in range(y.shape[-1]))
    return spread


def difference_of_differences(y: np.ndarray, dealt: np.ndarray) -> np.ndarray:
    """How much the gap 0 - 1 differs from the gap 2 - 3, over the deviation within groups."""
    gaps, squares = 0, 0
    for sign, (size, average) in zip((1, -1, -1, 1), _averaging(dealt, y.dtype)):
        mean = y @ average
        gaps, squares = gaps + sign * mean, squares + size * (y**2 @ average - mean**2)
    return np.abs(gaps) / np.sqrt(np.maximum(squares, TINY))


def correlation(y: np.ndarray, dealt: np.ndarray) -> np.ndarray:
    """Absolute value of Pearson's r; 0 where `y` does not vary."""
    y = y - y.mean(axis=-1, keepdims=True)
    dealt = dealt - dealt.mean(axis=-1, keepdims=True)
    deviation = np.linalg.norm(y, axis=-1)[:, None] * np.linalg.norm(dealt[0])
    return np.abs(y @ dealt.T) / np.where(deviation > 0, deviation, np.inf)


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """A permutation test, ready for any data of the same units."""

    statistic: Callable
    dealt: np.ndarray  # from `deals`: the first is what was observed
    effect: np.ndarray  # what an effect of one unit of the estimate adds to a data set
    prepare: Callable = np.asarray  # what is done to data first, such as centring

    def p_values(self, y: np.ndarray, *, deals: int | None = None) -> np.ndarray:
        """Two-sided p-value of each data set [shape=(sets,)], with the first `deals` only."""
        statistic = self.statistic(self.prepare(y), self.dealt[:deals])
        return (statistic >= statistic[:, :1] * TIE).mean(axis=1)

    def smallest_effect(self, deviation: float, *, rng: np.random.Generator, alpha: float) -> float:
        """Return the smallest true effect that this very test finds with 80 % power.

        Normal data of the standard deviation that was observed are simulated, an effect is added,
        and found where p is at most `alpha`; it is bisected to 1 %.  Infinite where no effect,
        however large, is found; NaN where `deviation` is.
        """
        if not deviation > 0:
            return math.nan
        noise = deviation * rng.normal(size=(SIMULATED, *self.effect.shape)).astype(np.float32)

        def is_found(effect):
            y = noise + np.asarray(effect * self.effect, noise.dtype)
            return np.mean(self.p_values(y, deals=SIMULATED_DEALS + 1) <= alpha) >= POWER

        low, high = 0.0, deviation * 4 / np.sqrt(len(self.effect))
        while not is_found(high):
            low, high = high, 2 * high
            if high > 1e3 * deviation:
                return math.inf
        while high - low > 0.01 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if is_found(middle) else (middle, high)
        return high
