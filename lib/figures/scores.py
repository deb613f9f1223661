"""Scores: method against method, by digit, by speaker, and at which cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns

from lib.figures import style

__all__ = ["method_comparison", "by_group_intervals", "distribution", "sweep", "cost"]


def method_comparison(table: pd.DataFrame, values: dict[str, str]):
    """Dots with intervals: one row per method, one panel per measure.

    Parameters
    ----------
    table : pd.DataFrame
        From `lib.comparison.compare`.
    values : dict
        Column -> axis label.
    """
    fig, axes = style.new(0.3 * len(table) + 0.9, ncols=len(values), sharey=True)
    y = np.arange(len(table))
    for ax, (value, label) in zip(np.atleast_1d(axes), values.items()):
        for i, row in enumerate(table.to_dict("records")):
            colour = style.colour(row["method"])
            low, high = row[f"{value}_low"], row[f"{value}_high"]
            ax.plot([low, high], [i, i], color=colour, linewidth=2.2, solid_capstyle="butt")
            ax.plot(
                row[value], i, "o", color=colour, markersize=6,
                markerfacecolor="white" if row["oracle"] else colour,
            )  # fmt: skip
            ax.annotate(
                f"{row[value]:.2f}" if value == "estoi" else f"{row[value] + 0.0:.1f}",
                (np.nanmax([row[value], high]), i), xytext=(6, 0), textcoords="offset points",
                va="center", fontsize=7.5, color=colour,
            )  # fmt: skip
        ax.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
        ax.set_xlabel(label)
        ax.margins(x=0.18)
    np.atleast_1d(axes)[0].set_yticks(y, table["method"])
    return fig


def by_group_intervals(tables: dict[str, pd.DataFrame], by: str, label: str):
    """Means with intervals by a group (digit or speaker) for several methods.

    Parameters
    ----------
    tables : dict
        Method -> table of `lib.statistics.by_group` with columns `by`, estimate, low, high,
        n_clips.
    label : str
        Axis label.
    """
    first = next(iter(tables.values()))
    groups = first[by].tolist()
    fig, ax = style.new(3.0)
    offsets = np.linspace(-0.22, 0.22, len(tables)) if len(tables) > 1 else [0.0]
    for (method, table), offset in zip(tables.items(), offsets):
        table = table.set_index(by).loc[groups]
        x, colour = np.arange(len(groups)) + offset, style.colour(method)
        ax.vlines(x, table["low"], table["high"], color=colour, linewidth=2)
        ax.plot(x, table["estimate"], "o", color=colour, markersize=4.5, label=method)
    counts = first.set_index(by).loc[groups, "n_clips"]
    names = [f"{g}\nn={n}" for g, n in zip(groups, counts)]
    crowded = len(groups) > 12
    ax.set_xticks(np.arange(len(groups)), names if not crowded else [f"{g}" for g in groups],
                  fontsize=8 if not crowded else 7, rotation=90 if crowded else 0)  # fmt: skip
    ax.set_xlabel(by if not crowded else f"{by} (n = {counts.min()} to {counts.max()} clips each)")
    ax.set_ylabel(label)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(tables), fontsize=8)
    return fig


def distribution(scores: pd.DataFrame, methods: list[str], value: str, label: str):
    """Share of clips that gain at least so much: one line per method."""
    fig, ax = style.new(2.9)
    sns.ecdfplot(
        scores[scores["method"].isin(methods)], x=value, hue="method", hue_order=methods,
        palette={m: style.colour(m) for m in methods}, complementary=True, stat="percent", ax=ax,
    )  # fmt: skip
    ax.get_legend().set_title(None)
    ax.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
    ax.set_xlabel(label)
    ax.set_ylabel("clips that gain at least this (%)")
    return fig


def sweep(curves: pd.DataFrame, label: str):
    """Gain over input SNR with intervals: one panel per noise, one line per method.

    Parameters
    ----------
    curves : pd.DataFrame
        Columns noise, method, input_snr_db, estimate, low, high, one row of each combination.
    label : str
        Axis label of the gain.
    """
    noises = curves["noise"].unique()
    fig, axes = style.new(3.0, ncols=len(noises), sharex=True, sharey=True)
    for ax, noise in zip(np.atleast_1d(axes), noises):
        ax.axhline(0, color=style.COLOURS["noisy"], linewidth=1, zorder=0, label="noisy")
        for method, line in curves[curves["noise"] == noise].groupby("method", sort=False):
            x, colour = line["input_snr_db"], style.colour(method)
            ax.fill_between(x, line["low"], line["high"], color=colour, alpha=0.18, linewidth=0)
            ax.plot(x, line["estimate"], "o-", color=colour, markersize=3.5, label=method)
        ax.set_title(f"{noise} noise" if noise != "babble" else noise)
        ax.set_xlabel("input SNR (dB)")
    first = np.atleast_1d(axes)[0]
    first.set_ylabel(label)
    fig.legend(*first.get_legend_handles_labels(), loc="outside upper left", ncols=4, fontsize=8)
    return fig


def cost(table: pd.DataFrame, value: str, label: str):
    """Quality against the milliseconds that one clip takes, every method a labelled dot."""
    fig, ax = style.new(3.0)
    for row in table.to_dict("records"):
        colour = style.colour(row["method"])
        ax.plot(max(row["milliseconds"], 0.01), row[value], "o", color=colour, markersize=6)
        ax.annotate(
            row["method"], (max(row["milliseconds"], 0.01), row[value]), xytext=(6, 4),
            textcoords="offset points", fontsize=8, color=colour,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
    ax.set_xlabel("milliseconds per clip (median, this machine)")
    ax.set_ylabel(label)
    ax.margins(x=0.22, y=0.12)
    return fig
