"""Digits within speakers, and whether an accent matters more for some: the crossed tests.

Digits are tested by dealing each speaker's digits anew, accent x gender by dealing what the
main effects leave, accent x digit by dealing whole profiles over digits among the speakers.
Each function returns the row of one test for `lib.speakers.significance`; a row without ``p``
says in ``why`` what is lacking.

Source: Freedman & Lane, J. Business & Economic Statistics 1 (1983) 292 (permuted residuals).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.speakers.attributes import Grouping

__all__ = ["accent_and_digit", "accent_and_gender", "compare_digits"]


def _p_value(observed: float, null: np.ndarray) -> float:
    """Share of the permuted statistics at least as large, the observed one among them."""
    return float((1 + np.sum(null >= observed * (1 - 1e-12))) / (1 + len(null)))


def accent_and_gender(
    gains: pd.Series, accent: Grouping, gender: Grouping, *, rng, settings
) -> dict:
    """Test whether the two accent groups differ as much among women as among men."""
    row = {"attribute": "accent x gender"}
    if accent.why or gender.why:
        which = "Accent" if accent.why else "Gender"
        return row | {"why": f"{which} alone cannot be tested."}
    both = pd.concat([accent.of_speaker, gender.of_speaker], axis=1, join="inner")
    first = (both.iloc[:, 0] == accent.reference).to_numpy()
    second = (both.iloc[:, 1] == gender.reference).to_numpy()
    cells = np.stack([first & second, first & ~second, ~first & second, ~first & ~second])
    sizes, n = cells.sum(axis=1), len(both)
    fewest = settings.min_speakers_per_level
    if sizes.min() < fewest:
        why = f"A test wants {fewest} speakers in each of the four cells; one has {sizes.min()}."
        return row | {"why": why, "n_speakers": n}
    signs = np.array([1, -1, -1, 1])
    averages = (cells / sizes[:, None]).T

    def contrast_and_deviation(y):  # y [shape=(..., n)]
        means = y @ averages
        rest = y - means @ cells
        return means @ signs, np.sqrt((rest**2).sum(axis=-1) / (n - 4))

    y = gains[both.index].to_numpy()
    main = np.stack([np.ones(n), first, second], axis=1)
    fitted = main @ np.linalg.lstsq(main, y, rcond=None)[0]
    dealt = rng.permuted(np.tile(y - fitted, (settings.permutations, 1)), axis=1) + fitted
    estimate, deviation = contrast_and_deviation(y)
    null, null_deviation = contrast_and_deviation(dealt)
    return row | {
        "compared": "gender gap by accent",
        "estimate_db": estimate,
        "n_speakers": n,
        "error_db": deviation * np.sqrt((1 / sizes).sum()),
        "degrees": n - 4,
        "effect": estimate / deviation,
        "effect_name": "Cohen's d",
        "statistic": estimate / deviation / np.sqrt((1 / sizes).sum()),
        "p": _p_value(abs(estimate / deviation), abs(null / null_deviation)),
    }


def compare_digits(table: pd.DataFrame, *, rng, settings) -> dict:
    """Test whether digits differ within speakers; `table` is speakers by digits."""
    row = {"attribute": "digit", "n_speakers": len(table)}
    n, k, fewest = *table.shape, settings.min_speakers_per_level
    if n < fewest or k < 2:
        return row | {"why": f"A test wants {fewest} speakers who spoke every digit; {n} did."}
    rest = table.sub(table.mean(axis=1), axis=0).to_numpy()
    total, between = np.sum(rest**2), n * np.sum(rest.mean(axis=0) ** 2)
    null = [np.sum(rng.permuted(rest, axis=1).mean(0) ** 2) for _ in range(settings.permutations)]
    degrees = (n - 1) * (k - 1)
    return row | {
        "compared": f"{k} digits within speakers",
        "unit": "dB between two digits",
        "effect": between / total,
        "effect_name": "eta squared",
        "statistic": between / (k - 1) / ((total - between) / degrees),
        "p": _p_value(between / n, np.array(null)),
        "error_db": np.sqrt(2 * (total - between) / degrees / n),
        "degrees": degrees,
    }


def accent_and_digit(table: pd.DataFrame, accent: Grouping, *, rng, settings) -> dict:
    """Test whether the profile over digits differs between the two accent groups."""
    row = {"attribute": "accent x digit"}
    if accent.why:
        return row | {"why": "Accent alone cannot be tested."}
    groups = accent.of_speaker[accent.of_speaker.index.isin(table.index)]
    is_reference = (groups == accent.reference).to_numpy()
    n, n_reference, fewest = len(groups), is_reference.sum(), settings.min_speakers_per_level
    if min(n_reference, n - n_reference) < fewest or table.shape[1] < 2:
        why = f"A test wants {fewest} speakers in each group who spoke every digit."
        return row | {"why": why, "n_speakers": n}
    rest = table.loc[groups.index]
    rest = rest.sub(rest.mean(axis=1), axis=0)
    rest = (rest - rest.mean()).to_numpy()
    dealt = rng.permuted(np.tile(is_reference, (settings.permutations, 1)), axis=1)
    scale = n_reference * (n - n_reference) / n

    def between(reference):  # reference [shape=(..., n)]; the profiles sum to 0 over speakers
        return np.sum((reference @ rest) ** 2, axis=-1) / scale

    observed, total, degrees = between(is_reference), np.sum(rest**2), n - 2
    variance = (total - observed) / degrees / table.shape[1]
    return row | {
        "compared": "profile over digits",
        "unit": "dB in one digit",
        "n_speakers": n,
        "effect": observed / total,
        "effect_name": "eta squared",
        "statistic": observed / (total - observed) * degrees,
        "p": _p_value(observed, between(dealt)),
        "error_db": np.sqrt(variance / scale),
        "degrees": degrees,
    }
