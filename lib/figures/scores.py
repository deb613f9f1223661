"""Figures of losses and scores: method comparison, input SNR, cost, recognition accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from lib.figures import marks, style
from lib.text import plain

__all__ = [
    "method_comparison",
    "distribution",
    "sweep",
    "cost",
    "accuracy",
    "confusions",
    "learning_curve",
    "loss_curves",
]

FLOOR = {"silence": ":", "noisy": "-"}  # trivial methods and their line styles
CEILING = "#e3eee9"
BESIDE = [  # label positions relative to the dot, in points, in order of preference
    *[((7, height), "left") for height in (3, -3, -10)],
    *[((-7, height), "right") for height in (3, -3, -10)],
    *[((0, height), "center") for height in (9, -16)],
]


def method_comparison(table: pd.DataFrame, values: dict[str, str]):
    """Draw scores with intervals between floor and ceiling: a row per method, a panel per metric.

    `table` comes from `lib.evaluation.compare.compare`; `values` maps column -> axis label.  The
    floor is "silence" and "noisy", drawn as lines where they have a value; the ceiling is a band
    over the values of the oracles, whose dots are hollow.
    """
    floor = table[table["method"].isin(FLOOR)].set_index("method")
    table, ceiling = table[~table["method"].isin(FLOOR)], table[table["oracle"]]
    fig, axes = style.new(0.3 * len(table) + 1.2, ncols=len(values), sharey=True, squeeze=False)
    y = np.arange(len(table))
    for ax, (value, label) in zip(axes[0], values.items()):
        if ceiling[value].notna().any():
            ax.axvspan(ceiling[value].min(), ceiling[value].max(), color=CEILING, zorder=0)
        for method, bound in floor[value].dropna().items():
            ax.axvline(bound, color="#595959", linewidth=1, linestyle=FLOOR[method], zorder=0)
        for i, row in enumerate(table.to_dict("records")):
            interval = (row[f"{value}{end}"] for end in ("", "_low", "_high"))
            text = plain(row[value], ".2f" if value == "estoi" else ".1f")
            marks.dots(ax, i, *interval, text=text, **style.look(row["method"]))
        ax.set_xlabel(label)
        ax.margins(x=0.22)
    axes[0, 0].set_yticks(y, table["method"])
    lines = [Line2D([], [], color="#595959", linewidth=1, linestyle=FLOOR[m]) for m in floor.index]
    names = [{"noisy": "noisy input"}.get(method, method) for method in floor.index]
    bands = [Patch(color=CEILING)] * bool(len(ceiling))
    names += ["oracle masks"] * bool(len(ceiling))
    fig.legend([*lines, *bands], names, loc="outside upper right", ncols=3)
    return fig


def distribution(scores: pd.DataFrame, methods: list[str], value: str, label: str):
    """Draw the share of clips with at least a given improvement, one line per method."""
    import seaborn as sns  # slow to import

    fig, ax = style.new(2.9)
    for method in methods:
        sns.ecdfplot(scores[scores["method"] == method], x=value, ax=ax, stat="percent",
                     complementary=True, label=method, color=style.colour(method),
                     marker=style.marker(method), markevery=0.15, markersize=4.5)  # fmt: skip
    ax.legend(loc="lower left")
    ax.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
    ax.set_xlabel(label)
    ax.set_ylabel("clips with improvement ≥ x (%)")
    return fig


def sweep(curves: pd.DataFrame, label: str):
    """Draw improvement by input SNR with intervals, one panel per noise, one line per method.

    `curves` has the columns noise, method, input_snr_db, estimate, low and high.
    """
    noises = curves["noise"].unique()
    fig, axes = style.new(3.0, ncols=len(noises), sharex=True, sharey=True, squeeze=False)
    for ax, noise in zip(axes[0], noises):
        ax.axhline(0, color=style.colour("noisy"), linewidth=1, zorder=0, label="noisy")
        for method, line in curves[curves["noise"] == noise].groupby("method", sort=False):
            x, colour = line["input_snr_db"], style.colour(method)
            ax.fill_between(x, line["low"], line["high"], color=colour, alpha=0.18, linewidth=0)
            ax.plot(x, line["estimate"], color=colour, marker=style.marker(method), markersize=4,
                    label=method)  # fmt: skip
        ax.set_title(f"{noise} noise" if noise != "babble" else noise)
        ax.set_xlabel("input SNR (dB)")
    axes[0, 0].set_ylabel(label)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return fig


def cost(table: pd.DataFrame, value: str, label: str):
    """Draw quality against milliseconds per clip, with a labelled dot for each method."""
    fig, ax = style.new(3.2)
    x, y = table["milliseconds"].clip(lower=0.01).to_numpy(), table[value].to_numpy()
    for method, *place in zip(table["method"], x, y):
        ax.plot(*place, style.marker(method), color=style.colour(method), markersize=6)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
    ax.set_xlabel("milliseconds per clip (median, this machine)")
    ax.set_ylabel(label)
    ax.margins(x=0.22, y=0.12)
    _label_dots(ax, table["method"], x, y)
    return fig


def _label_dots(ax, names, x, y) -> None:
    """Label each dot at the position with the fewest overlaps."""
    ax.figure.draw_without_rendering()  # fixes the layout
    dots = ax.transData.transform(np.column_stack([x, y]))
    taken = [Bbox.from_bounds(*(dot - 5), 10, 10) for dot in dots]
    for name, *place in zip(names, x, y):
        notes = [
            ax.annotate(name, place, xytext=offset, textcoords="offset points", ha=side, fontsize=9)
            for offset, side in BESIDE
        ]
        boxes = [note.get_window_extent() for note in notes]
        chosen = int(np.argmin([box.count_overlaps(taken) for box in boxes]))
        taken.append(boxes[chosen])
        for note in notes[:chosen] + notes[chosen + 1 :]:
            note.remove()


def accuracy(table: pd.DataFrame):
    """Draw accuracies with intervals, one row per method; lines mark clean and noisy speech.

    `table` has the columns method, estimate, low and high (shares).
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
    ax.set_xlabel("recognition accuracy (%)")
    return fig


