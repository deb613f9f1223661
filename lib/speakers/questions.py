"""Comparisons by attribute, by digit and by pairs of them: the difference and its test.

Each speaker counts once, with the mean improvement of their clips, and the attribute is permuted
across speakers.  Digits are permuted within each speaker; accent x gender permutes the residuals of
the main effects; accent x digit permutes the accents across whole profiles over the digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lib.speakers.attributes import ATTRIBUTES, Grouping, group_speakers
from lib.statistics.intervals import contrast_with_interval, slope_with_interval
from lib.statistics.permutation import (
    PermutationTest,
    correlation,
    difference_of_differences,
    permutations,
    spread_of_means,
    spread_of_profiles,
)

__all__ = [
    "Question",
    "accent_and_digit",
    "accent_and_gender",
    "codes",
    "compare_digits",
    "compare_groups",
    "groupings",
    "trend_with_age",
]


@dataclass
class Question:
    """One comparison, its result on this corpus, and its test."""

    name: str
    why: str = ""  # reason why it cannot be tested; empty if it can
    speakers: Sequence[str] = ()  # the speakers compared
    compared: str = ""  # in words
    unit: str = "dB"
    estimate_db: float = np.nan
    low_db: float = np.nan
    high_db: float = np.nan
    effect: float = np.nan  # standardised
    effect_name: str = ""
    deviation: float = np.nan  # residual standard deviation of `y`
    y: np.ndarray = field(default_factory=lambda: np.empty(0))  # the data of the test
    test: PermutationTest | None = None  # None where nothing can be compared


def groupings(clips: pd.DataFrame, fewest: int) -> dict[str, Grouping]:
    """Return the groups of speakers compared for every attribute but age."""
    people = clips.groupby("speaker").first()
    return {
        name: group_speakers(people[attribute.column].dropna(), attribute, fewest)
        for name, attribute in ATTRIBUTES.items()
        if attribute.rule != "trend"
    }


def codes(clips: pd.DataFrame, fewest: int) -> dict[str, pd.Series]:
    """Return each compared attribute as one number per speaker, for regressions.

    0 for the baseline and 1 for the others; age in decades.
    """
    coded = {
        name: (grouping.of_speaker != grouping.baseline).astype(float)
        for name, grouping in groupings(clips, fewest).items()
        if grouping.compared
    }
    ages = clips.groupby("speaker")["age"].first().dropna() / 10
    return coded | ({"age": ages} if ages.nunique() > 1 else {})


def compare_groups(
    name: str, improvements: pd.Series, grouping: Grouping, *, rng, settings
) -> Question:
    """Compare groups of speakers.

    The estimate is the mean of the others minus that of the baseline; power refers to a common
    shift of all others.
    """
    question = Question(name, grouping.why)
    if not grouping.compared:
        return question
    improvements = improvements[grouping.of_speaker.index]
    order = [grouping.baseline, *sorted(set(grouping.of_speaker) - {grouping.baseline})]
    x, y = grouping.of_speaker.map(order.index).to_numpy(), improvements.to_numpy()
    question.speakers, question.compared, question.y = improvements.index, grouping.compared, y
    question.estimate_db, question.low_db, question.high_db = contrast_with_interval(
        [y[x > 0], y[x == 0]], rng=rng, draws=settings.bootstrap_draws
    )
    degrees = len(y) - len(order)
    within = sum(np.sum((y[x == g] - y[x == g].mean()) ** 2) for g in range(len(order)))
    deviation = question.deviation = np.sqrt(within / degrees) if degrees > 0 else np.nan
    if len(order) > 2:
        total = np.sum((y - y.mean()) ** 2)
        question.effect_name = "eta squared"
        question.effect = 1 - within / total if total else np.nan
    else:
        question.effect_name = "Cohen's d"
        question.effect = question.estimate_db / deviation if deviation > 0 else np.nan
    if np.bincount(x).min() > 1:
        permuted = permutations(x, rng=rng, draws=settings.permutations)
        question.test = PermutationTest(spread_of_means, permuted, effect=1.0 * (x > 0))
    return question


def trend_with_age(improvements: pd.Series, ages: pd.Series, *, rng, settings) -> Question:
    """Estimate and test a linear trend with age, as the change per ten years."""
    n, fewest = len(ages), 2 * settings.min_speakers_per_level
    if not n:
        return Question("age", "Not in the metadata.")
    if ages.nunique() == 1:
        return Question("age", f"All speakers of known age ({n}) are {ages.iloc[0]:.0f} years old.")
    y, x = improvements[ages.index].to_numpy(), ages.to_numpy(float) / 10
    slope, low, high = slope_with_interval(x, y, rng=rng, draws=settings.bootstrap_draws)
    question = Question(
        "age",
        f"A trend requires {fewest} speakers of known age; there are {n}." if n < fewest else "",
        ages.index,
        "linear trend",
        "dB per 10 years",
        slope,
        low,
        high,
        y=y,
    )
    if n > 2:
        rest = y - y.mean() - slope * (x - x.mean())
        question.deviation = np.sqrt(rest @ rest / (n - 2))
        question.effect = slope * x.std() / y.std() if y.std() > 0 else 0.0
        question.effect_name = "Pearson's r"
        permuted = permutations(x, rng=rng, draws=settings.permutations)
        question.test = PermutationTest(correlation, permuted, effect=x - x.mean())
    return question


def accent_and_gender(
    improvements: pd.Series, accent: Grouping, gender: Grouping, *, rng, settings
) -> Question:
    """Compare the difference between the two accent groups across genders."""
    question = Question("accent x gender")
    if accent.why or gender.why:
        question.why = f"{'Accent' if accent.why else 'Gender'} alone cannot be tested."
        return question
    both = pd.concat([accent.of_speaker, gender.of_speaker], axis=1, join="inner")
    first = (both.iloc[:, 0] != accent.baseline).to_numpy()
    second = (both.iloc[:, 1] != gender.baseline).to_numpy()
    cell, n, y = 2 * first + second, len(both), improvements[both.index].to_numpy()
    sizes, fewest = np.bincount(cell, minlength=4), settings.min_speakers_per_level
    question.speakers = both.index
    if sizes.min() < fewest:
        question.why = (
            f"A test requires {fewest} speakers in each of the four cells; the smallest has "
            f"{sizes.min()}."
        )
    if sizes.min() < 2:
        return question
    question.compared, question.y = "gender difference by accent", y
    question.estimate_db, question.low_db, question.high_db = contrast_with_interval(
        [y[cell == c] for c in range(4)], (1, -1, -1, 1), rng=rng, draws=settings.bootstrap_draws
    )
    means = np.bincount(cell, y) / sizes
    question.deviation = np.sqrt(np.sum((y - means[cell]) ** 2) / (n - 4))
    question.effect, question.effect_name = question.estimate_db / question.deviation, "Cohen's d"
    main = np.stack([np.ones(n), first, second], axis=1)
    residuals = np.eye(n) - main @ np.linalg.pinv(main)
    question.test = PermutationTest(
        difference_of_differences,
        permutations(cell, rng=rng, draws=settings.permutations),
        effect=1.0 * (first & second),
        prepare=lambda y: y @ residuals.astype(y.dtype),
    )
    return question


def compare_digits(table: pd.DataFrame, *, rng, settings) -> Question:
    """Compare digits within speakers; `table` is speakers by digits."""
    question = Question("digit", speakers=table.index)
    (n, k), fewest = table.shape, settings.min_speakers_per_level
    if n < fewest or k < 2:
        question.why = f"A test requires {fewest} speakers who spoke every digit; {n} did."
        return question
    rest = table.sub(table.mean(axis=1), axis=0).to_numpy()
    total, between = np.sum(rest**2), n * np.sum(rest.mean(axis=0) ** 2)
    question.compared, question.unit = f"{k} digits within speakers", "dB for one digit"
    question.effect, question.effect_name = between / total, "eta squared"
    question.deviation = np.sqrt((total - between) / (n - 1) / (k - 1))
    digit = np.tile(np.arange(k), n)

    def within_speakers(y):
        y = y.reshape(len(y), n, k)
        return (y - y.mean(axis=2, keepdims=True)).reshape(len(y), n * k, 1)

    question.y = table.to_numpy().ravel()
    question.test = PermutationTest(
        spread_of_profiles,
        permutations(digit, rng=rng, draws=settings.permutations, blocks=n),
        effect=1.0 * (digit == 0),
        prepare=within_speakers,
    )
    return question


def accent_and_digit(table: pd.DataFrame, accent: Grouping, *, rng, settings) -> Question:
    """Compare the profiles over digits of the two accent groups; `table` is speakers by digits."""
    question = Question("accent x digit")
    if accent.why:
        question.why = "Accent alone cannot be tested."
        return question
    groups = accent.of_speaker[accent.of_speaker.index.isin(table.index)]
    x = (groups != accent.baseline).to_numpy().astype(int)
    sizes, fewest = np.bincount(x, minlength=2), settings.min_speakers_per_level
    question.speakers = groups.index
    if sizes.min() < fewest or table.shape[1] < 2:
        question.why = f"A test requires {fewest} speakers per group who spoke every digit."
        return question

    def profiles(y):
        y = y - y.mean(axis=2, keepdims=True)
        return y - y.mean(axis=1, keepdims=True)

    question.y = table.loc[groups.index].to_numpy()
    rest = profiles(question.y[None])[0]
    total = np.sum(rest**2)
    between = sum(size * np.sum(rest[x == g].mean(axis=0) ** 2) for g, size in enumerate(sizes))
    question.compared, question.unit = "profile over digits", "dB for one digit"
    question.effect, question.effect_name = between / total, "eta squared"
    question.deviation = np.sqrt((total - between) / (len(x) - 2) / (table.shape[1] - 1))
    effect = np.zeros_like(question.y)
    effect[x == 1, 0] = 1.0
    permuted = permutations(x, rng=rng, draws=settings.permutations)
    question.test = PermutationTest(spread_of_profiles, permuted, effect, profiles)
    return question
