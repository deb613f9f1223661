"""Which differences between groups of speakers are more than chance.

Each speaker counts once, with the mean gain of their clips.  Attributes are tested by dealing
the speakers anew to the groups; digits and interactions as in `lib.speakers.crossed`.  All
tests of one corpus form one family (Holm).

Beside each test stands the smallest true difference that it finds with 80 % power at the
strictest level of Holm's procedure, 5 % over the number of tests, from the variance between
the speakers of this corpus: what an absent finding is worth.

Sources: Holm, Scand. J. Statistics 6 (1979) 65; Cohen, Statistical Power Analysis (1988).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.config import StatisticsConfig
from lib.speakers.attributes import ATTRIBUTES, Grouping, group_speakers
from lib.speakers.crossed import accent_and_digit, accent_and_gender, compare_digits
from lib.statistics import (
    CONFIDENCE,
    detectable_difference,
    difference_with_interval,
    permutation_test,
    slope_with_interval,
    trend_test,
)

__all__ = ["describe", "tests"]

NOT_TESTED = {
    "attribute": "",
    "compared": "",
    "testable": False,
    "unit": "dB",
    "estimate_db": np.nan,
    "low_db": np.nan,
    "high_db": np.nan,
    "n_speakers": 0,
    "n_missing": 0,
    "effect": np.nan,
    "effect_name": "",
    "statistic": np.nan,
    "p": np.nan,
    "error_db": np.nan,
    "degrees": 0,
    "why": "",
}


def tests(
    clips: pd.DataFrame, *, rng: np.random.Generator, settings: StatisticsConfig
) -> pd.DataFrame:
    """Test every attribute, the digit and the two interactions, where they can be tested.

    Parameters
    ----------
    clips : pd.DataFrame
        As from `clip_gains`.
    rng : np.random.Generator
        Source of permutations and resamples.
    settings : StatisticsConfig
        Draws and the fewest speakers of a group.

    Returns
    -------
    pd.DataFrame
        One row per attribute: ``attribute``, ``compared`` (in words), ``testable``,
        ``estimate_db`` with ``low_db`` and ``high_db`` (the others minus the reference group;
        for age the change in ten years, see ``unit``), ``n_speakers``, ``n_missing``,
        ``effect`` (standardised) and ``effect_name``, ``statistic``, ``p``, ``p_holm``,
        ``detectable_db``, ``why`` (it cannot be tested; else empty).
    """
    people = clips.groupby("speaker").first()
    gains = clips.groupby("speaker")["gain_db"].mean()
    grouped = {
        name: group_speakers(
            people[attribute.column].dropna(), attribute, settings.min_speakers_per_level
        )
        for name, attribute in ATTRIBUTES.items()
        if attribute.rule != "trend" and attribute.tested
    }
    tools = {"rng": rng, "settings": settings}
    rows = [_age(gains, people["age"].dropna(), **tools)]
    rows += [_groups(name, gains, grouping, **tools) for name, grouping in grouped.items()]
    table = clips.pivot_table(index="speaker", columns="digit", values="gain_db").dropna()
    rows += [
        accent_and_gender(gains, grouped["accent"], grouped["gender"], **tools),
        compare_digits(table, **tools),
        accent_and_digit(table, grouped["accent"], **tools),
    ]
    result = pd.DataFrame([NOT_TESTED | row for row in rows])
    known = [
        people[ATTRIBUTES[name].column].notna().sum() if name in ATTRIBUTES else len(gains)
        for name in result["attribute"]
    ]
    result["n_missing"] = len(gains) - np.array(known)
    result["testable"] = result["p"].notna()
    result["p_holm"] = holm(result["p"])
    alpha = (1 - CONFIDENCE) / max(1, result["testable"].sum())
    errors = zip(result.pop("error_db"), result.pop("degrees"), strict=True)
    result["detectable_db"] = [detectable_difference(*error, alpha=alpha) for error in errors]
    order = [*ATTRIBUTES, "accent x gender", "digit", "accent x digit"]
    return result.sort_values("attribute", key=lambda names: names.map(order.index)).reset_index(
        drop=True
    )


def holm(p: pd.Series) -> pd.Series:
    """Return p-values corrected after Holm for their number; NaN stays NaN and does not count.

    Examples
    --------
    >>> holm(pd.Series([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    ordered = p.dropna().sort_values()
    return (ordered * np.arange(len(ordered), 0, -1)).cummax().clip(upper=1).reindex(p.index)


def _groups(name: str, gains: pd.Series, grouping: Grouping, *, rng, settings) -> dict:
    """Compare groups of speakers by a permutation test."""
    row = {"attribute": name, "why": grouping.why, "compared": grouping.compared}
    if not grouping.compared:
        return row
    y = gains[grouping.of_speaker.index]
    is_reference = (grouping.of_speaker == grouping.reference).to_numpy()
    others, reference = y[~is_reference].to_numpy(), y[is_reference].to_numpy()
    interval = difference_with_interval(others, reference, rng=rng, draws=settings.bootstrap_draws)
    n, degrees = len(y), len(y) - 2
    squares = others.var() * len(others) + reference.var() * len(reference)
    deviation = np.sqrt(squares / degrees) if degrees > 0 else np.nan
    row |= {
        "estimate_db": interval.estimate,
        "low_db": interval.low,
        "high_db": interval.high,
        "n_speakers": n,
        "error_db": deviation * np.sqrt(1 / len(others) + 1 / len(reference)),
        "degrees": degrees,
        "effect": interval.estimate / deviation if deviation > 0 else np.nan,
        "effect_name": "Cohen's d",
    }
    if grouping.why:
        return row
    shares = 1 / np.array([len(others), len(reference)])
    row["degrees"] = shares.sum() ** 2 / np.sum(shares**3 / (1 - shares))  # Welch's, as the test
    samples = [part.to_numpy() for _, part in y.groupby(grouping.of_speaker)]
    statistic, p = permutation_test(samples, rng=rng, draws=settings.permutations)
    if len(samples) > 2:
        within = sum(sample.var() * len(sample) for sample in samples)
        row |= {"effect": 1 - within / (y.var(ddof=0) * n), "effect_name": "eta squared"}
    return row | {"statistic": statistic, "p": p}


def _age(gains: pd.Series, ages: pd.Series, *, rng, settings) -> dict:
    """Test for a linear trend with age."""
    row = {"attribute": "age", "unit": "dB in 10 years", "n_speakers": len(ages)}
    fewest = 2 * settings.min_speakers_per_level
    y, x = gains[ages.index].to_numpy(), ages.to_numpy(float) / 10
    if ages.empty:
        return row | {"why": "The corpus does not say it of anyone."}
    if ages.nunique() == 1:
        return row | {"why": f"All known speakers ({len(ages)}) are {ages.iloc[0]:.0f} years old."}
    row["compared"] = "trend with age"
    interval = slope_with_interval(x, y, rng=rng, draws=settings.bootstrap_draws)
    degrees, spread = len(x) - 2, np.sum((x - x.mean()) ** 2)
    rest = y - y.mean() - interval.estimate * (x - x.mean())
    row |= {
        "estimate_db": interval.estimate,
        "low_db": interval.low,
        "high_db": interval.high,
        "error_db": np.sqrt(rest @ rest / degrees / spread) if degrees > 0 else np.nan,
        "degrees": degrees,
    }
    if len(x) < fewest:
        return row | {"why": f"A trend wants {fewest} speakers of known age; there are {len(x)}."}
    r, p = trend_test(x, y, rng=rng, draws=settings.permutations)
    return row | {"effect": r, "effect_name": "Pearson's r", "statistic": r, "p": p}


def describe(results: pd.DataFrame, attribute: str) -> str:
    """Return what the test of one attribute says, as plain text.

    Examples
    --------
    ``Gender, female against male: −0.10 dB (95 % interval −0.87 to 0.62; 60 speakers, Cohen's d
    −0.09); p = 0.77, after Holm 1. With 80 % power the test finds a true difference of 1.29 dB.``
    """
    row = results.set_index("attribute").loc[attribute]
    unit, testable, details = row["unit"], row["testable"], f"{row['n_speakers']} speakers"
    if np.isfinite(row["low_db"]):
        limits = f"{_signed(row['low_db'])} to {_signed(row['high_db'])}"
        details = f"95 % interval {limits}; {details}"
    if np.isfinite(row["effect"]):
        details += f", {row['effect_name']} {_signed(row['effect'])}"
    text = ""
    if row["compared"]:
        text = f"{attribute[0].upper()}{attribute[1:]}, {row['compared']}"
        if np.isfinite(row["estimate_db"]):
            text += f": {_signed(row['estimate_db'])} {unit}"
        text += f" ({details})"
    if testable:
        text += f"; p = {row['p']:.2g}, after Holm {row['p_holm']:.2g}."
    else:
        text += f"{'. ' if text else ''}Cannot be tested: {row['why']}"
    if np.isfinite(row["detectable_db"]):
        text += " With 80 % power the test finds" if testable else " No test could find less than"
        text += f" a true difference of {row['detectable_db']:.2f} {unit}"
        text += "." if testable else " with 80 % power."
    if row["n_missing"] and row["n_speakers"]:
        text += f" Speakers left out for want of a value: {row['n_missing']}."
    return text


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
