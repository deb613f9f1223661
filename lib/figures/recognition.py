"""What a recogniser understands: accuracy by method, and which word it takes for which."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.figures import marks, style
from lib.text import plain

__all__ = ["accuracy", "confusions"]


def accuracy(table: pd.DataFrame):
    """Dots with intervals, one row per method; clean and noisy speech are lines to compare with.

    The columns of `table` are method, estimate, low and high (shares).
    """
    table = table.sort_values("estimate", ignore_index=True)
    fig, ax = style.new(0.27 * len(table) + 0.8)
    for i, row in enumerate(table.to_dict("records")):
        mean, low, high = (100 * row[name] for name in ("estimate", "low", "high"))
        looks = style.look(row["method"])
        marks.dots(ax, i, mean, low, high, text=plain(mean, ".0f"), **looks)
        if row["method"] in ("clean", "noisy"):
            ax.axvline(mean, color=looks["colour"], linewidth=1, linestyle="--", zorder=0)
    ax.set_yticks(np.arange(len(table)), table["method"])
    ax.set_xlim(0, 108)
    ax.set_xlabel("digits understood (%)")
    return fig


def confusions(counts: dict[str, np.ndarray]):
    """Maps of digit spoken over digit recognised, side by side, shaded by share of the digit.

    `counts` is title -> counts of `lib.evaluation.compare.confusion` [shape=(10, 10)].
    """
    fig, axes = style.new(3.6, ncols=len(counts), sharey=True, squeeze=False)
    for ax, (title, cells) in zip(axes[0], counts.items()):
        n = pd.DataFrame(cells)
        share = n.div(n.sum(axis=1), axis=0).where(n > 0)
        marks.cells(ax, share, n.astype(str), cmap="Blues", vmin=0, vmax=1, cbar=False, square=True)
        ax.set(title=f"{title} (n = {cells.sum():,})", xlabel="digit recognised")
        ax.spines[:].set_visible(True)
    axes[0, 0].set_ylabel("digit spoken")
    return fig
