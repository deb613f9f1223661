"""The voices of many people as a clip store to learn from, under ``build/voices/``.

Its clips are those of Speech Commands that are used, at the working rate, each cut to its word.
People, not clips, are parted into those who are learned from and those who choose the epoch.
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

VALIDATION_SHARE = 0.05  # of the people


def known_voices() -> pd.DataFrame:
    """Return all clips that may be used: clip_id, samples_sha256."""
    return speech_commands.known_clips()


def open_voices(voices_dir: str = "") -> Corpus:
    """Open the voices in a folder or a zip, or fetch them, and say how many are there.

    Raises InputError, CorpusError, DownloadError, as `speech_commands.open_tree` does.
    """
    corpus = speech_commands.open_tree(str(voices_place(voices_dir)) if voices_dir else "")
    print(speech_commands.sentence(corpus), file=sys.stderr, flush=True)
    return corpus


def contents_of(clips: pd.DataFrame) -> list:
    """Return names and hashes of clips, in the order of their names, for a fingerprint."""
    return clips.sort_values("clip_id")[["clip_id", "samples_sha256"]].to_numpy().tolist()


def prepare_voices(run: Run, corpus: Corpus) -> ClipStore:
    """Return the clip store of the voices, prepared unless it was so from the same clips.

    Leaves the manifest and the store in the folder of the run, and ``voices.json`` with what they
    depend on.  Raises CorpusError if too few people have a usable clip.
    """
    facts = [contents_of(corpus.clips()), asdict(run.config.audio)]
    key, stamp = fingerprint(facts, _prepare), run.path("voices.json")
    if not stamp.is_file() or run.load_json("voices") != key:
        stamp.unlink(missing_ok=True)  # what it vouches for is written anew
        _prepare(run, corpus)
        run.save_json("voices", key)
    return open_store(run)


def _prepare(run: Run, corpus: Corpus) -> None:
    manifest = build_manifest(corpus, run.config, measure=speech_commands.measure_word)
    build_store(run, run.save("manifest", manifest), str(corpus.root))


def part_people(speakers: Iterable[str], rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return the people to learn from and, one in twenty, those who choose the epoch.

    The draw depends on the set of `speakers` only, not on their order or number of clips.
    """
    people = sorted(set(speakers))
    n = max(1, round(VALIDATION_SHARE * len(people)))
    held = set(rng.permutation(people)[:n].tolist())
    return [name for name in people if name not in held], sorted(held)
