"""The general network: ours, trained on the voices of many people and on no corpus of digits.

It has heard nobody of a corpus that is tested here.  `make voices` trains it as any other network
is trained, in the folder of a run, and ships it (`lib.training.shipped`).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from lib.clips.people import contents_of, known_voices, open_voices, part_people, prepare_voices
from lib.config import Config
from lib.training.keep import train_once
from lib.training.loop import learn
from lib.training.recipes import recipe_of
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import Run

__all__ = ["depends_on", "train_general"]

NAME = "general"


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
