"""The general network that comes with the project, in ``lib/models/general/``.

``network.keras`` without the state of its optimiser, its record ``network.json``, and a model card,
as `make voices` leaves them (`lib.training.general`).  It is a row of every report, where every
fold's training starts, and what `make denoise` uses.
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

__all__ = ["FOLDER", "about", "heard_before", "is_shipped", "open_general", "record", "start",
           "unfit"]  # fmt: skip

FOLDER = PROJECT_ROOT / "lib" / "models" / "general"
NETWORK, RECORD, CARD = "network.keras", "network.json", "README.md"
STFT = ("sample_rate", "n_fft", "hop_length")  # settings to which a network is bound


def record() -> dict:
    """Return the record of the shipped network; {} unless it is there and of that very file."""
    network, facts_of_it = FOLDER / NETWORK, FOLDER / RECORD
    if not network.is_file() or not facts_of_it.is_file():
        return {}
    facts = json.loads(facts_of_it.read_text(encoding="utf-8"))
    same = facts.get("sha256") == hashlib.sha256(network.read_bytes()).hexdigest()
    return facts if same else {}


def is_shipped(key: str) -> bool:
    """Whether the network of this fingerprint is shipped, with its card."""
    return record().get("fingerprint") == key and (FOLDER / CARD).is_file()


def unfit(audio: AudioConfig) -> str:
    """Say why the general network cannot serve with these settings; "" if it can."""
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


@functools.lru_cache(maxsize=1)  # the same for every fold
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
    from lib.training.keep import load_network  # Keras takes seconds

    return load_network(FOLDER / NETWORK), record()


def about(audio: AudioConfig) -> str:
    """Say from what our network goes on in every fold, or why it starts from nothing."""
    if reason := unfit(audio):
        return f"Here it is trained from scratch. {reason}"
    facts = record()
    people, clips = facts["people"]["training"], facts["clips"]["training"]
    return (
        f"The general network was trained on {clips:,} words by {people:,} people for "
        f"{len(facts['history'])} epochs; none of them speaks in this corpus."
    )


def heard_before(audio: AudioConfig) -> str:
    """Say in a sentence whom our network heard before the speakers of a corpus."""
    if unfit(audio):
        return "It is trained on this corpus alone."
    people = record()["people"]["training"]
    return (
        f"It is pretrained on single words of {people:,} speakers of another corpus and fine-tuned "
        "on the training speakers of each fold."
    )


def start(audio: AudioConfig) -> list[np.ndarray] | None:
    """Return its weights, from which training goes on; None where it cannot serve (`unfit`)."""
    return None if unfit(audio) else open_general(audio)[0].get_weights()