def confusions(counts: dict[str, np.ndarray]):
    """Draw confusion matrices (digit spoken by digit recognised), shaded by share of the row.

    `counts` maps title -> counts from `lib.evaluation.compare.confusion` [shape=(10, 10)].
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


def learning_curve(table: pd.DataFrame, values: dict[str, tuple[float, str]]):
    """Draw scores by number of training speakers: small dots are draws, large dots their means.

    `table` comes from `lib.evaluation.learning_curve.with_means`; `values` maps column -> (factor,
    axis label), with one panel each.
    """
    fig, axes = style.new(2.7, ncols=len(values), squeeze=False)
    looks = style.look("general network")
    means = table.drop_duplicates("people")
    for ax, (value, (factor, label)) in zip(axes[0], values.items()):
        ax.plot(table["people"], factor * table[value], ".", color="black", markersize=4, zorder=3)
        mean, low, high = (factor * means[f"{value}_{end}"] for end in ("mean", "low", "high"))
        ax.plot(means["people"], mean, color=looks["colour"], linewidth=1)
        marks.dots(ax, means["people"], mean, low, high, upright=True, **looks)
        ax.set_xscale("log", base=2)
        ax.set_xticks(means["people"], [f"{n:,}" for n in means["people"]])
        ax.minorticks_off()
        ax.set(xlabel="training speakers", ylabel=label)
    return fig


def loss_curves(history: pd.DataFrame, units: dict[str, str]):
    """Draw training and validation loss by epoch, one panel per model, one thin line per fold.

    `history` has the columns model, fold, epoch, loss, validation_loss and kept; `units` maps
    model -> label of its loss axis.
    """
    import seaborn as sns  # slow to import

    models = history["model"].unique()
    fig, axes = style.new(2.4, ncols=len(models), squeeze=False)
    for ax, model in zip(axes[0], models):
        colour = style.colour(model)
        table = history[history["model"] == model]
        for loss, line in (("loss", ":"), ("validation_loss", "-")):
            sns.lineplot(table, x="epoch", y=loss, units="fold", estimator=None, ax=ax,
                         color=colour, alpha=0.5, linewidth=1, linestyle=line)  # fmt: skip
        kept = table[table["kept"]]
        ax.plot(kept["epoch"], kept["validation_loss"], "o", color=colour, markersize=4)
        epochs = f"epoch ({table['fold'].nunique()} folds)"
        ax.set(title=model, xlabel=epochs, ylabel=units.get(model, "loss"))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        ax.set_xlim(0.5, table["epoch"].max() + 0.5)
    lines = [
        Line2D([], [], color="black", linestyle=":", label="training"),
        Line2D([], [], color="black", label="validation"),
        Line2D([], [], color="black", linestyle="", marker="o", markersize=4, label="selected"),
    ]
    fig.legend(handles=lines, loc="outside upper right", ncols=3)
    return fig
