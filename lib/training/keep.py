"""Train a network once, store it with a record of its training, and load it again.

A network consists of two files under ``models/``: ``<name>.keras``, without the optimiser state,
and ``<name>.json``, the *record*: its training speakers, history and provenance, and a fingerprint
of everything it depends on.  While the fingerprint matches, the network is not retrained.
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
    """Load a ``.keras`` file in safe mode: nothing in it is executed."""
    return keras.saving.load_model(path, safe_mode=True)


class Graph:
    """The architecture shared by the networks of all folds, which differ only in their weights.

    Building and tracing it takes seconds, replacing its weights milliseconds.
    """

    def __init__(self, structure: str):
        self.network = keras.saving.deserialize_keras_object(json.loads(structure))
        self.holder: Trained | None = None


_graph = functools.lru_cache(maxsize=8)(Graph)  # by architecture, as JSON


class Trained:
    """A trained network from a ``.keras`` file, in which nothing is executed.

    It holds its own weights and shares the `Graph` of all networks with the same architecture.
    """

    def __init__(self, path: Path):
        with zipfile.ZipFile(path) as parts:
            structure = json.loads(parts.read("config.json"))
        self._graph = _graph(json.dumps({**structure, "compile_config": None}))
        self._graph.network.load_weights(path)
        self._graph.holder = self
        self.weights = self._graph.network.get_weights()

    def predict_on_batch(self, inputs: np.ndarray) -> np.ndarray:
        """Return the output of the network for a batch."""
        if self._graph.holder is not self:
            self._graph.network.set_weights(self.weights)
            self._graph.holder = self
        return self._graph.network.predict_on_batch(inputs)


def read_record(run: Run, name: str) -> dict:
    """Return the record of a network; {} if there is none."""
    record = run.path(f"models/{name}.json")
    return json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}


def train_once(run: Run, name: str, key: str, train: Callable, facts: dict) -> dict:
    """Return the record of a network, training it unless its fingerprint still matches.

    Writes ``models/<name>.keras`` and ``.json``, each atomically.

    Parameters
    ----------
    key : str
        Fingerprint.
    train : callable
        ``train(checkpoints)`` returns the network and further entries for its record.
    facts : dict
        The record's other entries, `test_speakers` among them.
    """
    network, record = run.path(f"models/{name}.keras"), run.path(f"models/{name}.json")
    if network.is_file() and (facts_then := read_record(run, name)).get("fingerprint") == key:
        return facts_then
    model, learned = train(run.path(f"checkpoints/{name}-{key[:12]}"))
    with atomic_path(network) as part:  # a new Model around the same layers has no optimiser
        keras.Model(model.inputs, model.outputs, name=model.name).save(part)
        record.unlink(missing_ok=True)  # it describes the network being replaced
    write_json(record, facts | {"fingerprint": key, "origin": origin()} | learned)
    for done in run.path("checkpoints").glob(f"{name}-*"):  # including those of other settings
        shutil.rmtree(done)
    return read_record(run, name)  # as a later run reads it, including the order of entries


def load_trained(run: Run, name: str, fold: int) -> tuple[Trained, dict]:
    """Load a network that has not seen the test speakers of `fold`, and its record.

    Raises
    ------
    MissingArtifactError
        It is missing, or was trained for folds other than the current ones.
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
            f"{network.name} was trained for other folds than those in {run.dir.name}, possibly "
            "on the test speakers of this one. Run 03_model_training.ipynb again."
        )
    return Trained(network), facts
