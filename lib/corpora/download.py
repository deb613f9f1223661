"""Fetch a public archive once and unpack it under ``data/`` of the project.

GitHub builds these archives from the head of a branch, so there is no fixed checksum; the
content hash in the report's provenance tells which state was read.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

import pooch

from lib.artifacts import PROJECT_ROOT
from lib.errors import DownloadError

__all__ = ["fetch"]


def fetch(name: str, url: str, *, size: str, into: str | Path = PROJECT_ROOT / "data") -> Path:
    """Return the folder of the corpus `name`, downloading it if it is not there.

    The archive is unpacked into a temporary folder which is renamed when whole.

    Parameters
    ----------
    name : str
        Folder under `into`.
    url : str
        A zip archive with one folder at its top, as GitHub makes them.
    size : str
        What the user should expect, for the error message.

    Raises
    ------
    DownloadError
        No network, no space, or not a zip archive; says how to do it by hand.
    """
    folder = Path(into) / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as temporary:
        try:
            archive = pooch.retrieve(
                url, known_hash=None, fname="archive.zip", path=temporary, progressbar=True
            )
            with zipfile.ZipFile(archive) as content:  # extractall keeps inside its folder
                content.extractall(Path(temporary) / "content")
            (top,) = (Path(temporary) / "content").iterdir()
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise DownloadError(
                f"{name} ({size}) could not be downloaded from {url} ({error}). By hand: "
                f"download that file, unpack it as {folder}, or anywhere else and add "
                "DATA_DIR=<that folder> to the command."
            ) from error
        shutil.move(top, folder)
    return folder
