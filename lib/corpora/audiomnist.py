"""Audio MNIST: 60 speakers x 10 digits x 50 repetitions at 48 kHz, and trees in its layout.

Layout: ``data/<speaker>/<digit>_<speaker>_<rep>.wav`` beside ``data/audioMNIST_meta.txt``.  Source:
S. Becker et al., arXiv:1807.03418, https://github.com/soerenab/AudioMNIST (MIT).  The supplied
noisy counterparts are Kaggle's ``mahdiahmadi81/noisy-audio-mnist`` (CC0).
"""

from __future__ import annotations

from pathlib import Path

from lib.corpora import base, download, published, unpack

__all__ = ["METADATA", "open_tree", "read_tree"]

METADATA = "audioMNIST_meta.txt"
URL = "https://github.com/soerenab/AudioMNIST"
ARCHIVE = download.Archive(
    "audiomnist",
    URL,
    revision="8d77a2d8754105541742115cefec1e537040a6cf",
    download_mb=1000,
    unpacked_mb=2000,
    files=31_000,
    check=published.check_download,
)


def read_tree(folder: str | Path, **facts) -> base.Corpus:
    """Read any tree in the Audio MNIST layout in `folder` or below."""
    return base.read_folder(folder, folder_per_speaker=True, metadata=METADATA, **facts)


def open_tree(data_dir: str = "") -> base.Corpus:
    """Open Audio MNIST, or the tree in its layout (or a zip of one) at `data_dir`."""
    folder = unpack.folder_of(data_dir) if data_dir else download.fetch(ARCHIVE)
    note = (
        "Read from a tree on disk in the Audio MNIST layout; title, source and licence are "
        "those of Audio MNIST, if that is what the tree holds."
        if data_dir
        else "Recordings of people: spoken English digits."
    )
    return read_tree(
        folder,
        name="audiomnist",
        title="Audio MNIST",
        note=note,
        licence="MIT",
        url=URL,
        redistributable=not data_dir,
    )
