"""Figures of the group comparisons, one for each kind of comparison that a corpus supports."""

from __future__ import annotations

import pandas as pd

from lib.figures import speakers as figures
from lib.report.display import figure
from lib.speakers import ATTRIBUTES, speaker_means

__all__ = ["group_figures"]

POINTS = (
    "Small points: speakers; large points: means with 95 % CI, for groups with enough speakers; "
    "dashed: the mean over all clips."
)


def group_figures(
    clips: pd.DataFrame, effects: pd.DataFrame, tests: pd.DataFrame, *, fewest: int
) -> None:
    """Show figures of only those groups, age trend, digits and interactions that could be tested.

    Parameters
    ----------
    clips, effects, tests : pd.DataFrame
        From `lib.speakers`: one row per clip, per level, and per comparison.
    fewest : int
        Minimum number of speakers for a group to have an interval.
    """
    tested = tests.loc[tests["testable"], "attribute"].tolist()
    grouped = [n for n in tested if n in ATTRIBUTES and ATTRIBUTES[n].rule != "trend"]
    if grouped:
        figure(
            figures.levels(clips, effects, grouped, fewest=fewest),
            "fig-groups",
            caption=f"SI-SDR improvement by group of speakers. {POINTS}",
            alt=f"One panel for each of {', '.join(grouped)}, with a row per group: the speakers' "
            "mean improvements, the mean of the group with its interval, and n.",
        )
    if "age" in tested:
        figure(
            figures.age_trend(speaker_means(clips)),
            "fig-age-trend",
            caption="Mean SI-SDR improvement of each speaker by age, with the least-squares line.",
            alt="Scatter chart of the speakers' mean improvements by age with a fitted line.",
        )
    if "digit" in tested:
        figure(
            figures.levels(clips, effects, ["digit"], fewest=fewest),
            "fig-digit",
            caption=f"SI-SDR improvement by digit. {POINTS}",
            alt="One row per digit: the speakers' mean improvements, the mean and its interval.",
        )
    for name in [name for name in tested if " x " in name]:
        first, second = name.split(" x ")
        figure(
            figures.heatmap(effects, name),
            f"fig-{first}-{second}",
            caption=f"Mean SI-SDR improvement (dB) by {first} and {second}, with the number of "
            "speakers in brackets; cells without a speaker are empty.",
            alt=f"Heat map of the mean improvement, {first} by {second}, with n in each cell.",
        )
