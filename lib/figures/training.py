"""How the losses fell."""

from __future__ import annotations

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lib.figures import style

__all__ = ["loss_curves"]


def loss_curves(history: pd.DataFrame, units: dict[str, str]):
    """Training and validation loss by epoch, one panel per model, one thin line per fold.

    The columns of `history` are model, fold, epoch, loss, validation_loss and kept; `units` is
    model -> label of its loss axis.
    """
    import seaborn as sns  # takes longer than our own modules

    models = history["model"].unique()
    fig, axes = style.new(2.7, ncols=len(models), squeeze=False)
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
        Line2D([], [], color="black", linestyle="", marker="o", markersize=4, label="kept"),
    ]
    fig.legend(handles=lines, loc="outside upper right", ncols=3)
    return fig
