"""Permutation tests across speakers, and their minimum detectable effects.

A test permutes the speakers' labels, in every possible way or in many random ones, and counts how
often chance alone gives a statistic at least as large as the observed one.

Conventions: `x` [shape=(units,)] holds the labels, group numbers (0, 1, ...) or a covariate; `y`
[shape=(sets, units)] holds the values compared, for any number of data sets at once.  Units are
speakers, or the digits within each speaker.  A statistic takes `y` and `permuted`, permutations of
`x` [shape=(permutations, units)], returns an array [shape=(sets, permutations)] and is large for
large effects.

Sources: Phipson & Smyth, SAGMB 9 (2010) 39 (random permutations count the observed one, so p is
never zero); Chung & Romano, Annals of Statistics 41 (2013) 484 (why a permutation test needs a
studentised statistic); James, Biometrika 38 (1951) 324 (the statistic for unequal variances);
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
    "permutations",
    "difference_of_differences",
    "spread_of_means",
    "spread_of_profiles",
]

POWER = 0.8
SIMULATED = 400  # data sets from which power is estimated
SIMULATED_PERMUTATIONS = 1000  # maximum number of permutations per simulated test
TINY = 1e-30  # lower bound for squares in denominators
TIE = 1 - 1e-5  # statistics that differ by single-precision rounding are ties


def permutations(
    x: np.ndarray, *, rng: np.random.Generator, draws: int, blocks: int = 1
) -> np.ndarray:
    """Return permutations of `x` [shape=(n, units)]: `x` itself, then others in random order.

    All distinct permutations are returned if there are at most `draws`, otherwise `x` and `draws`
    random ones.  With several `blocks`, equally long stretches of `x` (speakers), `x` is always
    permuted at random, within each block.

    Examples
    --------
    >>> len(permutations(np.array([0, 0, 1, 1]), rng=np.random.default_rng(0), draws=100))
    6
    """
    if draws < 1:
        raise InputError(f"A permutation test needs at least one draw, got {draws}.")
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
    """Yield every distinct arrangement of counts[0] zeros, counts[1] ones and so on."""
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


def _averaging(permuted: np.ndarray, dtype):
    """Yield each group's size and the matrix [shape=(units, n)] that averages over it."""
    for group, size in enumerate(np.bincount(permuted[0].astype(int))):
        yield size, (permuted == group).T.astype(dtype) / size


def spread_of_means(y: np.ndarray, permuted: np.ndarray) -> np.ndarray:
    """Return James's statistic: squared deviations of the group means, each over its variance.

    For two groups it is the square of Welch's t.  Groups may differ in size and in variance;
    InputError is raised unless there are at least two, of at least two units each.
    """
    sizes = np.bincount(permuted[0].astype(int))
    if len(sizes) < 2 or sizes.min() < 2:
        raise InputError(
            f"A comparison of means needs at least two groups of at least two, got {sizes}."
        )
    y = y - y.mean(axis=-1, keepdims=True)
    means, errors = [], []
    for size, average in _averaging(permuted, y.dtype):
        means.append(y @ average)
        errors.append((y**2 @ average - means[-1] ** 2) / (size - 1))
    groups, weights = np.stack(means), 1 / np.maximum(errors, TINY)
    centre = (weights * groups).sum(axis=0) / weights.sum(axis=0)
    return (weights * (groups - centre) ** 2).sum(axis=0)


def spread_of_profiles(y: np.ndarray, permuted: np.ndarray) -> np.ndarray:
    """Return the squared deviations of the group means, weighted by size, summed over columns.

    `y` [shape=(sets, units, columns)] has zero mean in each column.
    """
    spread = np.zeros(())
    for size, average in _averaging(permuted, y.dtype):
        spread = spread + sum(size * (y[..., j] @ average) ** 2 for j in range(y.shape[-1]))
    return spread


def difference_of_differences(y: np.ndarray, permuted: np.ndarray) -> np.ndarray:
    """Return how far the gap 0 - 1 is from the gap 2 - 3, over the root sum of squares within."""
    gaps, squares = 0, 0
    for sign, (size, average) in zip((1, -1, -1, 1), _averaging(permuted, y.dtype)):
        mean = y @ average
        gaps, squares = gaps + sign * mean, squares + size * (y**2 @ average - mean**2)
    return np.abs(gaps) / np.sqrt(np.maximum(squares, TINY))


def correlation(y: np.ndarray, permuted: np.ndarray) -> np.ndarray:
    """Return the absolute value of Pearson's r; 0 where `y` is constant."""
    y = y - y.mean(axis=-1, keepdims=True)
    permuted = permuted - permuted.mean(axis=-1, keepdims=True)
    deviation = np.linalg.norm(y, axis=-1)[:, None] * np.linalg.norm(permuted[0])
    return np.abs(y @ permuted.T) / np.where(deviation > 0, deviation, np.inf)


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """A permutation test that can be applied to any data on the same units."""

    statistic: Callable
    permuted: np.ndarray  # from `permutations`; the first row is the observed one
    effect: np.ndarray  # what an effect of size 1 adds to a data set
    prepare: Callable = np.asarray  # applied to the data first, such as centring

    def p_values(self, y: np.ndarray, *, permutations: int | None = None) -> np.ndarray:
        """Return the two-sided p-values [shape=(sets,)], from the first `permutations` only."""
        statistic = self.statistic(self.prepare(y), self.permuted[:permutations])
        return (statistic >= statistic[:, :1] * TIE).mean(axis=1)

    def smallest_effect(self, deviation: float, *, rng: np.random.Generator, alpha: float) -> float:
        """Return the minimum detectable effect: the smallest that this test finds with 80 % power.

        Normal data with the observed standard deviation `deviation` are simulated, an effect is
        added, and it is detected if p is at most `alpha`; bisected to 1 %.  Infinite if no effect,
        however large, reaches that power; NaN unless `deviation` is positive.
        """
        if not deviation > 0:
            return math.nan
        noise = deviation * rng.normal(size=(SIMULATED, *self.effect.shape)).astype(np.float32)

        def is_found(effect):
            y = noise + np.asarray(effect * self.effect, noise.dtype)
            return (
                np.mean(self.p_values(y, permutations=SIMULATED_PERMUTATIONS + 1) <= alpha) >= POWER
            )

        low, high = 0.0, deviation * 4 / np.sqrt(len(self.effect))
        while not is_found(high):
            low, high = high, 2 * high
            if high > 1e3 * deviation:
                return math.inf
        while high - low > 0.01 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if is_found(middle) else (middle, high)
        return high
