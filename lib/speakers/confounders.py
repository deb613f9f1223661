"""What else differs between the groups: voices, levels and days, and what remains without them.

`overlap` says how far one property foretells another; `held_fixed` how much of a difference
remains between speakers who are alike in a measure (linear regression across speakers, errors that
allow for unequal variances).  The rules, stated before the results:

- each coefficient of a regression wants five speakers;
- where a measure foretells half of the variance of an attribute or more, holding it fixed
  removes most of what could be compared, and the two count as inseparable.

Source: MacKinnon & White, J. Econometrics 29 (1985) 305 (HC3 errors).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.config import StatisticsConfig
from lib.corpora.manifest import usable
from lib.speakers.questions import codes
from lib.statistics.intervals import CONFIDENCE
from lib.text import plain

__all__ = ["describe_overlap", "held_fixed", "measures", "overlap"]

SPEAKERS_PER_COEFFICIENT = 5
INSEPARABLE = 0.5  # share of the variance


def measures(manifest: pd.DataFrame, voices: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return measures of every speaker, medians over clips; NaN where unknown.

    Columns: pitch (semitones above 100 Hz), spectral tilt (dB per octave), level (dBFS),
    duration (s), noise floor (dB, below the level), recording date (days since the first).
    """
    clips = usable(manifest).replace([np.inf, -np.inf], np.nan)
    clips = clips.groupby("speaker")[["rms_dbfs", "duration_s", "noise_floor_db"]].median()
    voices = voices.groupby("speaker")[["f0_hz", "tilt_db_per_octave"]].median()
    dates = people.reindex(columns=["speaker", "recording_date"]).set_index("speaker")
    dates = pd.to_datetime(dates["recording_date"], errors="coerce")
    table = pd.DataFrame(
        {
            "pitch": 12 * np.log2(voices["f0_hz"] / 100),
            "spectral tilt": voices["tilt_db_per_octave"],
            "level": clips["rms_dbfs"],
            "duration": clips["duration_s"],
            "noise floor": clips["noise_floor_db"],
            "recording date": (dates - dates.min()).dt.total_seconds() / 86_400,
        }
    )
    return table.loc[clips.index].rename_axis("speaker")


def overlap(
    clips: pd.DataFrame, measured: pd.DataFrame, *, settings: StatisticsConfig
) -> pd.DataFrame:
    """Return how far one property of the speakers foretells another.

    Columns: ``attribute``, ``other`` (a measure or another attribute), ``share`` (squared
    correlation, 0 to 1, of the two groups that are compared, age and measures as numbers),
    ``n_speakers``.  Pairs with fewer than ten speakers have no row.
    """
    coded = codes(clips, settings.min_speakers_per_level)
    others = {name: measured[name].dropna() for name in measured} | coded
    rows = []
    for attribute, code in coded.items():
        for other, values in others.items():
            both = pd.concat([code, values], axis=1, join="inner").to_numpy()
            if other == attribute or len(both) < 2 * SPEAKERS_PER_COEFFICIENT:
                continue
            if (np.ptp(both, axis=0) > 0).all():
                share = np.corrcoef(both.T)[0, 1] ** 2
                rows.append((attribute, other, share, len(both)))
    return pd.DataFrame(rows, columns=["attribute", "other", "share", "n_speakers"])


def held_fixed(
    clips: pd.DataFrame, measured: pd.DataFrame, *, settings: StatisticsConfig
) -> pd.DataFrame:
    """Return the difference of each attribute as it is and with measures held fixed.

    Columns: ``attribute``, ``fixed`` ("nothing", a measure, "all measures"), ``estimate_db`` with
    ``low_db`` and ``high_db`` (95 % interval), ``n_speakers``.  The same speakers, those with all
    measures, stand in all rows of an attribute.  Regressions for which there are too few speakers
    have no row.
    """
    import statsmodels.api as sm  # takes seconds

    gains = clips.groupby("speaker")["gain_db"].mean()
    varying = [name for name in measured if measured[name].nunique() > 1]
    choices = {"nothing": [], **{name: [name] for name in varying}, "all measures": varying}
    rows = []
    for attribute, code in codes(clips, settings.min_speakers_per_level).items():
        table = measured[varying].assign(effect=code, gain_db=gains).dropna()
        for fixed, columns in choices.items():
            x = sm.add_constant(table[["effect", *columns]], has_constant="add")
            if len(x) < SPEAKERS_PER_COEFFICIENT * x.shape[1]:
                continue
            alone = table["effect"].nunique() == 2 and table["effect"].value_counts().min() < 2
            if alone or np.linalg.matrix_rank(x) < x.shape[1]:
                continue  # an error could not be known
            fit = sm.OLS(table["gain_db"], x).fit(cov_type="HC3", use_t=True)
            low, high = fit.conf_int(1 - CONFIDENCE).loc["effect"]
            rows.append((attribute, fixed, fit.params["effect"], low, high, len(x)))
    columns = ["attribute", "fixed", "estimate_db", "low_db", "high_db", "n_speakers"]
    return pd.DataFrame(rows, columns=columns)


def describe_overlap(shares: pd.DataFrame) -> str:
    """Name, in a sentence, the pairs of `overlap` that cannot be separated."""
    if shares.empty:
        return "There are too few speakers to say which properties go together."
    close = shares[shares["share"] >= INSEPARABLE]
    if close.empty:
        return "No two properties go together so closely that they could not be separated."
    once = ~close[["attribute", "other"]].apply(frozenset, axis=1).duplicated()
    pairs = [
        f"{row.attribute} and {row.other} ({plain(row.share, '.0%')})"
        for row in close[once].itertuples()
    ]
    return f"Cannot be separated in this corpus: {'; '.join(pairs)}."
