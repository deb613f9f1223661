"""The attributes of the speakers and the groups that are compared.

The rules were fixed before any score was seen, and apply to every corpus:

- a speaker whose attribute is missing is excluded from its analysis, and counted;
- a level with fewer than ``min_speakers_per_level`` speakers is shown, but never tested;
- accents and countries have too many levels for the number of speakers: the most frequent of each
  is compared with all others;
- other attributes are compared level by level, or, where fewer than two levels have enough
  speakers, the baseline with all others;
- origins are compared by country and by continent (``Europe, Germany, Berlin`` is one of 42 in
  Audio MNIST);
- age is numeric: its trend is tested, its bands are for display only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.corpora.manifest import usable
from lib.errors import InputError

__all__ = ["ATTRIBUTES", "Attribute", "Grouping", "clip_improvements", "group_speakers", "left_out"]


class Attribute(NamedTuple):
    """One attribute of a speaker and the rule by which speakers are compared."""

    column: str  # of the table of `clip_improvements`; its levels are shown
    rule: str  # "levels", "most frequent" or "trend"
    baseline: str = ""  # level that the others are compared with; empty: the most frequent


ATTRIBUTES = {
    "accent": Attribute("accent", "most frequent"),
    "age": Attribute("age_band", "trend"),
    "gender": Attribute("gender", "levels", baseline="male"),
    "native speaker": Attribute("native_speaker", "levels", baseline="no"),
    "continent": Attribute("continent", "levels"),
    "country": Attribute("country", "most frequent"),
    "recording room": Attribute("recording_room", "levels"),
}
AGE_BANDS = {"24 and under": 25, "25–29": 30, "30–39": 40, "40–49": 50, "50 and over": np.inf}


def clip_improvements(
    scores: pd.DataFrame,
    people: pd.DataFrame,
    *,
    noise: str | None = None,
    snr_db: float | None = None,
    manifest: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return one row per clip: its improvement with our method and its speaker's attributes.

    Parameters
    ----------
    scores, people : pd.DataFrame
        The score table and the cleaned speakers; absent columns count as missing for all.
    noise, snr_db : optional
        The condition; all conditions when None.
    manifest : pd.DataFrame, optional
        For the level of each clean clip.

    Returns
    -------
    pd.DataFrame
        ``clip_id``, ``speaker``, ``digit``, ``recognised`` (NaN if unknown), ``improvement_db``
        (of the SI-SDR; NaN dropped), ``level_dbfs`` (NaN without a manifest), ``age`` and a column
        for each attribute, None where missing.
    """
    chosen = scores["method"] == "ours"
    if noise is not None:
        chosen &= scores["noise"] == noise
    if snr_db is not None:
        chosen &= np.isclose(scores["input_snr_db"], snr_db)
    clips = scores[chosen].rename(columns={"si_sdr_improvement_db": "improvement_db"})
    clips = clips.reindex(columns=["clip_id", "speaker", "digit", "recognised", "improvement_db"])
    clips = clips.dropna(subset=["improvement_db"]).astype({"speaker": str})
    if clips.empty:
        raise InputError(
            f"No scores of method 'ours' in noise {noise!r} at {snr_db} dB; the table has "
            f"{', '.join(map(str, scores['method'].unique()))} in "
            f"{', '.join(map(str, scores['noise'].unique()))}. Run 04_evaluation.ipynb again."
        )
    people = people.copy()
    people["age"] = pd.to_numeric(people.get("age"), errors="coerce")
    people["age_band"] = pd.cut(
        people["age"], [0, *AGE_BANDS.values()], labels=list(AGE_BANDS), right=False
    ).astype(object)
    columns = [attribute.column for attribute in ATTRIBUTES.values()]
    people = people.reindex(columns=["speaker", "age", *columns])
    people[columns] = people[columns].astype(object).where(people[columns].notna(), None)
    clips["level_dbfs"] = np.nan
    if manifest is not None:
        levels = usable(manifest).set_index("clip_id")["rms_dbfs"]  # excluded clips may share an id
        clips["level_dbfs"] = clips["clip_id"].map(levels)
    return clips.merge(people.astype({"speaker": str}), on="speaker", how="left")


def left_out(clips: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """List the speakers that lack an attribute, and the values supplied instead.

    Columns: ``attribute``, ``n_missing``, ``speakers`` ("all", or their names), ``supplied`` (the
    values in ``raw_<column>``, None where there were none).  Only attributes with missing speakers.
    """
    first, rows = clips.groupby("speaker").first(), []
    raw = people.astype({"speaker": str}).set_index("speaker")
    for name, attribute in ATTRIBUTES.items():
        missing = first.index[first[attribute.column].isna()]
        origins = {"age": "age", "country": "origin", "continent": "origin"}
        column = f"raw_{origins.get(name, attribute.column)}"
        values = raw[column].reindex(missing).dropna().unique() if column in raw else []
        if len(missing):
            names = "all" if len(missing) == len(first) else ", ".join(missing)
            supplied = ", ".join(map(repr, values)) or None
            rows.append((name, len(missing), names, supplied))
    return pd.DataFrame(rows, columns=["attribute", "n_missing", "speakers", "supplied"])


class Grouping(NamedTuple):
    """The groups of speakers in one comparison, or the reason why there is none."""

    of_speaker: pd.Series  # speaker -> group; only the speakers compared
    baseline: str = ""  # the group that the others are compared with
    compared: str = ""  # which groups and how many speakers each, in words; empty when none
    why: str = ""  # reason why no test is possible; empty when one is


def group_speakers(levels: pd.Series, attribute: Attribute, fewest: int) -> Grouping:
    """Assign the speakers to the groups that the attribute's rule compares.

    `levels` maps speaker -> level, without missing values; a tested group has at least `fewest`
    speakers.
    """
    counts = levels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if counts.empty:
        return Grouping(levels, why="Not in the metadata.")
    baseline = attribute.baseline if attribute.baseline in counts else counts.index[0]
    if len(counts) == 1:
        why = f"All known values ({counts.iloc[0]}) are the same: {baseline}."
        return Grouping(levels, baseline, why=why)
    groups = levels[levels.isin(counts.index[counts >= fewest])]
    if attribute.rule == "most frequent" or groups.nunique() < 2 or baseline not in set(groups):
        others = levels.where(levels == baseline, f"not {baseline}")
        groups = levels if len(counts) == 2 else others
    sizes = groups.value_counts()
    names = [f"{group} ({n})" for group, n in sizes.items() if group != baseline]
    compared = f"{', '.join(names)} vs. {baseline} ({sizes[baseline]})"
    small = ", ".join(f"{group} ({n})" for group, n in sizes.items() if n < fewest)
    why = f"A test requires {fewest} speakers per group; too small: {small}." if small else ""
    return Grouping(groups, baseline, compared, why)
