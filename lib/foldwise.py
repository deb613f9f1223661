"""Train all folds at once where there is a cluster (`lib.workers`).

Models of different folds have nothing to do with each other, so each is a task of its own.  On
a machine with several GPUs, start one worker for each of them, with ``CUDA_VISIBLE_DEVICES`` set:
so small a network gains more from that than from sharing one batch between the GPUs.
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
from lib.workers import connect

__all__ = ["train_ahead"]

ONE_AT_A_TIME = threading.Lock()  # in a process; Keras has one random seed for all threads
RECOGNISER = "recogniser"


def train_ahead(
    run: Run, folds: pd.DataFrame, names: Iterable[str] = (*MODELS, RECOGNISER)
) -> None:
    """Train the models and the recogniser of every fold on the cluster.

    What was trained before is not trained again.  Without a cluster nothing is done:
    `lib.training.train_all` and `lib.recognition.train_recognisers` train what is missing.
    """
    if not connect():
        return
    tasks = [(name, int(fold)) for fold in sorted(folds["fold"].unique()) for name in names]
    done = joblib.Parallel(n_jobs=-1, return_as="generator_unordered")(
        joblib.delayed(_train)(run, folds, *task) for task in tasks
    )
    for _ in tqdm(done, total=len(tasks), desc="networks trained on the cluster"):
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
