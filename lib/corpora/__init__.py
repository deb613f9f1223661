"""The corpora: one module each, opened by name.

>>> corpus = open_corpus("sample")
>>> corpus.clips().columns.tolist()
['clip_id', 'speaker', 'digit', 'repetition', 'path', 'noisy_path']

A new corpus is one module with ``open_tree(data_dir) -> Corpus`` and one line in `CORPORA`.
"""

from __future__ import annotations

from lib.corpora import audiomnist, fsdd, sample
from lib.corpora.base import Corpus
from lib.corpora.manifest import build_manifest
from lib.corpora.published import compare, hashed, sentence
from lib.errors import InputError
from lib.workspace.folder import PROJECT_ROOT

__all__ = ["CORPORA", "Corpus", "build_manifest", "check_corpus", "open_corpus"]

CORPORA = {
    "sample": sample.open_tree,
    "fsdd": fsdd.open_tree,
    "audiomnist": audiomnist.open_tree,
}


def open_corpus(name: str, data_dir: str = "") -> Corpus:
    """Open a corpus by name.

    Parameters
    ----------
    name : str
        A key of `CORPORA`.
    data_dir : str
        A tree already on disk; empty: the corpus is found in the project or downloaded.

    Raises
    ------
    InputError, CorpusError, DownloadError
        Unknown name; no clips in `data_dir`; no network.
    """
    if name not in CORPORA:
        raise InputError(f"Unknown corpus {name!r}; choose one of {', '.join(CORPORA)}.")
    return CORPORA[name](data_dir)


def check_corpus(name: str, data_dir: str = "") -> Corpus:
    """Open a corpus, and print how much of it is the published Audio MNIST, where it may be that.

    Parameters
    ----------
    name, data_dir : str
        As `open_corpus` takes them; what is downloaded now was compared in doing so.
    """
    there = bool(data_dir) or (PROJECT_ROOT / "data" / name).is_dir()
    corpus = open_corpus(name, data_dir)
    if name == "audiomnist" and there:
        print(sentence(compare(hashed(corpus))))
    return corpus
