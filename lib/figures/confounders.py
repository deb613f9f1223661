"""Figures about what goes together: overlap, pitch, held-fixed differences, residuals, hearing.

Tables of `lib.speakers` in, Matplotlib figures out; colours as in `lib.figures.speakers`.
"""

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
    """Draw how far one property foretells another, with the n of speakers in each cell.

    Parameters
    ----------
    shares : pd.DataFrame
        As from `lib.speakers.overlap`, at least one row.
    """
    order = {"index": "attribute", "columns": "other"}
    table, n = (shares.pivot(**order, values=v) for v in ("share", "n_speakers"))
    columns = [c for c in shares["other"].unique() if c not in table.index]
    rows = [a for a in ATTRIBUTES if a in table.index]
    columns += [a for a in ATTRIBUTES if a in table.columns]
    table, n = table.reindex(rows, columns=columns), n.reindex(rows, columns=columns)
    fig, ax = style.new(1.5 + 0.34 * len(rows))
    texts = table.map(lambda share: plain(share, ".0%")) + n.map("\nn={:.0f}".format)
    marks.cells(ax, table, texts, fontsize=6.5, cmap="Greys", vmin=0, vmax=1.2, cbar=False)
    ax.set_xticks(ax.get_xticks(), columns, rotation=40, ha="right", fontsize=8)
    return fig


def pitch(means: pd.DataFrame, measured: pd.DataFrame):
    """Draw every speaker's gain over their pitch, women and men apart where it is known.

    Parameters
    ----------
    means : pd.DataFrame
        As from `lib.speakers.speaker_means`.
    measured : pd.DataFrame
        As from `lib.speakers.measures`.
    """
    table = means.set_index("speaker").join(measured["pitch"]).dropna(subset=["pitch"])
    fig, ax = style.new(2.8)
    looks = {"male": ("s", GROUP), "female": ("o", SECOND)}
    for gender, part in table.fillna({"gender": "unknown"}).groupby("gender"):
        marker, colour = looks.get(gender, ("D", FEW))
        hz = 100 * 2 ** (part["pitch"] / 12)
        label = f"{gender} (n = {len(part)})"
        ax.plot(hz, part["estimate_db"], marker, color=colour, ms=5, alpha=0.75, mew=0, label=label)
    ax.set_xscale("log")
    ticks = [60, 80, 100, 120, 150, 200, 250, 300, 400]
    ax.set_xticks(ticks, ticks)
    ax.minorticks_off()
    hz = 100 * 2 ** (table["pitch"] / 12)
    ax.set_xlim(0.93 * hz.min(), 1.07 * hz.max())
    ax.set(xlabel="pitch (Hz), median over a speaker's clips", ylabel=GAIN)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8)
    return fig


def remaining(table: pd.DataFrame):
    """Draw each difference as it is and with all measures held fixed.

    Parameters
    ----------
    table : pd.DataFrame
        As from `lib.speakers.held_fixed`, at least one row.
    """
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
    """Draw what a mixed model leaves against what a normal distribution would leave.

    Parameters
    ----------
    rest : dict of str to np.ndarray
        As from `lib.speakers.residuals`, not empty.
    """
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
    """Draw recognition accuracy beside the gain, for groups with enough speakers.

    Parameters
    ----------
    table : pd.DataFrame
        As from `lib.speakers.recognition`.
    fewest : int
        Speakers that a group must have to be drawn.
    """
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
