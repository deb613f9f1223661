"""What is asked of each attribute: the estimate of the difference and its permutation test.

Each speaker counts once, with the mean gain of their clips.  The attribute is dealt anew to
the speakers.  Digits and interactions stand in `lib.speakers.crossed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lib.speakers.attributes import ATTRIBUTES, Grouping, group_speakers
from lib.statistics.intervals import contrast_with_interval, slope_with_interval
from lib.statistics.permutation import PermutationTest, correlation, deals, spread_of_means

__all__ = ["Question", "codes", "compare_groups", "groupings", "trend_with_age"]


@dataclass
class Question:
    """One question, what the corpus says to it, and its test.

    Attributes
    ----------
    name : str
        The attribute.
    why : str
        Why it cannot be tested; empty if it can.
    speakers : sequence of str
        Who is compared.
    facts : dict
        Columns of the table of `lib.speakers.tests`.
    test : PermutationTest, optional
        None where nothing can be compared at all.
    y : np.ndarray
        The data of the test; empty where there is none.
    deviation : float
        Standard deviation of `y` that the effect does not explain.
    """

    name: str
    why: str = ""
    speakers: Sequence[str] = ()
    facts: dict = field(default_factory=dict)
    test: PermutationTest | None = None
    y: np.ndarray = field(default_factory=lambda: np.empty(0))
    deviation: float = np.nan


def groupings(clips: pd.DataFrame, fewest: int) -> dict[str, Grouping]:
    """Return the compared groups of speakers for every attribute but age."""
    people = clips.groupby("speaker").first()
    return {
        name: group_speakers(people[attribute.column].dropna(), attribute, fewest)
        for name, attribute in ATTRIBUTES.items()
        if attribute.rule != "trend"
    }


def codes(clips: pd.DataFrame, fewest: int) -> dict[str, pd.Series]:
    """Return each compared attribute as one number per speaker, for regressions.

    0 for the baseline and 1 for the others; the age in tens of years.
    """
    coded = {
        name: (grouping.of_speaker != grouping.baseline).astype(float)
        for name, grouping in groupings(clips, fewest).items()
        if grouping.compared
    }
    ages = clips.groupby("speaker")["age"].first().dropna() / 10
    return coded | ({"age": ages} if ages.nunique() > 1 else {})


def compare_groups(name: str, gains: pd.Series, grouping: Grouping, *, rng, settings) -> Question:
    """Ask whether groups of speakers differ.

    The estimate is the mean of the others minus that of the baseline, and power is that of finding
    all others shifted together.
    """
    if not grouping.compared:
        return Question(name, grouping.why)
    y = gains[grouping.of_speaker.index]
    order = [grouping.baseline, *sorted(set(grouping.of_speaker) - {grouping.baseline})]
    x = grouping.of_speaker.map(order.index).to_numpy()
    baseline, others = y[x == 0].to_numpy(), y[x > 0].to_numpy()
    estimate, low, high, *_ = contrast_with_interval(
        [others, baseline],
        rng=rng,
        draws=settings.bootstrap_draws,
    )
    degrees = len(y) - len(order)
    within = sum(np.sum((y[x == g] - y[x == g].mean()) ** 2) for g in range(len(order)))
    deviation = np.sqrt(within / degrees) if degrees > 0 else np.nan
    facts = {"compared": grouping.compared, "estimate_db": estimate, "low_db": low, "high_db": high}
    if len(order) > 2:
        total = np.sum((y - y.mean()) ** 2)
        facts |= {"effect": 1 - within / total if total else np.nan, "effect_name": "eta squared"}
    else:
        effect = estimate / deviation if deviation > 0 else np.nan
        facts |= {"effect": effect, "effect_name": "Cohen's d"}
    question = Question(name, grouping.why, y.index, facts, y=y.to_numpy(), deviation=deviation)
    if np.bincount(x).min() > 1:
        dealt = deals(x, rng=rng, draws=settings.permutations)
        question.test = PermutationTest(spread_of_means, dealt, effect=1.0 * (x > 0))
    return question


def trend_with_age(gains: pd.Series, ages: pd.Series, *, rng, settings) -> Question:
    """Ask for a linear trend with age; the estimate is the change in ten years."""
    if ages.empty:
        return Question("age", "The corpus does not say it of anyone.")
    if ages.nunique() == 1:
        return Question(
            "age", f"All known speakers ({len(ages)}) are {ages.iloc[0]:.0f} years old."
        )
    y, x = gains[ages.index].to_numpy(), ages.to_numpy(float) / 10
    estimate, low, high, *_ = slope_with_interval(x, y, rng=rng, draws=settings.bootstrap_draws)
    facts: dict = {"compared": "trend with age", "unit": "dB in 10 years"}
    facts |= {"estimate_db": estimate, "low_db": low, "high_db": high}
    question, n = Question("age", speakers=ages.index, facts=facts, y=y), len(ages)
    if n > 2:
        rest = y - y.mean() - estimate * (x - x.mean())
        question.deviation = np.sqrt(rest @ rest / (n - 2))
        dealt = deals(x, rng=rng, draws=settings.permutations)
        question.test = PermutationTest(correlation, dealt, effect=x - x.mean())
        r = estimate * x.std() / y.std() if y.std() > 0 else 0.0
        facts |= {"effect": r, "effect_name": "Pearson's r"}
    fewest = 2 * settings.min_speakers_per_level
    if n < fewest:
        question.why = f"A trend wants {fewest} speakers of known age; there are {n}."
    return question
