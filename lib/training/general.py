"""The general network: ours, trained on the voices of many people and on no corpus of digits.

It has heard nobody of a corpus that is tested here.  `make voices` trains it as any other network
is trained, in the folder of a run, and ships it as ``lib/models/general/``, from where
`open_general` takes it: ``network.keras`` without the state of its optimiser, ``record.json``, and
a model card.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from lib.clips.people import contents_of, known_voices, open_voices, part_people, prepare_voices
from lib.config import AudioConfig, Config
from lib.errors import MissingArtifactError
from lib.training.keep import load_network, train_once
from lib.training.loop import learn
from lib.training.recipes import recipe_of
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import PROJECT_ROOT, Run

__all__ = ["FOLDER", "NAME", "depends_on", "is_shipped", "open_general", "train_general", "unfit"]

NAME = "general"
FOLDER = PROJECT_ROOT / "lib" / "models" / NAME
NETWORK, RECORD, CARD = "network.keras", "record.json", "README.md"
STFT = ("sample_rate", "n_fft", "hop_length")  # settings to which a network is bound


def depends_on(config: Config, clips: pd.DataFrame | None = None) -> str:
    """Return the fingerprint of the network: recipe, settings, and the voices it learns from.

    `clips` are those of the corpus that are there; without them all that are known.
    """
    recipe = recipe_of(NAME)
    settings = [config.to_dict()[part] for part in recipe.settings]
    voices = contents_of(known_voices() if clips is None else clips)
    return fingerprint([recipe.needs(), settings, voices], learn, part_people, prepare_voices)


def train_general(run: Run, voices_dir: str = "") -> dict:
    """Train the general network on the voices, unless that was done already; return its record.

    Leaves ``models/general.keras`` and ``.json`` in the folder of the run.  A training that was
    interrupted goes on after its last whole epoch.

    Returns
    -------
    dict
        ``history`` (list of epochs), ``people`` and ``clips`` (of the training and of the
        validation each), ``validation_speakers``, ``audio``, ``settings`` (all that it depends on),
        ``voices`` (the corpus), ``fingerprint``, ``origin``.
    """
    recipe, corpus = recipe_of(NAME), open_voices(voices_dir)

    def train(checkpoints: Path) -> tuple[keras.Model, dict]:
        store = prepare_voices(run, corpus).for_training()
        rng = np.random.default_rng(run.config.seed)
        training, validation = part_people(store.index["speaker"], rng)
        lessons = recipe.lessons(store, training, validation)
        network, history = learn(recipe, store.config, lessons, checkpoints, "general network")
        return network, {
            "history": history,
            "people": {"training": len(training), "validation": len(validation)},
            "clips": {"training": lessons.clips, "validation": len(lessons.validation[0])},
            "validation_speakers": validation,
        }

    facts = {
        "method": NAME,
        "audio": asdict(run.config.audio),
        "settings": {part: run.config.to_dict()[part] for part in recipe.settings},
        "voices": {
            "title": corpus.title,
            "url": corpus.url,
            "licence": corpus.licence,
            "words": sorted(corpus.clips()["word"].unique()),
            "listed": len(known_voices()),
            "found": len(corpus.clips()),
        },
    }
    return train_once(run, NAME, depends_on(run.config, corpus.clips()), train, facts)


def _record() -> dict:
    """Return the record of the shipped network; {} unless it is there and of that very file."""
    network, record = FOLDER / NETWORK, FOLDER / RECORD
    if not network.is_file() or not record.is_file():
        return {}
    facts = json.loads(record.read_text(encoding="utf-8"))
    same = facts.get("sha256") == hashlib.sha256(network.read_bytes()).hexdigest()
    return facts if same else {}


def is_shipped(key: str) -> bool:
    """Whether the network of this fingerprint is shipped, with its card."""
    return _record().get("fingerprint") == key and (FOLDER / CARD).is_file()


def unfit(audio: AudioConfig) -> str:
    """Say why the general network cannot serve with these settings; "" if it can."""
    record = _record()
    if not record:
        return (
            f"There is no general network in {FOLDER.relative_to(PROJECT_ROOT)}: no "
            f"{NETWORK} with its {RECORD}. `make voices` trains it."
        )
    own, wanted = ({key: facts[key] for key in STFT} for facts in (record["audio"], asdict(audio)))
    if own == wanted:
        return ""
    differ = ", ".join(
        f"{key} {own[key]}, not {wanted[key]}" for key in STFT if own[key] != wanted[key]
    )
    return (
        f"The general network was trained for other audio settings ({differ}). `make voices` with "
        "these settings in its PARAMS trains another."
    )


def open_general(audio: AudioConfig) -> tuple[keras.Model, dict]:
    """Open the general network that is shipped, and its record.

    Raises
    ------
    MissingArtifactError
        It is not there, or was trained for another working rate or STFT (`unfit` says so without
        raising anything).
    """
    if reason := unfit(audio):
        raise MissingArtifactError(reason)
    return load_network(FOLDER / NETWORK), _record()
