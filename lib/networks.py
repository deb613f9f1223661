"""Train a network once, keep it with a record of what it is, and open it again.

A network leaves two files under ``models/``: ``<name>.keras``, without the state of its
optimiser, and ``<name>.json``, the *record*: the speakers it learned from, its history and a
fingerprint of everything it depends on.  While the fingerprint holds, nothing is trained again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from lib.artifacts import Run, atomic_path, hash_of, write_json
from lib.errors import MissingArtifactError
from lib.store import ClipStore

__all__ = ["fingerprint", "train_once", "load_network", "load_trained"]


def load_network(path: Path) -> keras.Model:
    """Open a ``.keras`` file in safe mode: nothing in it is executed."""
    return keras.saving.load_model(path, safe_mode=True)


@functools.lru_cache(maxsize=1)  # the same for every network
def _content(store: ClipStore) -> str:
    """Hash of the clips and their index."""
    digest = hashlib.sha256(pd.util.hash_pandas_object(store.index).to_numpy().tobytes())
    for start in range(0, len(store), 1000):  # piecewise: the store may exceed memory
        digest.update(np.ascontiguousarray(store.clips[start : start + 1000]).data)
    return digest.hexdigest()


def fingerprint(store: ClipStore, facts: list, *, settings: list[str], sources: list[str]) -> str:
    """Hash of everything a trained network depends on.

    Parameters
    ----------
    facts : list
        The kind of network and the speakers it learns from; anything that JSON can hold.
    settings, sources : list of str
        Parts of the configuration, and modules of lib.
    """
    config = store.config.to_dict()
    return hash_of([facts, [config[part] for part in settings], _content(store)], sources)


def _read(record: Path) -> dict:
    return json.loads(record.read_text(encoding="utf-8"))


def train_once(run: Run, name: str, key: str, train: Callable, facts: dict) -> dict:
    """Return the record of a network, which is trained unless its fingerprint still holds.

    Leaves ``models/<name>.keras`` and ``.json``, each whole or not at all.

    Parameters
    ----------
    key : str
        Fingerprint.
    train : callable
        ``train(checkpoints)`` returns the network and what else belongs into its record.
    facts : dict
        The record's other entries, `test_speakers` among them.
    """
    network, record = run.path(f"models/{name}.keras"), run.path(f"models/{name}.json")
    if network.is_file() and record.is_file() and _read(record)["fingerprint"] == key:
        return _read(record)
    model, learned = train(run.path(f"checkpoints/{name}-{key[:12]}"))
    with atomic_path(network) as part:  # a new Model around the same layers has no optimiser
        keras.Model(model.inputs, model.outputs, name=model.name).save(part)
        record.unlink(missing_ok=True)  # it describes the network that goes now
    write_json(record, facts | {"fingerprint": key} | learned)
    for done in run.path("checkpoints").glob(f"{name}-*"):  # of other settings, too
        shutil.rmtree(done)
    return _read(record)  # as a later run will see it, in the order of its entries, too


def load_trained(run: Run, name: str, fold: int) -> tuple[keras.Model, dict]:
    """Load a network that never heard the test speakers of `fold`, and its record.

    Raises
    ------
    MissingArtifactError
        It is not there, or was trained for other folds than the present ones.
    """
    network, record = run.path(f"models/{name}.keras"), run.path(f"models/{name}.json")
    if not network.is_file() or not record.is_file():
        raise MissingArtifactError(
            f"{network.name} is not in {network.parent}: run 03_model_training.ipynb first, or "
            f"all with `make report CORPUS={run.corpus} PROFILE={run.config.profile}`."
        )
    facts = _read(record)
    folds = run.load("folds")
    if sorted(facts["test_speakers"]) != sorted(folds.loc[folds["fold"] == fold, "speaker"]):
        raise MissingArtifactError(
            f"{network.name} was trained for other folds than those in {run.dir.name}: it may have "
            "heard the speakers of this one. Run 03_model_training.ipynb again."
        )
    return load_network(network), facts
