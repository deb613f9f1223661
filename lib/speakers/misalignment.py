"""Why the published figures by speaker could not have shown anything.

The reference shuffled its test items and took their labels in the old order.  Here the same mistake
is made on purpose on our own scores, and the published spreads are held against what it gives.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["PUBLISHED", "published_spreads", "shuffled_spreads"]

# The published lowest and highest mean, dB, and the speakers of each level in Audio MNIST
# (digits: equal shares).  The smaller accents share 20 speakers.
PUBLISHED = {
    "digit": (0.40, 0.71, [1] * 10),
    "speaker": (0.09, 0.95, [1] * 60),
    "accent": (0.18, 0.95, [40, 3, 2, 2] + [1] * 13),
    "gender": (0.47, 0.53, [48, 12]),
    "native speaker": (0.43, 0.52, [57, 3]),
}
COLUMNS = {"native speaker": "native_speaker"}


def _spread(dealt: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Highest minus lowest mean of consecutive groups of these sizes, along the last axis."""
    starts = np.cumsum(sizes) - sizes
    return np.ptp(np.add.reduceat(dealt, starts, axis=-1) / sizes, axis=-1)


def _chance(spreads: np.ndarray) -> dict:
    low, median, high = np.quantile(spreads, [0.025, 0.5, 0.975])
    return {"chance_low_db": low, "chance_db": median, "chance_high_db": high}


def shuffled_spreads(clips: pd.DataFrame, *, rng: np.random.Generator, draws: int) -> pd.DataFrame:
    """Return how far apart group means lie with true labels, and with labels shuffled over clips.

    Parameters
    ----------
    clips : pd.DataFrame
        As from `clip_gains`.

    Returns
    -------
    pd.DataFrame
        ``label``, ``groups``, ``n_clips``, ``true_db`` (highest minus lowest mean),
        ``misaligned_db`` (the same after the mistake of the reference: one shuffle of the clips,
        all labels in the old order), and median and central 95 % of what many shuffles give:
        ``chance_db``, ``chance_low_db``, ``chance_high_db``.  Labels with fewer than two levels
        have no row.
    """
    gains, groups = clips["gain_db"].to_numpy(), {}
    for label in PUBLISHED:
        codes, levels = pd.factorize(clips[COLUMNS.get(label, label)], sort=True)
        if len(levels) > 1:
            order = np.argsort(codes, kind="stable")[np.sum(codes < 0) :]  # -1: missing
            groups[label] = order, np.bincount(codes[order])
    spreads = np.empty((draws, len(groups)))
    for row in spreads:
        wrong = rng.permutation(gains)
        row[:] = [_spread(wrong[order], sizes) for order, sizes in groups.values()]
    rows = [
        {"label": label, "groups": len(sizes), "n_clips": len(order)}
        | {"true_db": _spread(gains[order], sizes), "misaligned_db": chance[0]}
        | _chance(chance)
        for (label, (order, sizes)), chance in zip(groups.items(), spreads.T)
    ]
    columns = ["label", "groups", "n_clips", "true_db", "misaligned_db", *_chance(np.zeros(1))]
    return pd.DataFrame(rows, columns=columns)


def published_spreads(*, rng: np.random.Generator, draws: int) -> pd.DataFrame:
    """Return the published spread of each label beside what chance alone gives.

    Under shuffled labels a group mean varies around the overall mean in proportion to
    1/sqrt(clips in the group), whatever was measured.  The shares of the groups are known, so
    that one number, the standard error of the overall mean, fixes the spread of all labels.
    It is fitted here (least squares of the logarithms), and one number has to explain all.

    Returns
    -------
    pd.DataFrame
        ``label``, ``groups``, ``published_db``, ``chance_db``, ``chance_low_db``,
        ``chance_high_db``, ``within_chance``.
    """
    unit = {}
    for label, (_, _, speakers) in PUBLISHED.items():
        shares = np.array(speakers) / sum(speakers)
        unit[label] = np.ptp(rng.normal(size=(draws, len(shares))) / np.sqrt(shares), axis=1)
    published = {label: highest - lowest for label, (lowest, highest, _) in PUBLISHED.items()}
    ratios = [published[label] / np.median(unit[label]) for label in unit]
    error = np.exp(np.mean(np.log(ratios)))
    rows = [
        {"label": label, "groups": len(PUBLISHED[label][2]), "published_db": published[label]}
        | _chance(error * unit[label])
        for label in unit
    ]
    table = pd.DataFrame(rows)
    table["within_chance"] = table["published_db"].between(
        table["chance_low_db"], table["chance_high_db"]
    )
    return table
