"""One-time download of public archives, unpacked under the project's ``data/``.

GitHub may repack a commit, so an archive's contents are checked rather than the archive itself.
Interrupted transfers are resumed if the server supports it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pooch
import requests
from tqdm import tqdm

from lib.corpora.base import sha256_of
from lib.corpora.unpack import require_space, unpack
from lib.errors import DownloadError, InputError
from lib.workspace.folder import PROJECT_ROOT

__all__ = ["Archive", "check_content", "fetch"]

CONTENTS = Path(__file__).resolve().parent / "contents"
PAUSES_S = (1, 2, 4, 8)  # between attempts
TIMEOUT_S = 30  # without receiving a byte
PASSING = (408, 416, 425, 429)  # transient; all others from 400 to 499 are final


@dataclass(frozen=True)
class Archive:
    """A corpus in a zip archive; more than twice the stated files or bytes are refused."""

    name: str  # of the folder under ``data/`` and the table in ``contents/``
    address: str  # of the archive, or of a GitHub repository
    download_mb: int  # approximate, in 10**6 bytes
    unpacked_mb: int
    files: int
    revision: str = ""  # commit of the repository
    check: Callable[[Path], None] | None = None  # called with its folder instead of `check_content`
    variable: str = "DATA_DIR"  # in the Makefile, which names a copy on disk

    @property
    def url(self) -> str:
        """URL of the zip archive."""
        return f"{self.address}/archive/{self.revision}.zip" if self.revision else self.address


def fetch(archive: Archive, into: str | Path = PROJECT_ROOT / "data") -> Path:
    """Return the folder of a corpus, downloading it if it is missing.

    The folder appears once everything is complete and checked; until then, the partial download
    is kept beside it, to be resumed.  Raises DownloadError if there is no network or no space, or
    if the archive is not the expected one; the message says how to download it by hand.
    """
    folder = Path(into) / archive.name
    whole = folder.with_name(f".{archive.name}-{archive.revision[:8] or 'archive'}.zip")
    part = whole.with_suffix(".zip.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        while not folder.is_dir():
            resumed = part.exists()
            if not whole.exists():
                megabytes = archive.download_mb + archive.unpacked_mb
                require_space(folder.parent, megabytes * 10**6, f"The corpus {archive.name}")
                _transfer(archive.url, part)
                part.replace(whole)
            try:
                unpack(
                    whole,
                    folder,
                    most_files=2 * archive.files,
                    most_bytes=2 * archive.unpacked_mb * 10**6,
                    check=archive.check or functools.partial(check_content, name=archive.name),
                )
            except InputError:
                whole.unlink()
                if not resumed:  # else it may mix two packings of one commit: start over
                    raise
        whole.unlink(missing_ok=True)
    except (OSError, InputError) as error:
        raise DownloadError(
            f"{archive.name} (about {archive.download_mb:,} MB) could not be fetched from "
            f"{archive.url} ({error}). By hand: download that file, save it anywhere and add "
            f"{archive.variable}=<the file> CORPUS={archive.name} to the command, or unpack it so "
            f"that the folder inside becomes {folder}."
        ) from error
    return folder


def check_content(folder: Path, name: str) -> None:
    """Raise InputError if a file listed in ``contents/<name>.csv`` is missing or differs."""
    known = pd.read_csv(CONTENTS / f"{name}.csv")
    found = [sha256_of(folder / path) for path in known["path"]]
    wrong = known.loc[known["sha256"] != found, "path"].tolist()
    if wrong:
        raise InputError(
            f"{len(wrong):,} of the {len(known):,} files whose content is known are missing or "
            f"differ, the first being {wrong[0]}; none of it is used."
        )


def _transfer(url: str, part: Path) -> None:
    """Download `url` to `part`, resuming where that file ends; retry on transient errors."""
    for pause_s in (*PAUSES_S, None):
        with open(part, "ab") as file:
            headers = {"Accept-Encoding": "identity"}
            if have := file.tell():
                headers["Range"] = f"bytes={have}-"
            download = pooch.HTTPDownloader(
                progressbar=True,
                chunk_size=2**16,
                timeout=TIMEOUT_S,
                headers=headers,
                hooks={"response": functools.partial(_receive, file=file, have=have)},
            )
            try:
                return download(url, file, None)
            except requests.RequestException as error:
                if pause_s is None or _is_final(error):
                    raise
                tqdm.write(f"{error}; trying again in {pause_s} s")
        time.sleep(pause_s)


def _receive(response: requests.Response, *, file, have: int, **_) -> None:
    """Before the first byte is written, check that the response begins where the file ends."""
    if response.status_code == 200 and "html" in response.headers.get("Content-Type", ""):
        raise requests.exceptions.InvalidURL("the server sent a web page instead of an archive.")
    if response.status_code == 206:
        if response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            return
        file.truncate(0)
        raise requests.exceptions.ConnectionError("the server sent a different range")
    if response.status_code in (200, 416):  # the whole file, or no such range
        file.truncate(0)


def _is_final(error: requests.RequestException) -> bool:
    """Return whether a retry cannot help."""
    if isinstance(error, requests.exceptions.InvalidURL):
        return True
    status = getattr(error.response, "status_code", 0)
    return 400 <= status < 500 and status not in PASSING
