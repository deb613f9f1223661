"""Confounding and recognition by group: tables of `lib.speakers` in, Matplotlib figures out."""

from __future__ import annotations

import pandas as pd

from lib.figures import marks, style
from lib.figures.speakers import GAIN, GROUP, INTERVAL, POINT
from lib.speakers import ATTRIBUTES
from lib.text import plain

__all__ = ["accuracy_by_group", "overlap", "remaining"]

SECOND = style.NEUTRAL


def overlap(shares: pd.DataFrame):
    """Draw how well one property predicts another, with n in each cell; `shares` is not empty."""
    table = shares.pivot(index="attribute", columns="other", values=["share", "n_speakers"])
    rows = [a for a in ATTRIBUTES if a in table.index]
    columns = [c for c in shares["other"].unique() if c not in table.index]
    columns += [a for a in ATTRIBUTES if a in table["share"]]
    table, n = (table[value].reindex(rows, columns=columns) for value in ("share", "n_speakers"))
    fig, ax = style.new(1.4 + 0.3 * len(rows))
    texts = table.map(lambda share: plain(share, ".0%")) + n.map("\nn={:.0f}".format)
    marks.cells(ax, table, texts, fontsize=6.5, cmap="Greys", vmin=0, vmax=1.2, cbar=False)
    ax.set_xticks(ax.get_xticks(), columns, rotation=40, ha="right", fontsize=8)
    return fig


def remaining(table: pd.DataFrame):
    """Draw the differences of `lib.speakers.held_fixed`, unadjusted and with all measures fixed."""
    names = [name for name in ATTRIBUTES if name in set(table["attribute"])]
    fig, ax = style.new(0.95 + 0.42 * len(names))
    ax.axvline(0, color=POINT, lw=0.8)
    looks = {"nothing": (-0.14, GROUP, False), "all measures": (0.14, SECOND, True)}
    for fixed, (offset, colour, hollow) in looks.items():
        part = table[table["fixed"] == fixed]
        y = [names.index(name) + offset for name in part["attribute"]]
        label = "unadjusted" if fixed == "nothing" else f"adjusted for {fixed}"
        interval = (part[name] for name in INTERVAL)
        marks.dots(ax, y, *interval, colour=colour, hollow=hollow, label=label)
    n = table.groupby("attribute")["n_speakers"].max()
    marks.rows(ax, [f"{name} (n = {n[name]})" for name in names])
    ax.set_xlabel("difference in SI-SDRi (dB; age: per ten years)")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8)
    return fig


def accuracy_by_group(shown: pd.DataFrame):
    """Draw recognition accuracy next to the SI-SDR improvement, one row per group."""
    fig, axes = style.new(0.8 + 0.21 * len(shown), ncols=2, sharey=True)
    names = [f"{row.attribute}: {row.level} (n = {row.n_speakers})" for row in shown.itertuples()]
    panels = (("accuracy", 100, "recognition accuracy (%)"), ("improvement_db", 1, GAIN))
    for ax, (value, scale, label) in zip(axes, panels):
        interval = (scale * shown[f"{value}{end}"] for end in ("", "_low", "_high"))
        marks.dots(ax, range(len(shown)), *interval, colour=GROUP)
        marks.rows(ax, names, fontsize=8)
        ax.set_xlabel(label)
    return fig
