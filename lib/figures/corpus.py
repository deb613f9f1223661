"""Figures for data exploration: metadata, durations and levels, faults, supplied pairs."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from lib.figures import marks, style

__all__ = ["durations_and_levels", "measured_snr", "metadata_bars", "speaker_faults"]

PANELS = {
    "accent": "Accent",
    "age": "Age (years)",
    "gender": "Gender",
    "native_speaker": "Native speaker",
    "country": "Origin (country)",
    "recording_room": "Recording room",
}
MOST_BARS = 10
LONGEST_LABEL = 24  # characters
OFFSET, RUMBLE = "#D55E00", "#0072B2"
GREY = "#8c8c8c"


def _levels(values: pd.Series) -> pd.Series:
    """Count speakers per level, with one entry for all rare levels and one for missing values."""
    if values.name == "age":
        counts = (values.dropna() // 5 * 5).astype(int).value_counts()
        if len(counts):
            ages = range(counts.index.min(), counts.index.max() + 1, 5)
            counts = counts.reindex(ages, fill_value=0)
        counts.index = [f"{age}–{age + 4}" for age in counts.index]
    else:
        counts = values.value_counts()
        counts = counts.sort_index().sort_values(ascending=False, kind="stable")
        if len(counts) > MOST_BARS:
            rare = counts.iloc[MOST_BARS - 1 :]
            counts = counts.iloc[: MOST_BARS - 1]
            counts[f"{len(rare)} others"] = rare.sum()
    if values.isna().any():
        counts["not given"] = values.isna().sum()
    return counts


def _short(level) -> str:
    """Return a level as a label, truncated to leave room for its bar."""
    text = str(level)
    return text if len(text) <= LONGEST_LABEL else text[:LONGEST_LABEL] + "…"


def metadata_bars(speakers: pd.DataFrame) -> plt.Figure:
    """Draw six bar charts of the cleaned metadata; bars are labelled with their speaker counts."""
    panels = {field: _levels(speakers[field]) for field in PANELS}
    rows = [max(len(panels[f]) for f in pair) for pair in zip(*[iter(PANELS)] * 2, strict=True)]
    heights = {"height_ratios": [n + 1.5 for n in rows]}
    fig, axes = style.new(1.6 + 0.17 * sum(rows), nrows=3, ncols=2, gridspec_kw=heights)
    for ax, (field, counts), n in zip(axes.flat, panels.items(), np.repeat(rows, 2), strict=True):
        colours = [GREY if level == "not given" else style.NEUTRAL for level in counts.index]
        bars = ax.barh(range(len(counts)), counts.to_numpy(dtype=float), color=colours, height=0.7)
        ax.bar_label(bars, padding=2, fontsize=8)
        marks.rows(ax, [_short(level) for level in counts.index])
        ax.set_ylim(n - 0.4, -0.6)  # the same in both panels of a row: equally thick bars
        ax.set_title(PANELS[field])
        ax.set_xlim(0, 1.12 * counts.max())
        ax.xaxis.set_visible(False)
        ax.spines["bottom"].set_visible(False)
        ax.spines["left"].set_visible(True)
    return fig


def durations_and_levels(clips: pd.DataFrame, clip_s: float) -> plt.Figure:
    """Draw histograms of duration, with the models' window `clip_s` marked, and of level."""
    import seaborn as sns  # slow to import

    fig, (left, right) = style.new(2.6, ncols=2)
    width_s, width_db = (0.02, 0.5) if len(clips) >= 200 else (0.1, 2.0)
    longest, levels = max(clips["duration_s"].max(), 1.25 * clip_s), clips["rms_dbfs"]
    # Offset bin edges: durations that are multiples of 10 ms must not fall on them.
    edges_s = np.arange(-0.005, longest + width_s, width_s)
    looks = {"color": style.NEUTRAL, "alpha": 1, "linewidth": 0}
    sns.histplot(clips, x="duration_s", bins=edges_s, ax=left, **looks)
    left.axvline(clip_s, color=GREY, linestyle="--", linewidth=1)
    left.annotate(f" {clip_s:g} s window", (clip_s, 0.97), xycoords=("data", "axes fraction"),
                  va="top", color="#595959", fontsize=8)  # fmt: skip
    left.set(xlabel="duration (s)", ylabel=f"clips (n = {len(clips):,})", xlim=(0, edges_s[-1]))
    edges_db = np.arange(np.floor(levels.min()), levels.max() + width_db, width_db)
    sns.histplot(levels, bins=edges_db, ax=right, **looks)
    right.set(xlabel="level without offset and rumble (dBFS)", ylabel="")
    for ax in (left, right):
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return fig


def speaker_faults(clips: pd.DataFrame) -> plt.Figure:
    """Draw offset and rumble (median and maximum share) and the noise floor of each speaker."""
    groups = clips.groupby("speaker")
    names = list(groups.groups)
    x = np.arange(len(names))
    looks = {"size": 3.5, "upright": True}
    fig, (top, bottom) = style.new(3.1, nrows=2, sharex=True)
    for column, label, colour, shift in (
        ("dc_share", "offset", OFFSET, -0.15),
        ("rumble_share", "rumble", RUMBLE, 0.15),
    ):
        median, worst = groups[column].median() * 100, groups[column].max() * 100
        marks.dots(top, x + shift, median, median, worst, label=label, colour=colour, **looks)
    top.set(ylabel="share of the\nenergy (%)", ylim=(0, None))
    top.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    top.set_title("dot: median; line: up to the maximum", fontsize=8.5)
    floor = groups["noise_floor_db"].quantile([0.05, 0.5, 0.95]).unstack()
    marks.dots(bottom, x, floor[0.5], floor[0.05], floor[0.95], colour=style.NEUTRAL, **looks)
    bottom.set(ylabel="noise floor\n(dB re clip level)", xlabel="speaker")
    bottom.set_xticks(x, names, rotation=90 if len(names) > 12 else 0, fontsize=7.5)
    bottom.set_xlim(-0.7, len(names) - 0.3)
    return fig


def measured_snr(by_digit: pd.DataFrame, by_accent: pd.DataFrame, nominal_db: float) -> plt.Figure:
    """Draw the mean and range of the SNR of the supplied pairs, by digit and by accent."""
    fig, axes = style.new(1.0 + 0.2 * max(len(by_digit), len(by_accent)), ncols=2, sharex=True)
    for ax, table, title in zip(axes, (by_digit, by_accent), ("Digit", "Accent"), strict=True):
        ax.axvline(nominal_db, color=GREY, linestyle="--", linewidth=1)
        interval = (table[name] for name in ("mean_db", "min_db", "max_db"))
        marks.dots(ax, range(len(table)), *interval, colour=style.NEUTRAL, size=4)
        labels = [f"{_short(row.iloc[0])} (n = {row['n_pairs']:,})" for _, row in table.iterrows()]
        marks.rows(ax, labels)
        ax.set(xlabel="measured SNR (dB); dashed: nominal", title=title)
    return fig
