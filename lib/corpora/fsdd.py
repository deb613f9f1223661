"""Free Spoken Digit Dataset: 6 speakers x 10 digits x 50 repetitions at 8 kHz.

Layout: ``recordings/<digit>_<speaker>_<rep>.wav``, all in one folder.  Source: Z. Jackson et al.,
https://github.com/Jakobovski/free-spoken-digit-dataset (CC BY-SA 4.0).
"""

from __future__ import annotations

from lib.corpora import base, download, unpack

__all__ = ["SPEAKERS", "open_tree"]

URL = "https://github.com/Jakobovski/free-spoken-digit-dataset"
ARCHIVE = download.Archive(
    "fsdd",
    URL,
    revision="1306d2c6da002dfb2fd1f113d8596d801648a085",
    download_mb=17,
    unpacked_mb=30,
    files=4000,
)

SPEAKERS = {  # copied from metadata.py of the repository, which is not executed
    "george": {"gender": "male", "accent": "GRC/Greek"},
    "jackson": {"gender": "male", "accent": "USA/neutral"},
    "lucas": {"gender": "male", "accent": "DEU/German"},
    "nicolas": {"gender": "male", "accent": "BEL/French"},
    "theo": {"gender": "male", "accent": "USA/neutral"},
    "yweweler": {"gender": "male", "accent": "DEU/German"},
}


def open_tree(data_dir: str = "") -> base.Corpus:
    """Open FSDD; `data_dir` may be the repository, its ``recordings/``, or a zip of either."""
    folder = unpack.folder_of(data_dir) if data_dir else download.fetch(ARCHIVE)
    corpus = base.read_folder(
        folder,
        folder_per_speaker=False,
        name="fsdd",
        title="Free Spoken Digit Dataset",
        note="Recordings of people: spoken English digits.",
        licence="CC BY-SA 4.0",
        url=URL,
        redistributable=False,  # share-alike would extend to a report with its audio
    )
    here = set(corpus.clips()["speaker"])
    return corpus.with_metadata({name: facts for name, facts in SPEAKERS.items() if name in here})
