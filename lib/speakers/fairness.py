"""Who is served worst: the lowest decile of speakers, and of speakers saying a digit.

An average can rise while some people are left behind, so they are looked up by name.  Where the
score table says which digit a recogniser heard (column ``recognised``), the share of
digits heard rightly stands beside the gain.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.config import StatisticsConfig
from lib.speakers.attributes import ATTRIBUTES
from lib.statistics.intervals import by_group

__all__ = ["recognition", "served_worst", "typical_clips"]

DECILE = 0.1


def served_worst(clips: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the lowest decile of speakers or of cells, lowest first.

    Parameters
    ----------
    clips : pd.DataFrame
        As from `clip_gains`.
    by : list of str
        ``["speaker"]`` or ``["speaker", "digit"]``.

    Returns
    -------
    pd.DataFrame
        The columns of `by`, ``gain_db`` (mean), ``n_clips``, ``place`` (1 for the lowest), ``of``
        (how many there are), then the attributes.  A tenth, rounded up.
    """
    attributes = ["age", *(a.column for a in ATTRIBUTES.values() if a.column != "age_band")]
    grouped = clips.groupby(by)
    table = (
        grouped["gain_db"].agg(gain_db="mean", n_clips="count").join(grouped[attributes].first())
    )
    table = table.sort_values("gain_db", kind="stable").reset_index()
    table.insert(len(by) + 2, "place", np.arange(1, len(table) + 1))
    table.insert(len(by) + 3, "of", len(table))
    return table.head(int(np.ceil(DECILE * len(table))))


def typical_clips(clips: pd.DataFrame, worst: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return, for each row of `worst`, the clip whose gain is nearest to its mean."""
    table = clips.merge(worst[[*by, "gain_db"]], on=by, suffixes=("", "_mean"))
    table["distance"] = (table["gain_db"] - table["gain_db_mean"]).abs()
    nearest = table.sort_values(["distance", "clip_id"]).groupby(by, sort=False).head(1)
    return worst[by].merge(nearest[[*by, "clip_id", "gain_db"]].drop_duplicates(by), on=by)


def recognition(
    clips: pd.DataFrame, *, rng: np.random.Generator, settings: StatisticsConfig
) -> pd.DataFrame:
    """Return how many digits a recogniser hears rightly, by level of every attribute.

    Parameters
    ----------
    clips : pd.DataFrame
        As from `clip_gains`; clips whose ``recognised`` is missing do not count.

    Returns
    -------
    pd.DataFrame
        ``attribute``, ``level``, and with its interval over speakers ``accuracy`` (0 to 1) and
        ``gain_db``; ``n_speakers``, ``n_clips``.  Empty where nothing was recognised.
    """
    known = clips.dropna(subset=["recognised"])
    known = known.assign(accuracy=known["recognised"] == known["digit"])
    tools: dict = {"rng": rng, "draws": settings.bootstrap_draws}
    tables = []
    for name, attribute in ATTRIBUTES.items():
        accuracy, gain = (
            by_group(known.sort_values(attribute.column), attribute.column, value, **tools)
            for value in ("accuracy", "gain_db")
        )
        table = pd.DataFrame({"attribute": name, "level": accuracy[attribute.column].astype(str)})
        for value, part in (("accuracy", accuracy), ("gain_db", gain)):
            table[[value, f"{value}_low", f"{value}_high"]] = part[["estimate", "low", "high"]]
        tables.append(table.join(accuracy[["n_speakers", "n_clips"]]))
    return pd.concat(tables, ignore_index=True)
