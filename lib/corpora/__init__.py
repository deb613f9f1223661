"""The corpora, one module each, opened by name.

A new corpus takes a module with ``open_tree(data_dir) -> Corpus`` and a line in `CORPORA`.  Corpora
in `VOICES` are for training only: nothing is tested on them, so they have no report.
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
    """Open, by its name, a corpus that has a report.

    `data_dir` is a tree already on disk; if empty, the corpus is found in the project or
    downloaded.  Raises InputError for an unknown or a training-only corpus, CorpusError if
    `data_dir` has no clips, DownloadError if the download fails.
    """
    if name in VOICES:
        raise InputError(
            f"{name} is for training only: nothing is evaluated on it, so it has no report. "
            f"`make voices` trains on it; for a report choose one of {', '.join(CORPORA)}."
        )
    if name not in CORPORA:
        raise InputError(f"Unknown corpus {name!r}; choose one of {', '.join(CORPORA)}.")
    return CORPORA[name](data_dir)
