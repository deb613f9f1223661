"""The embedded corpus: 20 synthetic speakers in the Audio MNIST layout.

Made by `lib.corpora.sample.generate` from the voice of hibari-tts 0.2.1 (Apache-2.0).  The
speakers, their accents, ages, origins and rooms are fiction.
"""

from __future__ import annotations

from pathlib import Path

from lib.corpora import audiomnist, base
from lib.errors import InputError

__all__ = ["open_tree"]

DATA = Path(__file__).resolve().parent / "data"


def open_tree(data_dir: str = "") -> base.Corpus:
    """Open the embedded corpus; raises InputError if `data_dir` is given: elsewhere is another."""
    if data_dir:
        raise InputError(
            f"The sample corpus is part of the project; it cannot be read from {data_dir}. "
            "Use CORPUS=audiomnist (a folder per speaker) or CORPUS=fsdd (one flat folder)."
        )
    return audiomnist.read_tree(
        DATA,
        name="sample",
        title="Embedded sample",
        note="Synthetic speech, not recordings of people; its speakers are fictional.",
        licence="Apache-2.0 (voice: hibari-tts 0.2.1)",
        url="https://pypi.org/project/hibari-tts/",
        redistributable=True,
        synthetic=True,
    )
