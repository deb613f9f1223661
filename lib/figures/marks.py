"""Plot elements shared by figures: dots with intervals, annotated heat maps, labelled rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["cells", "dots", "rows"]

CROSSOVER = 0.179  # luminance at which black and white text have equal contrast, 4.6:1


def dots(ax, place, value, low, high, *, colour: str, marker="o", hollow=False, size=6.0,
         upright=False, text="", label=None) -> None:  # fmt: skip
    """Draw values as dots on bars from `low` to `high`; missing values are not drawn.

    `place` (on the other axis), `value`, `low` and `high` are floats or array_like [shape=(n,)].
    `size` is the diameter in points; the bar is a third as thick.  With `upright`, values run along
    the y axis instead of the x axis.  `text` is written to the right of a single value.
    """
    bars, at = (ax.vlines, (place, value)) if upright else (ax.hlines, (value, place))
    bars(place, low, high, color=colour, linewidth=size / 3, zorder=2)
    face = "white" if hollow else colour
    ax.plot(*at, marker, color=colour, markersize=size, markerfacecolor=face, label=label)
    if text and not np.isnan(value):
        beside = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(text, (np.fmax(value, high), place), fontsize=8.5, **beside)


def cells(ax, values: pd.DataFrame, texts=None, *, fontsize: float = 7.0, **looks) -> None:
    """Draw a table as a heat map with text in each cell; cells without a value stay empty.

    `values` and `texts` have shape (n_rows, n_columns); `looks` is passed to `seaborn.heatmap`.
    """
    import seaborn as sns  # slow to import

    unnamed = {"xticklabels": False, "yticklabels": False}  # seaborn would render missing glyphs
    text = {"fmt": "", "annot_kws": {"fontsize": fontsize}}
    sns.heatmap(values, ax=ax, annot=texts, linewidths=1, **text, **unnamed, **looks)
    drawn = values.to_numpy()[values.notna()]
    for text, colour in zip(ax.texts, ax.collections[0].to_rgba(drawn)):
        dark = sns.utils.relative_luminance(colour) < CROSSOVER
        text.set_color("white" if dark else "black")
    ax.set_xticks(np.arange(values.shape[1]) + 0.5, values.columns)
    ax.set_yticks(np.arange(len(values)) + 0.5, values.index)
    ax.tick_params(length=0)
    ax.set(xlabel=None, ylabel=None)


def rows(ax, names, **text) -> None:
    """Label the rows of the y axis with `names`, the first one at the top."""
    ax.set_yticks(range(len(names)), names, **text)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
