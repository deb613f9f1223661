"""Cost of each method: parameters, operations, time to denoise and to train."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.methods import look_up
from lib.methods.pretrained import COSTS
from lib.models.size import count_macs
from lib.training.keep import read_record
from lib.training.recipes import recipe_of
from lib.training.train import stem
from lib.workspace.folder import Run

__all__ = ["cost_table"]


def cost_table(run: Run, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the cost of each method; a value that is unknown or not applicable is missing.

    Parameters
    ----------
    scores : pd.DataFrame
        Score rows of all methods.

    Returns
    -------
    pd.DataFrame
        One row per method in the order of `scores`: `method`; `parameters`; `macs`,
        multiply-accumulates per second of audio; `milliseconds`, the median time to denoise
        a clip; `training_ms`, the mean training time per clip and epoch.
    """
    table = scores.groupby("method", sort=False)[["milliseconds"]].median().reset_index()
    folds = range(int(scores["fold"].max()) + 1)
    costs = pd.DataFrame([_cost(run, name, folds) for name in table["method"]])
    columns = ["method", "parameters", "macs", "milliseconds", "training_ms"]
    return pd.concat([table, costs], axis=1).reindex(columns=columns)


def _cost(run: Run, name: str, folds: range) -> dict[str, float]:
    if not look_up(name).recipe:
        return COSTS.get(name, {})
    recipe, audio = recipe_of(look_up(name).recipe), run.config.audio
    network = recipe.build(audio)
    records = [record for fold in folds if (record := read_record(run, stem(name, fold)))]
    spent = [
        1e3 * np.mean([epoch["seconds"] for epoch in record["history"]]) / record["clips"]
        for record in records
    ]
    return {
        "parameters": network.count_params(),
        "macs": count_macs(network, recipe.one_second(audio)),
        "training_ms": float(np.mean(spent)) if spent else np.nan,
    }
