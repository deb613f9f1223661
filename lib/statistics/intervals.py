"""Means with confidence intervals for clips nested in speakers.

Every interval comes from a bootstrap over speakers, each resampled with all of their clips.

Conventions: `scores` is a long table with one row per clip and a column ``speaker``; missing
values (NaN) of the averaged column are left out and not counted.  The mean of a Boolean column is a
proportion, and its limits are clipped to [0, 1].

Intervals are Student's t intervals with the standard error from the bootstrap.  They keep their
coverage from two speakers upwards; percentile intervals cover 80 % of the time with four.

Sources: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 12;
Hesterberg, What Teachers Should Know about the Bootstrap, arXiv:1411.5279 (the factor
sqrt(n / (n - 1)) and t instead of normal quantiles).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types
from scipy import stats

from lib.errors import InputError

__all__ = [
    "CONFIDENCE",
    "Interval",
    "half_width",
    "mean_with_interval",
    "by_group",
    "contrast_with_interval",
    "slope_with_interval",
]

CONFIDENCE = 0.95  # of every interval; captions call them 95 % intervals


class Interval(NamedTuple):
    """A mean over clips and its interval over speakers, in the unit of the averaged values."""

    estimate: float
    low: float
    high: float
    n_speakers: int
    n_clips: int


def half_width(error, degrees):
    """Return the half-width of a Student's t interval.

    `error` is the standard error, `degrees` the degrees of freedom; numbers or arrays.

    Examples
    --------
    >>> round(float(half_width(1.0, 5)), 3)
    2.571
    """
    return stats.t.ppf((1 + CONFIDENCE) / 2, degrees) * error


def _limits(estimate: float, error: float, degrees: float) -> tuple[float, float]:
    half = half_width(error, degrees)
    return float(estimate - half), float(estimate + half)


class _Resampler:
    """Bootstrap weights, drawn once per number of speakers and shared by all groups."""

    def __init__(self, rng: np.random.Generator, draws: int):
        if draws < 1:
            raise InputError(f"draws must be at least 1, got {draws}.")
        self.rng, self.draws = rng, draws
        self.weights: dict = {}

    def means(self, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return resampled means [shape=(draws,)] from each speaker's sum and number of clips."""
        n = len(sums)
        if n not in self.weights:
            self.weights[n] = self.rng.multinomial(n, np.full(n, 1 / n), size=self.draws) * 1.0
        return self.weights[n] @ sums / (self.weights[n] @ counts)

    def error(self, sums: np.ndarray, counts: np.ndarray) -> float:
        """Return the standard error of the mean over clips; NaN for one speaker."""
        n = len(sums)
        return self.means(sums, counts).std() * np.sqrt(n / (n - 1)) if n > 1 else np.nan

    def interval(self, per_speaker: pd.DataFrame, *, share: bool) -> Interval:
        """Return the mean over clips and its limits from each speaker's ``sum`` and ``count``."""
        sums, counts = (per_speaker[name].to_numpy(float) for name in ("sum", "count"))
        n, clips = len(sums), int(counts.sum())
        estimate = sums.sum() / clips if clips else np.nan
        low, high = _limits(estimate, self.error(sums, counts), n - 1)
        if share:  # Student's t limits may exceed the range of a proportion
            low, high = np.clip([low, high], 0.0, 1.0).tolist()
        return Interval(float(estimate), low, high, n, clips)


def mean_with_interval(
    scores: pd.DataFrame, value: str, *, rng: np.random.Generator, draws: int
) -> Interval:
    """Return the mean of a column over clips, with an interval over speakers.

    A cluster bootstrap: speakers are drawn with replacement, `draws` times, each with all of their
    clips.  With one speaker, the limits are NaN.

    Examples
    --------
    >>> table = pd.DataFrame({"speaker": list("aabb"), "gain": [1.0, 1.0, 3.0, 3.0]})
    >>> mean_with_interval(table, "gain", rng=np.random.default_rng(0), draws=100).estimate
    2.0
    """
    known = scores.dropna(subset=[value])
    per_speaker = known.groupby("speaker", observed=True)[value].agg(["sum", "count"])
    share = types.is_bool_dtype(known[value])
    return _Resampler(rng, draws).interval(per_speaker, share=share)


def by_group(
    scores: pd.DataFrame,
    by: str | list[str],
    value: str,
    *,
    rng: np.random.Generator,
    draws: int,
) -> pd.DataFrame:
    """Return `mean_with_interval` for every group, as a tidy table.

    Groups are in the order of their first row; rows whose group is missing are left out.
    Groups with the same number of speakers share their resamples, so methods scored on the same
    clips are compared on the same draws.

    Columns: those named in `by`, then estimate, low, high, n_speakers, n_clips.
    """
    by = [by] if isinstance(by, str) else list(by)
    known = scores.dropna(subset=[*by, value])
    keys = list(dict.fromkeys([*by, "speaker"]))  # `by` may itself be the speaker
    per_speaker = known.groupby(keys, observed=True)[value].agg(["sum", "count"])
    share, resampler = types.is_bool_dtype(known[value]), _Resampler(rng, draws)
    groups = {
        key: resampler.interval(part, share=share)
        for key, part in per_speaker.reset_index().groupby(by, observed=True)
    }
    order = known[by].drop_duplicates().itertuples(index=False, name=None)
    rows = [(*key, *groups[key]) for key in order]
    return pd.DataFrame(rows, columns=[*by, *Interval._fields])


def contrast_with_interval(
    groups: list[np.ndarray],
    weights: tuple[float, ...] = (1, -1),
    *,
    rng: np.random.Generator,
    draws: int,
) -> tuple[float, float, float]:
    """Return a weighted sum of group means, by default the first minus the second, and its limits.

    Each group has one value per speaker, and one weight.  The groups are resampled separately; the
    degrees of freedom are Welch's.  The limits are NaN if a group has only one speaker.
    """
    resampler, estimate, variances, shares = _Resampler(rng, draws), 0.0, [], []
    for weight, group in zip(weights, groups):
        n = len(group)
        estimate += weight * (group.mean() if n else np.nan)
        variances.append((weight * resampler.error(group, np.ones(n))) ** 2)
        shares.append(variances[-1] ** 2 / (n - 1) if n > 1 else np.nan)
    degrees = sum(variances) ** 2 / sum(shares) if sum(shares) > 0 else np.nan
    return float(estimate), *_limits(estimate, np.sqrt(sum(variances)), degrees)


def slope_with_interval(
    x: np.ndarray, y: np.ndarray, *, rng: np.random.Generator, draws: int
) -> tuple[float, float, float]:
    """Return the least-squares slope of `y` on `x` [shape=(n_speakers,)], and its limits.

    The limits are NaN for fewer than three speakers; all three values are NaN if `x` is constant.
    """
    n = len(x)
    if n < 2 or np.ptp(x) == 0:
        return np.nan, np.nan, np.nan
    x, y, resampler = x - x.mean(), y - y.mean(), _Resampler(rng, draws)
    slope, ones = float(x @ y / (x @ x)), np.ones(n)
    if n < 3:
        return slope, np.nan, np.nan
    mean_x, mean_y, mean_xx, mean_xy = (resampler.means(z, ones) for z in (x, y, x * x, x * y))
    spread = mean_xx - mean_x**2
    drawn = spread > 1e-9 * (x @ x)  # leave out draws with a single value of x
    error = ((mean_xy - mean_x * mean_y)[drawn] / spread[drawn]).std() * np.sqrt(n / (n - 2))
    return slope, *_limits(slope, error, n - 2)
