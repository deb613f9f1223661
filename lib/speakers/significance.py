"""Which differences between groups of speakers are significant, and which are detectable.

All tests of one corpus form one family (Holm).  Each test comes with its minimum detectable effect:
the smallest true effect that it detects with 80 % power at the strictest level of Holm's procedure,
5 % divided by the number of tests, simulated with the observed variance.

Sources: Holm, Scand. J. Statistics 6 (1979) 65; Cohen, Statistical Power Analysis (1988).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.config import StatisticsConfig
from lib.speakers import questions as asks
from lib.speakers.attributes import ATTRIBUTES
from lib.statistics.intervals import CONFIDENCE

__all__ = ["add_power", "describe", "holm", "tests"]

ORDER = [*ATTRIBUTES, "accent x gender", "digit", "accent x digit"]


def _questions(
    clips: pd.DataFrame, *, rng: np.random.Generator, settings: StatisticsConfig
) -> list[asks.Question]:
    """Return all comparisons of the analysis, in the order of the report."""
    improvements = clips.groupby("speaker")["improvement_db"].mean()
    ages = clips.groupby("speaker")["age"].first().dropna()
    grouped = asks.groupings(clips, settings.min_speakers_per_level)
    table = clips.pivot_table(index="speaker", columns="digit", values="improvement_db").dropna()
    tools: dict = {"rng": rng, "settings": settings}
    asked = [
        asks.compare_groups(name, improvements, each, **tools) for name, each in grouped.items()
    ]
    asked += [
        asks.trend_with_age(improvements, ages, **tools),
        asks.accent_and_gender(improvements, grouped["accent"], grouped["gender"], **tools),
        asks.compare_digits(table, **tools),
        asks.accent_and_digit(table, grouped["accent"], **tools),
    ]
    return sorted(asked, key=lambda question: ORDER.index(question.name))


def tests(
    clips: pd.DataFrame, *, rng: np.random.Generator, settings: StatisticsConfig
) -> pd.DataFrame:
    """Test every attribute, the digit and the two interactions, where testable.

    Columns: the fields of each `Question` (``estimate_db`` is the others minus the baseline, for
    age the change per ten years), ``testable``, ``n_speakers`` and ``n_clips`` compared,
    ``n_missing``, ``deviation_db`` (residual standard deviation), ``p``, ``p_holm``, ``why``.
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
    """Add ``detectable_db``, the minimum detectable effect at 80 % power, to the output of `tests`.

    Also where the rules allow no test, if it can be computed.  Infinite: no effect is detectable.
    """
    alpha = (1 - CONFIDENCE) / max(1, results["testable"].sum())
    smallest = {
        question.name: question.test.smallest_effect(question.deviation, rng=rng, alpha=alpha)
        for question in _questions(clips, rng=rng, settings=settings)
        if question.test is not None
    }
    return results.assign(detectable_db=results["attribute"].map(smallest))


def holm(p: pd.Series) -> pd.Series:
    """Return Holm-corrected p-values; NaN stays NaN and does not count as a test.

    Examples
    --------
    >>> holm(pd.Series([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    ordered = p.dropna().sort_values()
    return (ordered * np.arange(len(ordered), 0, -1)).cummax().clip(upper=1).reindex(p.index)


def describe(results: pd.DataFrame) -> str:
    """Summarise the output of `add_power`: what is testable, significant and detectable.

    Examples
    --------
    ``Comparisons testable on this corpus: 8 of 10. Statistically significant after Holm's
    correction: digit (p = 0.0009). With 80 % power, the tests detect true differences of 0.84 dB
    per 10 years (age) to 3.22 dB (recording room).``
    """
    tested = results[results["testable"]]
    text = f"Comparisons testable on this corpus: {len(tested)} of {len(results)}."
    if tested.empty:
        return text
    found = tested[tested["p_holm"] < 0.05]
    if len(found):
        names = [f"{row.attribute} (p = {row.p_holm:.2g})" for row in found.itertuples()]
        text += f" Statistically significant after Holm's correction: {', '.join(names)}."
    else:
        least = tested.loc[tested["p_holm"].idxmin()]
        text += (
            " None is statistically significant after Holm's correction; the smallest corrected "
            f"p-value is {least['p_holm']:.2g} ({least['attribute']})."
        )
    power = tested[np.isfinite(tested["detectable_db"])]
    if power.empty:
        return text
    ends = [power.loc[power["detectable_db"].idxmin()], power.loc[power["detectable_db"].idxmax()]]
    sizes = [f"{row['detectable_db']:.2f} {row['unit']} ({row['attribute']})" for row in ends]
    between = " to ".join(dict.fromkeys(sizes))
    return f"{text} With 80 % power, the tests detect true differences of {between}."
