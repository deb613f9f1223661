"""Fetch a corpus, or check that one on disk can be read, as ``make data`` does.

``python -m lib.corpora CORPUS DATA_DIR compare``, with VOICES_DIR for a training-only corpus; a
report leaves out ``compare``, since notebook 01 compares Audio MNIST with the published corpus.
"""

from __future__ import annotations

import sys

from lib.corpora import VOICES, open_corpus, published, speech_commands
from lib.corpora.base import Corpus
from lib.errors import end
from lib.workspace.variables import PROJECT_ROOT, data_place, voices_place


def main(name: str, data_dir: str = "", compare: str = "") -> None:
    """Print what was found and, with `compare`, how much of Audio MNIST is as published."""
    if name in VOICES and compare:
        corpus = VOICES[name](str(voices_place(data_dir)) if data_dir else "")
        print(speech_commands.sentence(corpus))
        return _tell(corpus)
    place = str(data_place(data_dir)) if data_dir else ""
    there = bool(place) or (PROJECT_ROOT / "data" / name).is_dir()  # downloads are compared anyway
    corpus = open_corpus(name, place)
    if compare and there and name == "audiomnist":
        print(published.sentence(published.compare(published.hashed(corpus))))
    _tell(corpus)


def _tell(corpus: Corpus) -> None:
    clips = corpus.clips()
    n_speakers = clips["speaker"].nunique()
    print(f"── {corpus.title}: {len(clips):,} clips of {n_speakers} speakers in {corpus.root}")


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
