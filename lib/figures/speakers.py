"""Figures of the speaker analysis: tables of `lib.speakers` in, Matplotlib figures out.

Speakers are drawn as points, groups as intervals with their n; improvements are in dB.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.figures import marks, style
from lib.speakers import ATTRIBUTES
from lib.text import plain

__all__ = ["age_trend", "caterpillar", "differences", "heatmap", "levels", "spreads"]

ORDERED = ("age", "digit")  # attributes whose levels have a natural order
GAIN = "SI-SDR improvement (dB)"
INTERVAL = ("estimate_db", "low_db", "high_db")
POINT, GROUP, FEW = "#7d8b95", style.colour("ours"), "#6e6e6e"


def caterpillar(means: pd.DataFrame):
    """Draw the means of `lib.speakers.speaker_means`, lowest first, with intervals over clips."""
    fig, ax = style.new(2.9)
    x, n = np.arange(len(means)), means["n_clips"]
    ax.axhline(np.average(means["estimate_db"], weights=n), color=POINT, lw=0.8, ls="--", zorder=0)
    size, interval = 4 if len(means) > 30 else 6, (means[name] for name in INTERVAL)
    marks.dots(ax, x, *interval, colour=GROUP, size=size, upright=True)
    same = n.min() == n.max()
    names = means["speaker"] if same else means["speaker"] + [f" ({k})" for k in n]
    few, crowded = len(means) <= 10 and names.str.len().max() <= 12, len(means) > 40
    rotation, size = (0, 9) if few else (90, 6 if crowded else 8)
    ax.set_xticks(x, names, rotation=rotation, fontsize=size)
    ax.set_xlim(-0.6, len(means) - 0.4)
    clips = f"{n.min()} clip{'s' if n.min() > 1 else ''} each" if same else "number of clips"
    ax.set(xlabel=f"speaker, lowest first ({clips})", ylabel=GAIN)
    return fig


def levels(clips: pd.DataFrame, effects: pd.DataFrame, attributes: list[str], *, fewest: int):
    """Draw the levels of attributes, a panel each: points for speakers, means with intervals, n.

    Levels with fewer than `fewest` speakers are points only; intervals that exceed the range of
    the points are cut off at the edge of the panel.
    """
    drawn = effects[effects["attribute"].isin(attributes)]
    counts = [int((drawn["attribute"] == name).sum()) for name in attributes]
    pitch = 0.27 if sum(counts) <= 12 else 0.21  # inches per row
    fig, axes = style.new(
        0.55 + 0.27 * len(attributes) + pitch * sum(counts),
        nrows=len(attributes), sharex=True, squeeze=False, height_ratios=[n + 0.5 for n in counts],
    )  # fmt: skip
    for ax, attribute in zip(axes[:, 0], attributes):
        _draw_levels(ax, clips, effects[effects["attribute"] == attribute], attribute, fewest)
        if len(attributes) > 1:
            ax.set_title(attribute, fontsize=9)
    means = clips.groupby("speaker")["improvement_db"].mean()
    shown = np.array([*means, *drawn["estimate_db"]])
    margin = 0.06 * np.ptp(shown[np.isfinite(shown)]) or 0.5
    ax.set_xlim(np.nanmin(shown) - margin, np.nanmax(shown) + margin)
    ax.set_xlabel(GAIN)
    return fig


def _draw_levels(ax, clips: pd.DataFrame, table: pd.DataFrame, attribute: str, fewest: int) -> None:
    if attribute not in ORDERED:
        table = table.sort_values("estimate_db", ascending=False)
    column = ATTRIBUTES[attribute].column if attribute in ATTRIBUTES else attribute
    points = clips.groupby([column, "speaker"])["improvement_db"].mean()
    ax.axvline(clips["improvement_db"].mean(), color=POINT, lw=0.8, ls="--", zorder=0)
    dense = len(points) > 300
    for y, row in enumerate(table.itertuples()):
        own = points[points.index.get_level_values(0).astype(str) == row.level]
        spread = np.linspace(-0.22, 0.22, len(own)) if len(own) > 1 else [0.0]
        size, alpha = (2.5 if dense else 3.5, 0.55) if row.n_speakers >= fewest else (4.5, 0.9)
        ax.plot(own, y + np.array(spread), "o", ms=size, color=POINT, alpha=alpha, mew=0)
    enough = np.flatnonzero(table["n_speakers"] >= fewest)
    marks.dots(ax, enough, *(table[name].iloc[enough] for name in INTERVAL), colour=GROUP)
    marks.rows(ax, table["level"])
    counts = [
        f"{n:,} speaker{'s' * (n != 1)}, {k:,} clip{'s' * (k != 1)}"
        for n, k in zip(table["n_speakers"], table["n_clips"])
    ]
    _beside(ax, counts)


def age_trend(means: pd.DataFrame):
    """Draw each speaker's mean improvement by age, where known, with the least-squares line."""
    import seaborn as sns  # slow to import

    known = means.dropna(subset=["age"]).astype({"age": float})
    fig, ax = style.new(2.0)
    looks = {"color": GROUP, "scatter_kws": {"s": 25, "alpha": 0.6, "linewidths": 0},
             "line_kws": {"color": FEW, "linewidth": 1.2}}  # fmt: skip
    line = known["age"].nunique() > 2
    sns.regplot(known, x="age", y="estimate_db", ax=ax, ci=None, fit_reg=line, **looks)
    ax.set(xlabel=f"age (years); n = {len(known)} speakers", ylabel=GAIN)
    return fig


