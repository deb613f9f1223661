"""Fetch a corpus, or see that one on disk can be read: what `make data` runs.

::

    python -m lib.corpora CORPUS DATA_DIR
"""

from __future__ import annotations

import sys

from lib import corpora
from lib.errors import end
from lib.variables import data_place


def main(name: str, data_dir: str = "") -> None:
    """Open the corpus and say what is there."""
    corpus = corpora.open_corpus(name, str(data_place(data_dir)) if data_dir else "")
    clips = corpus.clips()
    print(
        f"── {corpus.title}: {len(clips):,} clips of {clips['speaker'].nunique()} speakers in "
        f"{corpus.root}"
    )


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
