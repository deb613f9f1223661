"""Cross-validation folds: speakers, not clips, are assigned to folds.

Fold k is tested on its own speakers, validated on those of the next fold (early stopping) and
trained on all others.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.clips.store import ClipStore
from lib.config import Config
from lib.errors import CorpusError

__all__ = ["assign_folds", "fewest_clips", "split_speakers", "test_rows"]


def assign_folds(clips: pd.DataFrame, speakers: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Assign the speakers of `clips` to folds, shuffled and stratified by gender.

    Folds differ by at most one speaker, and by at most one of each gender (scikit-learn's
    StratifiedGroupKFold leaves folds empty when there are few speakers).  `speakers` has the
    columns `speaker` and `gender` (values may be missing).  Raises CorpusError for fewer than three
    speakers.
    """
    clips = clips[["speaker"]].merge(speakers[["speaker", "gender"]], on="speaker", how="left")
    names = clips["speaker"].unique()
    if len(names) < 3:
        raise CorpusError(
            f"{len(names)} speaker(s) with usable clips; at least 3 are needed: one "
            "each for training, validation and testing."
        )
    k = min(config.training.folds, len(names))
    people = clips.drop_duplicates("speaker").fillna({"gender": "unknown"}).sort_values("speaker")
    people = people.sample(frac=1, random_state=config.seed).sort_values("gender", kind="stable")
    folds = pd.DataFrame({"speaker": people["speaker"], "fold": np.arange(len(people)) % k})
    return folds.sort_values("speaker", ignore_index=True)


def split_speakers(folds: pd.DataFrame, fold: int) -> tuple[list[str], list[str], list[str]]:
    """Return the disjoint lists of training, validation and test speakers of a fold."""
    following = (fold + 1) % (folds["fold"].max() + 1)
    test = folds.loc[folds["fold"] == fold, "speaker"].tolist()
    validation = folds.loc[folds["fold"] == following, "speaker"].tolist()
    training = folds.loc[~folds["fold"].isin([fold, following]), "speaker"].tolist()
    return training, validation, test


def fewest_clips(clips: pd.DataFrame, folds: pd.DataFrame) -> int:
    """Return the number of clips in the smallest fold, which limits its babble voices."""
    return int(clips["speaker"].map(folds.set_index("speaker")["fold"]).value_counts().min())


def test_rows(store: ClipStore, folds: pd.DataFrame, most: int) -> dict[int, np.ndarray]:
    """Return the store rows of each fold's test clips, about `most` over all folds.

    Every speaker contributes the same number of clips, or all of them if there are fewer.
    """
    limit = -(-most // len(folds))
    speakers = folds.groupby("fold")["speaker"]
    return {int(fold): store.rows_of(names, limit=limit) for fold, names in speakers}