def heatmap(effects: pd.DataFrame, attribute: str):
    """Draw the mean of each cell of ``"accent x gender"`` or ``"accent x digit"``, with n."""
    table = effects[effects["attribute"] == attribute].pivot(
        index="level", columns="second_level", values=["estimate_db", "n_speakers"]
    )
    most = table["n_speakers"].max(axis=1).sort_values(ascending=False, kind="stable")
    gain, n = (table.loc[most.index, value] for value in ("estimate_db", "n_speakers"))
    wide = gain.shape[1] > 4
    fig, ax = style.new(0.9 + 0.3 * len(gain), width=style.WIDTH if wide else 4.6)
    texts = gain.map(lambda value: plain(value, ".1f")) + n.map(" ({:.0f})".format)
    bar = {"label": "mean SI-SDRi (dB)", "fraction": 0.05, "pad": 0.02}
    marks.cells(ax, gain, texts, fontsize=7.5 if wide else 9, cmap="cividis", cbar_kws=bar)
    ax.set_xlabel(attribute.split(" x ")[1])
    return fig


def differences(results: pd.DataFrame):
    """Draw the differences of `lib.speakers.add_power` over the range too small to detect."""
    table = results.dropna(subset=["estimate_db"])
    fig, ax = style.new(0.7 + 0.3 * max(1, len(table)))
    ax.axvline(0, color=POINT, lw=0.8)
    reach = table[list(INTERVAL)].abs().to_numpy()
    largest = np.nanmax([*reach.ravel(), *table["detectable_db"].replace(np.inf, np.nan), 0.1])
    width = np.nan_to_num(table["detectable_db"], posinf=2 * largest)
    ax.barh(range(len(table)), 2 * width, left=-width, height=0.62, color="#e4e8eb", zorder=0)
    names, notes = [], []
    for y, row in enumerate(table.itertuples()):
        colour = GROUP if row.testable else FEW
        marks.dots(ax, y, row.estimate_db, row.low_db, row.high_db, colour=colour)
        unit = ", per 10 years" if "10" in row.unit else ""
        names.append(f"{row.attribute}\n{row.compared}{unit}")
        found = f"p = {row.p_holm:.2g}" if row.testable else "not tested"
        notes.append(f"n = {row.n_speakers}, {found}")
    ax.set_xlim(-1.1 * largest, 1.1 * largest)
    marks.rows(ax, names, fontsize=8)
    ax.set_xlabel("difference in SI-SDRi (dB)")
    _beside(ax, notes)
    return fig


def spreads(own: pd.DataFrame, published: pd.DataFrame):
    """Draw `shuffled_spreads` and `published_spreads` over the spreads expected by chance."""
    fig, axes = style.new(0.9 + 0.3 * max(len(own), len(published), 2), ncols=2)
    panels = (
        (axes[0], own, "true_db", "This corpus", "o"),
        (axes[1], published, "published_db", "As published", "D"),
    )
    for ax, table, column, name, marker in panels:
        y = np.arange(len(table))
        ax.hlines(y, table["chance_low_db"], table["chance_high_db"], color="#c9d0d5", lw=9)
        ax.plot(table["chance_db"], y, "|", color=FEW, ms=9)
        if "misaligned_db" in table:
            ax.plot(table["misaligned_db"], y, "x", color="black", ms=6, mew=1.4)
        ax.plot(table[column], y, marker, color=GROUP, ms=6)
        marks.rows(ax, [f"{row.label} ({row.groups})" for row in table.itertuples()])
        ax.set_xlim(left=0)
        ax.set(title=name, xlabel="highest minus lowest group mean (dB)")
    return fig


def _beside(ax, texts: list[str]) -> None:
    """Write one text to the right of each row."""
    for y, text in enumerate(texts):
        ax.annotate(text, (1.01, y), xycoords=("axes fraction", "data"), va="center",
                    fontsize=8.5, color=FEW, annotation_clip=False)  # fmt: skip
