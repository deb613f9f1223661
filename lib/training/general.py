"""The general network: ours, trained on words from many speakers and on no corpus of digits.

It has seen no speaker of any corpus evaluated here.  `make voices` trains it like any other
network, in the folder of a run, and ships it with the project (`lib.training.shipped`).
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
    """Return the fingerprint of the network: recipe, settings and training clips.

    `clips` are the available clips of the corpus; by default, all known ones.
    """
    recipe = recipe_of(NAME)
    settings = [config.to_dict()[part] for part in recipe.settings]
    voices = contents_of(known_voices() if clips is None else clips)
    return fingerprint([recipe.needs(), settings, voices], learn, part_people, prepare_voices)


def train_general(run: Run, voices_dir: str = "") -> dict:
    """Train the general network, unless it is up to date, and return its record.

    Writes ``models/general.keras`` and ``.json`` to the run's folder.  Interrupted training resumes
    after the last complete epoch.

    Returns
    -------
    dict
        ``history`` (list of epochs), ``people`` and ``clips`` (numbers for training and
        validation), ``validation_speakers``, ``audio``, ``settings`` (all that it depends on),
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
