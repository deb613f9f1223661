"""Train every network on every fold, once.

Every fold of a recipe yields a network and its record (`lib.training.keep`).  A fold that was
trained with the same settings, clips, speakers and code is not retrained; interrupted training
resumes after the last complete epoch (`lib.training.loop`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
import pandas as pd

from lib.clips.folds import split_speakers
from lib.clips.store import ClipStore, content_of
from lib.training import shipped
from lib.training.keep import load_trained, train_once
from lib.training.loop import learn
from lib.training.recipe import Recipe
from lib.training.recipes import recipe_of
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import Run

__all__ = [
    "accuracies",
    "depends_on",
    "histories",
    "open_shipped",
    "open_trained",
    "stem",
    "train_all",
    "train_fold",
]


def stem(name: str, fold: int) -> str:
    """Return the file stem of a network in one fold, e.g. ``ours-fold0``."""
    return f"{name.replace(' ', '-')}-fold{fold}"


def depends_on(recipe: Recipe, store: ClipStore, *facts) -> str:
    """Return the fingerprint of a network: recipe, settings, initial weights, clips and `facts`."""
    settings = [store.config.to_dict()[part] for part in recipe.settings]
    start = [
        hashlib.sha256(w.tobytes()).hexdigest() for w in recipe.start(store.config.audio) or []
    ]
    return fingerprint([recipe.needs(), settings, start, content_of(store), *facts], learn)


def train_fold(run: Run, store: ClipStore, folds: pd.DataFrame, name: str, fold: int) -> dict:
    """Train a network on one fold, unless it is up to date, and return its record.

    Writes ``models/<name>-fold<k>.keras`` and ``.json``, each atomically.

    Returns
    -------
    dict
        ``history`` (list of epochs), ``clips`` (per epoch), ``audio``, ``fingerprint``,
        ``origin``, the speakers, and what the recipe adds.
    """
    recipe, store = recipe_of(name), store.for_training()
    training, validation, test = split_speakers(folds, fold)

    def train(checkpoints):
        lessons = recipe.lessons(store, training, validation)
        title = f"{name}, fold {fold + 1} of {folds['fold'].max() + 1}"
        network, history = learn(recipe, store.config, lessons, checkpoints, title)
        facts = {"history": history, "clips": lessons.clips} | lessons.facts
        return network, facts | recipe.judge(network, lessons)

    facts = {
        "method": name,
        "fold": fold,
        "training_speakers": training,
        "validation_speakers": validation,
        "test_speakers": test,
        "audio": asdict(store.config.audio),
    }
    key = depends_on(recipe, store, training, validation)
    return train_once(run, stem(name, fold), key, train, facts)


def train_all(run: Run, store: ClipStore, folds: pd.DataFrame, names: Iterable[str]) -> list[dict]:
    """Train networks on every fold and return their records, fold by fold.

    Raises
    ------
    InputError
        A network has no recipe; in this case, nothing is trained.
    """
    names = [recipe_of(name).name for name in names]
    records = []
    for fold in sorted(folds["fold"].unique()):
        for name in names:
            records.append(train_fold(run, store, folds, name, int(fold)))
    return records


def histories(records: list[dict]) -> pd.DataFrame:
    """Return the training histories of networks.

    Returns
    -------
    pd.DataFrame
        One row per network, fold and epoch: model, fold, losses, learning rate, seconds, and
        whether the epoch's weights were kept.
    """
    rows = []
    for record in records:
        best = int(np.argmin([epoch["validation_loss"] for epoch in record["history"]]))
        of = {"model": record["method"], "fold": record["fold"]}
        rows += [of | epoch | {"kept": i == best} for i, epoch in enumerate(record["history"])]
    return pd.DataFrame(rows)


def accuracies(records: list[dict]) -> pd.DataFrame:
    """Return the accuracy of recognisers: fold, validation_accuracy, epochs, seconds."""
    rows = [
        {
            "fold": record["fold"],
            "validation_accuracy": record["validation_accuracy"],
            "epochs": len(record["history"]),
            "seconds": sum(epoch["seconds"] for epoch in record["history"]),
        }
        for record in records
    ]
    return pd.DataFrame(rows)


def open_shipped(run: Run):
    """Return the general network, ready for use with the settings of a run.

    Raises MissingArtifactError if it cannot be used with them.
    """
    network, _ = shipped.open_general(run.config.audio)
    return recipe_of("general").wrap(network, {"audio": asdict(run.config.audio)})


def open_trained(run: Run, name: str, fold: int):
    """Return a network, ready for use, that has not seen the test speakers of `fold`.

    Raises
    ------
    MissingArtifactError
        It is missing, or was trained for folds other than the current ones.
    """
    return recipe_of(name).wrap(*load_trained(run, stem(name, fold), fold))
