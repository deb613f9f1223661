"""Improvement by speaker and by group of speakers, its variance components and lowest decile.

Functions take tables from `clip_improvements` and return tidy tables; improvements in dB, means
over clips, intervals over speakers.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.config import StatisticsConfig
from lib.speakers.attributes import ATTRIBUTES
from lib.statistics.intervals import by_group, half_width

__all__ = [
    "effects",
    "recognition",
    "lowest_decile",
    "speaker_means",
    "typical_clips",
    "variance_shares",
]

COLUMNS = {name: attribute.column for name, attribute in ATTRIBUTES.items()}
CROSSED = {"accent x gender": ("accent", "gender"), "accent x digit": ("accent", "digit")}
IN_DB = {"estimate": "estimate_db", "low": "low_db", "high": "high_db"}


def speaker_means(clips: pd.DataFrame) -> pd.DataFrame:
    """Return the mean improvement of every speaker, lowest first, with n and the attributes.

    The limits are Student's t intervals over the clips of one speaker (NaN for one clip): they
    describe that speaker only.
    """
    grouped = clips.groupby("speaker")
    table = grouped["improvement_db"].agg(estimate_db="mean", error="sem", n_clips="count")
    half = half_width(table["error"], table["n_clips"] - 1)
    table["low_db"], table["high_db"] = table["estimate_db"] - half, table["estimate_db"] + half
    table = table[["estimate_db", "low_db", "high_db", "n_clips"]]
    table = table.join(grouped[["age", *COLUMNS.values()]].first())
    return table.sort_values("estimate_db").reset_index()


def effects(
    clips: pd.DataFrame, *, rng: np.random.Generator, settings: StatisticsConfig
) -> pd.DataFrame:
    """Return the mean improvement of every level of every attribute, with its interval and n.

    Columns: ``attribute``, ``level``, ``second_level`` (of crossed attributes; else None),
    ``estimate_db``, ``low_db``, ``high_db``, ``n_speakers``, ``n_clips``.  Attributes without
    metadata for any speaker have no rows.
    """
    columns = {name: (column,) for name, column in COLUMNS.items()}
    tools: dict = {"rng": rng, "draws": settings.bootstrap_draws}
    parts = []
    for name, by in {**columns, "digit": ("digit",), **CROSSED}.items():
        part = by_group(clips.sort_values(list(by)), list(by), "improvement_db", **tools)
        part.insert(0, "attribute", name)
        part.insert(1, "level", part.pop(by[0]).astype(str))
        part.insert(2, "second_level", part.pop(by[1]).astype(str) if len(by) > 1 else None)
        parts.append(part.astype({"level": object, "second_level": object}))
    return pd.concat([part for part in parts if len(part)], ignore_index=True).rename(columns=IN_DB)


def variance_shares(clips: pd.DataFrame) -> pd.DataFrame:
    """Split the variance of the improvement: speakers, digits, interaction, within cells.

    Moment estimates of a two-way random-effects model for the speakers who spoke every digit
    (Searle, Casella & McCulloch, Variance Components, 1992, section 4.3); negative estimates are
    set to 0.  All values are NaN unless two speakers spoke every one of two digits or more; with
    one clip per digit, the interaction includes the variation between clips.

    Columns: ``source`` ("speakers", "digits", "speaker x digit", "clips within"), ``variance_db2``,
    ``share`` (0 to 1 of their sum).
    """
    cells = clips.groupby(["speaker", "digit"])["improvement_db"].agg(["mean", "var", "count"])
    means = cells["mean"].unstack().dropna()
    variances = np.full(4, np.nan)
    n_speakers, n_digits = means.shape
    if n_speakers > 1 and n_digits > 1:
        kept = cells.loc[means.index]
        degrees = kept["count"] - 1
        within = (kept["var"] * degrees).sum() / degrees.sum() if degrees.any() else np.nan
        table = means.to_numpy()
        rows, columns = table.mean(1), table.mean(0)
        rest = table - rows[:, None] - columns + table.mean()
        rest = (rest**2).sum() / ((n_speakers - 1) * (n_digits - 1))
        variances[:] = (
            rows.var(ddof=1) - rest / n_digits,
            columns.var(ddof=1) - rest / n_speakers,
            rest - np.nan_to_num(within) * (1 / kept["count"]).mean(),
            within,
        )
        variances = variances.clip(min=0)
    total = np.nansum(variances)
    shares = variances / total if total > 0 else variances * np.nan
    sources = ["speakers", "digits", "speaker x digit", "clips within"]
    return pd.DataFrame({"source": sources, "variance_db2": variances, "share": shares})


def lowest_decile(clips: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the lowest tenth, rounded up, of groups `by` speaker (and digit), lowest first.

    Columns: those of `by`, ``improvement_db`` (mean), ``n_clips``, ``of`` (number of groups), and
    the attributes.
    """
    grouped = clips.groupby(by)
    table = grouped["improvement_db"].agg(improvement_db="mean", n_clips="count")
    table = table.assign(of=len(table)).join(grouped[["age", *COLUMNS.values()]].first())
    table = table.sort_values("improvement_db", kind="stable").reset_index()
    return table.head(int(np.ceil(0.1 * len(table))))


def typical_clips(clips: pd.DataFrame, worst: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return, for each row of `worst`, the clip whose improvement is closest to its mean."""
    table = clips.merge(worst[[*by, "improvement_db"]], on=by, suffixes=("", "_mean"))
    table["distance"] = (table["improvement_db"] - table["improvement_db_mean"]).abs()
    nearest = table.sort_values(["distance", "clip_id"]).drop_duplicates(by)
    return worst[by].merge(nearest[[*by, "clip_id", "improvement_db"]], on=by)


def recognition(
    clips: pd.DataFrame, *, rng: np.random.Generator, settings: StatisticsConfig
) -> pd.DataFrame:
    """Return the recognition accuracy by level of every attribute.

    Columns: ``attribute``, ``level``, ``accuracy`` (0 to 1) and ``improvement_db``, each with its
    interval over speakers, ``n_speakers``, ``n_clips``.  Only clips with a known ``recognised``
    count.
    """
    known = clips.dropna(subset=["recognised"])
    known = known.assign(accuracy=known["recognised"] == known["digit"])
    tools: dict = {"rng": rng, "draws": settings.bootstrap_draws}
    tables = []
    for name, column in COLUMNS.items():
        table = pd.DataFrame()
        for value in ("accuracy", "improvement_db"):
            part = by_group(known.sort_values(column), column, value, **tools)
            table[[value, f"{value}_low", f"{value}_high"]] = part[["estimate", "low", "high"]]
        table = table.join(part[["n_speakers", "n_clips"]])
        table.insert(0, "attribute", name)
        table.insert(1, "level", part[column].astype(str))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
