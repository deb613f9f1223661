"""Fetch a corpus, or see that one on disk can be read.

::

    python -m lib.corpora CORPUS DATA_DIR compare

is what `make data` runs.  Before a report it is run without the last word: 01 compares Audio
MNIST with what was published.
"""

from __future__ import annotations

import sys

from lib import corpora
from lib.errors import end
from lib.make.variables import data_place


def main(name: str, data_dir: str = "", compare: str = "") -> None:
    """Open the corpus and say what is there."""
    place = str(data_place(data_dir)) if data_dir else ""
    corpus = (corpora.check_corpus if compare else corpora.open_corpus)(name, place)
    clips = corpus.clips()
    print(
        f"── {corpus.title}: {len(clips):,} clips of {clips['speaker'].nunique()} speakers in "
        f"{corpus.root}"
    )


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
