"""Which differences between groups of speakers are more than chance, and which could be found.

All tests of one corpus form one family (Holm).  Beside each test stands the smallest true
effect that this very test finds with 80 % power at the strictest level of Holm's procedure,
5 % over the number of tests, simulated from the observed variance.

Sources: Holm, Scand. J. Statistics 6 (1979) 65; Cohen, Statistical Power Analysis (1988).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.config import StatisticsConfig
from lib.speakers import questions as asks
from lib.speakers.attributes import ATTRIBUTES
from lib.statistics.intervals import CONFIDENCE
from lib.text import plain

__all__ = ["add_power", "describe", "holm", "tests"]

ORDER = [*ATTRIBUTES, "accent x gender", "digit", "accent x digit"]


def _questions(
    clips: pd.DataFrame, *, rng: np.random.Generator, settings: StatisticsConfig
) -> list[asks.Question]:
    """Return every question of the analysis, in the order of the report."""
    gains = clips.groupby("speaker")["gain_db"].mean()
    ages = clips.groupby("speaker")["age"].first().dropna()
    grouped = asks.groupings(clips, settings.min_speakers_per_level)
    table = clips.pivot_table(index="speaker", columns="digit", values="gain_db").dropna()
    tools: dict = {"rng": rng, "settings": settings}
    asked = [asks.compare_groups(name, gains, each, **tools) for name, each in grouped.items()]
    asked += [
        asks.trend_with_age(gains, ages, **tools),
        asks.accent_and_gender(gains, grouped["accent"], grouped["gender"], **tools),
        asks.compare_digits(table, **tools),
        asks.accent_and_digit(table, grouped["accent"], **tools),
    ]
    return sorted(asked, key=lambda question: ORDER.index(question.name))


def tests(
    clips: pd.DataFrame, *, rng: np.random.Generator, settings: StatisticsConfig
) -> pd.DataFrame:
    """Test every attribute, the digit and the two interactions, where they can be tested.

    Columns: the facts of each `Question` (``estimate_db`` is the others minus the baseline, for age
    the change in ten years), ``testable``, ``n_speakers`` and ``n_clips`` compared, ``n_missing``,
    ``deviation_db`` (standard deviation that the effect leaves), ``p``, ``p_holm``, ``why``.
    """
    people, n_clips = clips.groupby("speaker").first(), clips["speaker"].value_counts()
    missing = {name: people[each.column].isna().sum() for name, each in ATTRIBUTES.items()}
    rows = []
    for question in _questions(clips, rng=rng, settings=settings):
        test = None if question.why else question.test
        row = {
            "attribute": question.name,
            "testable": test is not None,
            "compared": question.compared,
            "unit": question.unit,
            "estimate_db": question.estimate_db,
            "low_db": question.low_db,
            "high_db": question.high_db,
            "effect": question.effect,
            "effect_name": question.effect_name,
            "n_speakers": len(question.speakers),
            "n_clips": n_clips.reindex(question.speakers).sum(),
            "n_missing": missing.get(question.name, 0),
            "deviation_db": question.deviation,
            "p": np.nan if test is None else test.p_values(question.y[None])[0],
            "why": question.why,
        }
        rows.append(row)
    result = pd.DataFrame(rows)
    result["p_holm"] = holm(result["p"])
    return result


def add_power(
    clips: pd.DataFrame,
    results: pd.DataFrame,
    *,
    rng: np.random.Generator,
    settings: StatisticsConfig,
) -> pd.DataFrame:
    """Add ``detectable_db`` to what `tests` returned: what each test finds with 80 % power.

    Also where the rules allow no test, if it can be computed.  Infinite: no effect is found.
    """
    alpha = (1 - CONFIDENCE) / max(1, results["testable"].sum())
    smallest = {
        question.name: question.test.smallest_effect(question.deviation, rng=rng, alpha=alpha)
        for question in _questions(clips, rng=rng, settings=settings)
        if question.test is not None
    }
    return results.assign(detectable_db=results["attribute"].map(smallest))


def holm(p: pd.Series) -> pd.Series:
    """Return p-values corrected after Holm for their number; NaN stays NaN and does not count.

    Examples
    --------
    >>> holm(pd.Series([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    ordered = p.dropna().sort_values()
    return (ordered * np.arange(len(ordered), 0, -1)).cummax().clip(upper=1).reindex(p.index)


def describe(results: pd.DataFrame, attribute: str) -> str:
    """Return what the test of one attribute says, from `add_power`, as plain text.

    Examples
    --------
    ``Not by more than chance. Gender, female (12) against male (48): −0.10 dB (95 % interval −0.87
    to 0.62; 60 speakers, 600 clips; Cohen's d −0.09); p = 0.77, after Holm 1. With 80 % power the
    test finds a true difference of 1.29 dB.``
    """
    row = results.set_index("attribute").loc[attribute]
    unit, testable, compared = row["unit"], row["testable"], row["compared"]
    text = f"{attribute[0].upper()}{attribute[1:]}"
    if compared:
        text += f", {compared}"
        if np.isfinite(row["estimate_db"]):
            text += f": {plain(row['estimate_db'], '.2f')} {unit}"
        details = [f"{row['n_speakers']} speakers, {row['n_clips']:,} clips"]
        if np.isfinite(row["low_db"]):
            low, high = (plain(row[end], ".2f") for end in ("low_db", "high_db"))
            details.insert(0, f"95 % interval {low} to {high}")
        if np.isfinite(row["effect"]):
            details.append(f"{row['effect_name']} {plain(row['effect'], '.2f')}")
        text += f" ({'; '.join(details)})"
    if testable:
        answer = "Yes, by" if row["p_holm"] < 0.05 else "Not by"
        text = f"{answer} more than chance. {text}"
        text += f"; p = {row['p']:.2g}, after Holm {row['p_holm']:.2g}."
    else:
        text = f"This corpus cannot tell. {text}{'.' if compared else ':'} {row['why']}"
    smallest = f"a true difference of {row['detectable_db']:.2f} {unit}"
    if np.isinf(row["detectable_db"]):
        text += " With so few speakers the test would find no difference, however large."
    elif np.isfinite(row["detectable_db"]):
        text += (
            f" With 80 % power the test finds {smallest}."
            if testable
            else f" The test would find no less than {smallest} with 80 % power."
        )
    if row["n_missing"] and row["n_speakers"]:
        text += f" Speakers left out for want of a value: {row['n_missing']}."
    return text
