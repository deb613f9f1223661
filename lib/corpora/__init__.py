"""The corpora: one module each, opened by name.

A new corpus is one module with ``open_tree(data_dir) -> Corpus`` and one line in `CORPORA`.  What
stands in `VOICES` is learned from only: nothing is tested on it, so it has no report.
"""

from __future__ import annotations

from lib.corpora import audiomnist, fsdd, sample, speech_commands
from lib.corpora.base import Corpus
from lib.corpora.manifest import build_manifest
from lib.errors import InputError

__all__ = ["CORPORA", "VOICES", "build_manifest", "open_corpus"]

CORPORA = {
    "sample": sample.open_tree,
    "fsdd": fsdd.open_tree,
    "audiomnist": audiomnist.open_tree,
}
VOICES = {
    "speech-commands": speech_commands.open_tree,
}


def open_corpus(name: str, data_dir: str = "") -> Corpus:
    """Open a corpus that has a report by its name.

    `data_dir` is a tree already on disk; empty: the corpus is found in the project or downloaded.
    Raises InputError for an unknown name or a corpus to learn from only, CorpusError for no clips
    in `data_dir`, DownloadError.
    """
    if name in VOICES:
        raise InputError(
            f"{name} is a corpus to learn from only: nothing is tested on it, so it has no report. "
            f"`make voices` learns from it; for a report choose one of {', '.join(CORPORA)}."
        )
    if name not in CORPORA:
        raise InputError(f"Unknown corpus {name!r}; choose one of {', '.join(CORPORA)}.")
    return CORPORA[name](data_dir)
