"""The general network that comes with the project, in ``lib/models/general/``.

``network.keras`` without the optimiser state, its record ``network.json`` and a model card, as
written by `make voices` (`lib.training.general`).  Every report evaluates it, fine-tuning starts
from it in every fold, and `make denoise` uses it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from lib.config import AudioConfig
from lib.errors import MissingArtifactError
from lib.workspace.folder import PROJECT_ROOT

if TYPE_CHECKING:
    import keras

__all__ = ["FOLDER", "about", "pretraining", "is_shipped", "open_general", "record", "start",
           "unfit"]  # fmt: skip

FOLDER = PROJECT_ROOT / "lib" / "models" / "general"
NETWORK, RECORD, CARD = "network.keras", "network.json", "README.md"
STFT = ("sample_rate", "n_fft", "hop_length")  # settings that are fixed for a network


def record() -> dict:
    """Return the record of the shipped network; {} if it is missing or of another file."""
    network, facts_of_it = FOLDER / NETWORK, FOLDER / RECORD
    if not network.is_file() or not facts_of_it.is_file():
        return {}
    facts = json.loads(facts_of_it.read_text(encoding="utf-8"))
    same = facts.get("sha256") == hashlib.sha256(network.read_bytes()).hexdigest()
    return facts if same else {}


def is_shipped(key: str) -> bool:
    """Return whether the network with this fingerprint is shipped, with its model card."""
    return record().get("fingerprint") == key and (FOLDER / CARD).is_file()


def unfit(audio: AudioConfig) -> str:
    """Return why the general network cannot be used with these settings; "" if it can."""
    facts = record()
    if not facts:
        return (
            f"There is no general network in {FOLDER.relative_to(PROJECT_ROOT)}: no "
            f"{NETWORK} with its {RECORD}. `make voices` trains it."
        )
    own, wanted = facts["audio"], asdict(audio)
    differ = [f"{key} {own[key]}, not {wanted[key]}" for key in STFT if own[key] != wanted[key]]
    if not differ:
        return ""
    return (
        f"The general network was trained for other audio settings ({', '.join(differ)}). "
        "`make voices` with these settings in its PARAMS trains another."
    )


@functools.lru_cache(maxsize=1)  # shared by all folds
def open_general(audio: AudioConfig) -> tuple[keras.Model, dict]:
    """Load the shipped general network and its record.

    Raises
    ------
    MissingArtifactError
        It is missing, or was trained for another working rate or STFT (`unfit` reports this without
        raising).
    """
    if reason := unfit(audio):
        raise MissingArtifactError(reason)
    from lib.training.keep import load_network  # importing Keras takes seconds

    return load_network(FOLDER / NETWORK), record()


def about(audio: AudioConfig) -> str:
    """Return a sentence on what our network is fine-tuned from, or why it is not."""
    if reason := unfit(audio):
        return f"In this run it is trained from scratch. {reason}"
    facts = record()
    people, clips = facts["people"]["training"], facts["clips"]["training"]
    return (
        f"The general network was trained on {clips:,} words by {people:,} people for "
        f"{len(facts['history'])} epochs; none of them is in this corpus."
    )


def pretraining(audio: AudioConfig) -> str:
    """Return a sentence on the pretraining of our network, if any."""
    if unfit(audio):
        return "It is trained on this corpus alone."
    people = record()["people"]["training"]
    return (
        f"It is pretrained on single words of {people:,} speakers of another corpus and fine-tuned "
        "on the training speakers of each fold."
    )


def start(audio: AudioConfig) -> list[np.ndarray] | None:
    """Return its weights, from which fine-tuning starts; None if it cannot be used (`unfit`)."""
    return None if unfit(audio) else open_general(audio)[0].get_weights()
