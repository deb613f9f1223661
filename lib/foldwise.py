"""Train all folds at once where there is a cluster or more than one GPU (`lib.workers`).

Models of different folds have nothing to do with each other, so each is a task of its own.
Several GPUs take a fold each, rather than share every batch as they would under
`tf.distribute`: nothing has to be sent between them after each step of so small a network, and
its batches, and with them its weights, are those of a machine with one GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import joblib
import keras
import pandas as pd
from tqdm import tqdm

from lib.artifacts import Run
from lib.models import MODELS
from lib.recognition import train_recogniser
from lib.supplied import open_training_store
from lib.training import train_fold
from lib.workers import side_by_side

__all__ = ["train_ahead"]

ONE_AT_A_TIME = threading.Lock()  # in a process; Keras has one random seed for all threads
RECOGNISER = "recogniser"


def train_ahead(
    run: Run, folds: pd.DataFrame, names: Iterable[str] = (*MODELS, RECOGNISER)
) -> None:
    """Train the models and the recogniser of every fold on the cluster, or on several GPUs.

    What was trained before is not trained again.  Without either nothing is done:
    `lib.training.train_all` and `lib.recognition.train_recognisers` train what is missing.
    """
    tasks = [(name, int(fold)) for fold in sorted(folds["fold"].unique()) for name in names]
    with side_by_side() as possible:
        if not possible:
            return
        done = joblib.Parallel(n_jobs=-1, return_as="generator_unordered")(
            joblib.delayed(_train)(run, folds, *task) for task in tasks
        )
        for _ in tqdm(done, total=len(tasks), desc="networks trained side by side"):
            pass


def _train(run: Run, folds: pd.DataFrame, name: str, fold: int) -> None:
    """Train one network; all that it leaves is in the run's folder."""
    with ONE_AT_A_TIME:
        store = open_training_store(run)  # memory-mapped there, rather than sent there
        if name == RECOGNISER:
            train_recogniser(run, store, folds, fold)
        else:
            train_fold(run, store, folds, name, fold)
        keras.backend.clear_session()
