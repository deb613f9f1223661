"""What the best of the methods made of single clips, to be heard and seen.

No Keras here: the scores of a fold keep the waveforms, so nothing is denoised again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.clips.store import ClipStore
from lib.workspace.folder import Run

__all__ = ["PLAYED", "sounds_of"]

PLAYED = "ours"  # the method whose estimates are kept


def sounds_of(run: Run, store: ClipStore, clips: list[pd.Series]) -> list[dict[str, np.ndarray]]:
    """Clean, noisy and denoised waveforms of scored clips, by the fold's own model.

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
