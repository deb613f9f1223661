"""Digits within speakers, and whether an accent matters more for some: the crossed questions.

Digits are tested by dealing each speaker's digits anew, accent x gender by dealing what the
main effects leave, accent x digit by dealing the accents to whole profiles over the digits.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.speakers.attributes import Grouping
from lib.speakers.questions import Question
from lib.statistics.intervals import contrast_with_interval
from lib.statistics.permutation import (
    PermutationTest,
    deals,
    difference_of_differences,
    spread_of_profiles,
)

__all__ = ["accent_and_digit", "accent_and_gender", "compare_digits"]


def accent_and_gender(
    gains: pd.Series, accent: Grouping, gender: Grouping, *, rng, settings
) -> Question:
    """Ask whether the two accent groups differ as much among women as among men."""
    question = Question("accent x gender")
    if accent.why or gender.why:
        question.why = f"{'Accent' if accent.why else 'Gender'} alone cannot be tested."
        return question
    both = pd.concat([accent.of_speaker, gender.of_speaker], axis=1, join="inner")
    first = (both.iloc[:, 0] != accent.baseline).to_numpy()
    second = (both.iloc[:, 1] != gender.baseline).to_numpy()
    cell, n, y = 2 * first + second, len(both), gains[both.index].to_numpy()
    sizes, fewest = np.bincount(cell, minlength=4), settings.min_speakers_per_level
    question.speakers = both.index
    if sizes.min() < fewest:
        question.why = (
            f"A test wants {fewest} speakers in each of the four cells; one has {sizes.min()}."
        )
    if sizes.min() < 2:
        return question
    estimate, low, high, *_ = contrast_with_interval(
        [y[cell == c] for c in range(4)],
        (1, -1, -1, 1),
        rng=rng,
        draws=settings.bootstrap_draws,
    )
    means = np.bincount(cell, y) / sizes
    question.deviation = np.sqrt(np.sum((y - means[cell]) ** 2) / (n - 4))
    question.facts = {
        "compared": "gender gap by accent",
        "estimate_db": estimate,
        "low_db": low,
        "high_db": high,
        "effect": estimate / question.deviation,
        "effect_name": "Cohen's d",
    }
    main = np.stack([np.ones(n), first, second], axis=1)
    residuals = np.eye(n) - main @ np.linalg.pinv(main)
    question.y = y
    question.test = PermutationTest(
        difference_of_differences,
        deals(cell, rng=rng, draws=settings.permutations),
        effect=1.0 * (first & second),
        prepare=lambda y: y @ residuals.astype(y.dtype),
    )
    return question


def compare_digits(table: pd.DataFrame, *, rng, settings) -> Question:
    """Ask whether digits differ within speakers; `table` is speakers by digits."""
    question = Question("digit", speakers=table.index)
    (n, k), fewest = table.shape, settings.min_speakers_per_level
    if n < fewest or k < 2:
        question.why = f"A test wants {fewest} speakers who spoke every digit; {n} did."
        return question
    rest = table.sub(table.mean(axis=1), axis=0).to_numpy()
    total, between = np.sum(rest**2), n * np.sum(rest.mean(axis=0) ** 2)
    question.facts = {
        "compared": f"{k} digits within speakers",
        "unit": "dB in one digit",
        "effect": between / total,
        "effect_name": "eta squared",
    }
    question.deviation = np.sqrt((total - between) / (n - 1) / (k - 1))
    digit = np.tile(np.arange(k), n)

    def within_speakers(y):
        y = y.reshape(len(y), n, k)
        return (y - y.mean(axis=2, keepdims=True)).reshape(len(y), n * k, 1)

    question.y = table.to_numpy().ravel()
    question.test = PermutationTest(
        spread_of_profiles,
        deals(digit, rng=rng, draws=settings.permutations, blocks=n),
        effect=1.0 * (digit == 0),
        prepare=within_speakers,
    )
    return question


def accent_and_digit(table: pd.DataFrame, accent: Grouping, *, rng, settings) -> Question:
    """Ask whether the profile over digits differs between the two accent groups."""
    question = Question("accent x digit")
    if accent.why:
        question.why = "Accent alone cannot be tested."
        return question
    groups = accent.of_speaker[accent.of_speaker.index.isin(table.index)]
    x = (groups != accent.baseline).to_numpy().astype(int)
    sizes, fewest = np.bincount(x, minlength=2), settings.min_speakers_per_level
    question.speakers = groups.index
    if sizes.min() < fewest or table.shape[1] < 2:
        question.why = f"A test wants {fewest} speakers in each group who spoke every digit."
        return question

    def profiles(y):
        y = y - y.mean(axis=2, keepdims=True)
        return y - y.mean(axis=1, keepdims=True)

    question.y = table.loc[groups.index].to_numpy()
    rest = profiles(question.y[None])[0]
    total = np.sum(rest**2)
    between = sum(size * np.sum(rest[x == g].mean(axis=0) ** 2) for g, size in enumerate(sizes))
    question.facts = {
        "compared": "profile over digits",
        "unit": "dB in one digit",
        "effect": between / total,
        "effect_name": "eta squared",
    }
    question.deviation = np.sqrt((total - between) / (len(x) - 2) / (table.shape[1] - 1))
    effect = np.zeros_like(question.y)
    effect[x == 1, 0] = 1.0
    question.test = PermutationTest(
        spread_of_profiles,
        deals(x, rng=rng, draws=settings.permutations),
        effect=effect,
        prepare=profiles,
    )
    return question
