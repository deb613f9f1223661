"""What a recogniser understands: accuracy by method, and which word it takes for which."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.figures import style
from lib.figures.scores import dot
from lib.text import plain

__all__ = ["accuracy", "confusions"]


def accuracy(table: pd.DataFrame):
    """Dots with intervals, one row per method; clean and noisy speech are lines to compare with.

    Parameters
    ----------
    table : pd.DataFrame
        Columns method, estimate, low, high (shares); the methods "clean" and "noisy" among them.
    """
    table = table.sort_values("estimate", ignore_index=True)
    fig, ax = style.new(0.27 * len(table) + 0.8)
    for i, row in enumerate(table.to_dict("records")):
        colour = style.colour(row["method"])
        mean, low, high = (100 * row[name] for name in ("estimate", "low", "high"))
        dot(ax, i, row["method"], mean, low, high, text=plain(mean, ".0f"))
        if row["method"] in ("clean", "noisy"):
            ax.axvline(mean, color=colour, linewidth=1, linestyle="--", zorder=0)
    ax.set_yticks(np.arange(len(table)), table["method"])
    ax.set_xlim(0, 108)
    ax.set_xlabel("digits understood (%)")
    return fig


def confusions(counts: dict[str, np.ndarray]):
    """Maps of digit spoken over digit recognised, side by side, the number of clips in each cell.

    Parameters
    ----------
    counts : dict
        Title -> counts of `lib.evaluation.compare.confusion` [shape=(10, 10)]; rows are shaded by
        their share of the digit.
    """
    fig, axes = style.new(3.6, ncols=len(counts), sharey=True)
    for ax, (title, cells) in zip(np.atleast_1d(axes), counts.items()):
        share = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for (digit, heard), n in np.ndenumerate(cells):
            if n:
                colour = "white" if share[digit, heard] > 0.6 else "black"
                ax.text(heard, digit, n, ha="center", va="center", fontsize=7, color=colour)
        ax.set_xticks(range(10))
        ax.set_yticks(range(10))
        ax.set_title(f"{title} (n = {cells.sum():,})")
        ax.set_xlabel("digit recognised")
    np.atleast_1d(axes)[0].set_ylabel("digit spoken")
    return fig
