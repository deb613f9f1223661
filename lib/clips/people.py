"""Recordings of many speakers as a clip store for pretraining, under ``build/voices/``.

It holds the selected clips of Speech Commands at the working rate, each trimmed to its word.
Speakers, not clips, are split into training and validation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
import pandas as pd

from lib.clips.prepare import build_store
from lib.clips.store import ClipStore, open_store
from lib.corpora import speech_commands
from lib.corpora.base import Corpus
from lib.corpora.manifest import build_manifest
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import Run, voices_place

__all__ = ["contents_of", "known_voices", "open_voices", "part_people", "prepare_voices"]

VALIDATION_SHARE = 0.05  # of the speakers


def known_voices() -> pd.DataFrame:
    """Return the list of all clips that may be used: clip_id, samples_sha256."""
    return speech_commands.known_clips()


def open_voices(voices_dir: str = "") -> Corpus:
    """Open the recordings in a folder or zip, or download them, and print how many were found.

    Raises InputError, CorpusError or DownloadError, as `speech_commands.open_tree` does.
    """
    corpus = speech_commands.open_tree(str(voices_place(voices_dir)) if voices_dir else "")
    print(speech_commands.sentence(corpus), file=sys.stderr, flush=True)
    return corpus


def contents_of(clips: pd.DataFrame) -> list:
    """Return the names and hashes of clips, sorted by name, for a fingerprint."""
    return clips.sort_values("clip_id")[["clip_id", "samples_sha256"]].to_numpy().tolist()


def prepare_voices(run: Run, corpus: Corpus) -> ClipStore:
    """Return the clip store of the recordings, building it unless it is up to date.

    Writes the manifest and the store to the run's folder, and their fingerprint to ``voices.json``.
    Raises CorpusError if too few speakers have a usable clip.
    """
    facts = [contents_of(corpus.clips()), asdict(run.config.audio)]
    key, stamp = fingerprint(facts, _prepare), run.path("voices.json")
    if not stamp.is_file() or run.load_json("voices") != key:
        stamp.unlink(missing_ok=True)  # the store it refers to is rebuilt
        _prepare(run, corpus)
        run.save_json("voices", key)
    return open_store(run)


def _prepare(run: Run, corpus: Corpus) -> None:
    manifest = build_manifest(corpus, run.config, measure=speech_commands.measure_word)
    build_store(run, run.save("manifest", manifest), str(corpus.root))


def part_people(speakers: Iterable[str], rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return the training speakers and, one in twenty, the validation speakers.

    The draw depends only on the set of `speakers`, not on their order or number of clips.
    """
    people = sorted(set(speakers))
    n = max(1, round(VALIDATION_SHARE * len(people)))
    held = set(rng.permutation(people)[:n].tolist())
    return [name for name in people if name not in held], sorted(held)
