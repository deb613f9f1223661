"""What goes together: tables of the same names from `lib.speakers` in, Matplotlib figures out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from lib.figures import marks, style
from lib.figures.speakers import FEW, GAIN, GROUP, INTERVAL, POINT
from lib.speakers import ATTRIBUTES
from lib.text import plain

__all__ = ["heard_and_gained", "normality", "overlap", "pitch", "remaining"]

SECOND = style.NEUTRAL


def overlap(shares: pd.DataFrame):
    """Draw how far one property foretells another (one row or more), with n in each cell."""
    table = shares.pivot(index="attribute", columns="other", values=["share", "n_speakers"])
    rows = [a for a in ATTRIBUTES if a in table.index]
    columns = [c for c in shares["other"].unique() if c not in table.index]
    columns += [a for a in ATTRIBUTES if a in table["share"]]
    table, n = (table[value].reindex(rows, columns=columns) for value in ("share", "n_speakers"))
    fig, ax = style.new(1.5 + 0.34 * len(rows))
    texts = table.map(lambda share: plain(share, ".0%")) + n.map("\nn={:.0f}".format)
    marks.cells(ax, table, texts, fontsize=6.5, cmap="Greys", vmin=0, vmax=1.2, cbar=False)
    ax.set_xticks(ax.get_xticks(), columns, rotation=40, ha="right", fontsize=8)
    return fig


def pitch(means: pd.DataFrame, measured: pd.DataFrame):
    """Draw every speaker's gain over their pitch, women and men apart where it is known."""
    table = means.set_index("speaker").join(measured["pitch"]).dropna(subset=["pitch"])
    table = table.assign(hz=100 * 2 ** (table["pitch"] / 12)).fillna({"gender": "unknown"})
    fig, ax = style.new(2.8)
    looks = {"male": ("s", GROUP), "female": ("o", SECOND)}
    for gender, part in table.groupby("gender"):
        marker, colour = looks.get(gender, ("D", FEW))
        dots = {"color": colour, "ms": 5, "alpha": 0.75, "mew": 0}
        ax.plot("hz", "estimate_db", marker, data=part, label=f"{gender} (n = {len(part)})", **dots)
    ax.set_xscale("log")
    ticks = [60, 80, 100, 120, 150, 200, 250, 300, 400]
    ax.set_xticks(ticks, ticks)
    ax.minorticks_off()
    ax.set_xlim(0.93 * table["hz"].min(), 1.07 * table["hz"].max())
    ax.set(xlabel="pitch (Hz), median over a speaker's clips", ylabel=GAIN)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8)
    return fig


def remaining(table: pd.DataFrame):
    """Draw each difference of `lib.speakers.held_fixed` with nothing and all measures fixed."""
    names = [name for name in ATTRIBUTES if name in set(table["attribute"])]
    fig, ax = style.new(0.95 + 0.42 * len(names))
    ax.axvline(0, color=POINT, lw=0.8)
    looks = {"nothing": (-0.14, GROUP, False), "all measures": (0.14, SECOND, True)}
    for fixed, (offset, colour, hollow) in looks.items():
        part = table[table["fixed"] == fixed]
        y = [names.index(name) + offset for name in part["attribute"]]
        marks.dots(ax, y, *(part[name] for name in INTERVAL), colour=colour, hollow=hollow,
                   label=f"{fixed} held fixed")  # fmt: skip
    n = table.groupby("attribute")["n_speakers"].max()
    marks.rows(ax, [f"{name} (n = {n[name]})" for name in names])
    ax.set_xlabel("difference in gain (dB; age: in ten years)")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8)
    return fig


def normality(rest: dict[str, np.ndarray]):
    """Draw the residuals of a mixed model against what a normal distribution would leave."""
    fig, axes = style.new(2.6, ncols=len(rest), squeeze=False)
    for ax, (name, values) in zip(axes[0], rest.items()):
        expected, found = stats.probplot(values, fit=False)
        shown = np.unique(np.linspace(0, len(found) - 1, 400).astype(int))
        ends = [expected[0], expected[-1]]
        ax.plot(ends, ends, color=POINT, lw=0.8)
        ax.plot(expected[shown], found[shown], "o", ms=2.5, color=GROUP, mew=0)
        ax.set_title(f"{name} (n = {len(values):,})")
        ax.set(xlabel="normal quantile", ylabel="observed, standardised")
    return fig


def heard_and_gained(table: pd.DataFrame, *, fewest: int):
    """Draw recognition accuracy beside the gain, for groups of `fewest` speakers or more."""
    shown = table[table["n_speakers"] >= fewest]
    fig, axes = style.new(0.9 + 0.27 * len(shown), ncols=2, sharey=True)
    names = [f"{row.attribute}: {row.level} (n = {row.n_speakers})" for row in shown.itertuples()]
    panels = (("accuracy", 100, "digits heard rightly (%)"), ("gain_db", 1, GAIN))
    for ax, (value, scale, label) in zip(axes, panels):
        interval = (scale * shown[f"{value}{end}"] for end in ("", "_low", "_high"))
        marks.dots(ax, range(len(shown)), *interval, colour=GROUP)
        marks.rows(ax, names, fontsize=8)
        ax.set_xlabel(label)
    return fig
