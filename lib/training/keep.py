"""Train a network once, keep it with a record of what it is, and open it again.

A network leaves two files under ``models/``: ``<name>.keras``, without the state of its optimiser,
and ``<name>.json``, the *record*: the speakers it learned from, its history, where it comes from
and a fingerprint of everything it depends on.  While that holds, nothing is trained again.
"""

from __future__ import annotations

import functools
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from lib.errors import MissingArtifactError
from lib.models import conv_tasnet, mask, recogniser  # noqa: F401  Keras knows their layers then
from lib.workspace.folder import Run, atomic_path, write_json
from lib.workspace.origin import origin

__all__ = ["Graph", "Trained", "load_network", "load_trained", "read_record", "train_once"]


def load_network(path: Path) -> keras.Model:
    """Open a ``.keras`` file in safe mode: nothing in it is executed."""
    return keras.saving.load_model(path, safe_mode=True)


class Graph:
    """What the networks of all folds share: they differ in their weights only.

    Building and tracing it takes seconds, changing its weights milliseconds.
    """

    def __init__(self, structure: str):
        self.network = keras.saving.deserialize_keras_object(json.loads(structure))
        self.holder: Trained | None = None


_graph = functools.lru_cache(maxsize=8)(Graph)  # for each structure, as JSON


class Trained:
    """A trained network of a ``.keras`` file, of which nothing is executed.

    It has weights of its own, in the `Graph` of all networks that are built alike.
    """

    def __init__(self, path: Path):
        with zipfile.ZipFile(path) as parts:
            structure = json.loads(parts.read("config.json"))
        self._graph = _graph(json.dumps({**structure, "compile_config": None}))
        self._graph.network.load_weights(path)
        self._graph.holder = self
        self.weights = self._graph.network.get_weights()

    def predict_on_batch(self, inputs: np.ndarray) -> np.ndarray:
        """Return what the network answers to a batch."""
        if self._graph.holder is not self:
            self._graph.network.set_weights(self.weights)
            self._graph.holder = self
        return self._graph.network.predict_on_batch(inputs)


def read_record(run: Run, name: str) -> dict:
    """Return the record of a network; {} where there is none."""
    record = run.path(f"models/{name}.json")
    return json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}


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
    if network.is_file() and (facts_then := read_record(run, name)).get("fingerprint") == key:
        return facts_then
    model, learned = train(run.path(f"checkpoints/{name}-{key[:12]}"))
    with atomic_path(network) as part:  # a new Model around the same layers has no optimiser
        keras.Model(model.inputs, model.outputs, name=model.name).save(part)
        record.unlink(missing_ok=True)  # it describes the network that goes now
    write_json(record, facts | {"fingerprint": key, "origin": origin()} | learned)
    for done in run.path("checkpoints").glob(f"{name}-*"):  # of other settings, too
        shutil.rmtree(done)
    return read_record(run, name)  # as a later run will see it, in the order of its entries, too


def load_trained(run: Run, name: str, fold: int) -> tuple[Trained, dict]:
    """Open a network that never heard the test speakers of `fold`, and its record.

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
    facts = read_record(run, name)
    folds = run.load("folds")
    if sorted(facts["test_speakers"]) != sorted(folds.loc[folds["fold"] == fold, "speaker"]):
        raise MissingArtifactError(
            f"{network.name} was trained for other folds than those in {run.dir.name}: it may have "
            "heard the speakers of this one. Run 03_model_training.ipynb again."
        )
    return Trained(network), facts
