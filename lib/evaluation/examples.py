"""Outputs of methods for single clips, to be played and plotted.

Keras is not imported: the scores of a fold include the output of our model, which is not run again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.clips.store import ClipStore
from lib.methods import look_up
from lib.workspace.folder import Run

__all__ = ["PLAYED", "outputs_of", "sounds_of"]

PLAYED = "ours"  # the method whose estimates are kept


def sounds_of(run: Run, store: ClipStore, clips: list[pd.Series]) -> list[dict[str, np.ndarray]]:
    """Return clean, noisy and denoised waveforms of scored clips, from the model of their fold.

    Parameters
    ----------
    clips : list of pd.Series
        Rows of the score table (`clip_id`, `fold`).
    """
    row_of = pd.Series(store.index.index, index=store.index["clip_id"])
    folds = {
        fold: run.load_kept(f"scores/fold{fold}/{PLAYED}") for fold in {c["fold"] for c in clips}
    }
    sounds = []
    for clip in clips:
        row, kept = row_of[clip["clip_id"]], folds[clip["fold"]]
        estimate = kept.loc[kept["clip_id"] == clip["clip_id"], "estimate"].iat[0]
        sounds.append({"clean": store.clean(row), "noisy": store.noisy(row), "denoised": estimate})
    return sounds


def outputs_of(
    run: Run, store: ClipStore, clip: pd.Series, names: list[str]
) -> dict[str, np.ndarray]:
    """Denoise one scored clip with several methods, each trained on other speakers.

    Parameters
    ----------
    clip : pd.Series
        Row of the score table (`clip_id`, `fold`).
    names : list of str
        Names of methods.
    """
    row = store.index.index[store.index["clip_id"] == clip["clip_id"]][0]
    clean, noisy = store.clean(row), store.noisy(row)
    outputs = {}
    for name in names:
        denoise = look_up(name).open(run, clip["fold"])
        outputs[name] = np.asarray(denoise(noisy, store.config.audio.sample_rate, clean))
    return outputs
