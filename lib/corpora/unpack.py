"""Safe, all-or-nothing unpacking of untrusted zip archives.

Links, paths that leave the target folder, duplicate names, encrypted members, and archives with too
many files or bytes are refused; `zipfile` reads no member beyond its declared size.
"""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from lib.errors import InputError
from lib.workspace.folder import PROJECT_ROOT

__all__ = ["folder_of", "require_space", "unpack"]

MOST_FILES = 200_000  # the supplied pairs of Audio MNIST have 60,000
MOST_BYTES = 20_000_000_000  # and 4 GB
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, UnicodeError, EOFError)
CLOSED = (NotImplementedError, RuntimeError)  # an unsupported compression method; a password


def folder_of(data_dir: str | Path, into: str | Path = PROJECT_ROOT / "data") -> Path:
    """Return `data_dir` or, if it is a zip archive, the folder to which it is unpacked once.

    That is ``<into>/<its name>-<hash of its listing>``.  Raises InputError if the archive is
    corrupt, unsafe or too large for the disk.
    """
    data_dir = Path(data_dir)
    if not data_dir.is_file():
        return data_dir
    try:
        with zipfile.ZipFile(data_dir) as content:
            listing = sorted((m.filename, m.file_size, m.CRC) for m in content.infolist())
    except (*BROKEN, *CLOSED, OSError) as error:
        packed = data_dir.suffix.lower() in (".7z", ".rar")
        with contextlib.suppress(OSError, *BROKEN):
            packed = packed or tarfile.is_tarfile(data_dir)
        if packed:
            raise InputError(
                f"{data_dir} is an archive but not a zip; unpack it and give the folder instead."
            ) from error
        raise InputError(f"{data_dir} is neither a folder nor a zip archive ({error}).") from error
    key = hashlib.sha256(repr(listing).encode("utf-8", "replace")).hexdigest()[:8]
    folder = Path(into) / f"{data_dir.stem}-{key}"
    try:
        return folder if folder.is_dir() else unpack(data_dir, folder)
    except OSError as error:
        raise InputError(f"{data_dir} cannot be unpacked to {folder}: {error}") from error


def unpack(
    archive: str | Path,
    folder: Path,
    *,
    most_files: int = MOST_FILES,
    most_bytes: int = MOST_BYTES,
    check: Callable[[Path], None] | None = None,
) -> Path:
    """Unpack `archive` as `folder`, without outer folders that hold only one folder.

    `folder` appears once everything is unpacked and `check`, called with the folder under its
    temporary name, has not raised.  Raises InputError if the archive is corrupt, unsafe or too
    large, OSError if the disk is too small.
    """
    part = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(part, ignore_errors=True)  # left by a killed run
    part.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as content:
            members = {m: name for m in content.infolist() if not (name := _name(m)).endswith("/")}
            _agree(archive, members, most_files, most_bytes)
            require_space(part, sum(member.file_size for member in members), str(folder))
            for member in tqdm(members, desc="unpacking", unit="file", mininterval=1):
                target = part / members[member]
                target.parent.mkdir(parents=True, exist_ok=True)
                with content.open(member) as source, open(target, "xb") as file:
                    shutil.copyfileobj(source, file)
        top = part
        while len(inside := list(top.iterdir())) == 1 and inside[0].is_dir():
            top = inside[0]
        if check is not None:
            check(top)
        os.replace(top, folder)
    except BROKEN as error:
        raise InputError(
            f"{archive} is corrupt: {error}. Nothing was unpacked; get the archive from its source "
            "again."
        ) from error
    except CLOSED as error:
        raise InputError(
            f"{archive} cannot be unpacked here ({error}); unpack it yourself and give the "
            "folder instead."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _name(member: zipfile.ZipInfo) -> str:
    """Return a member's name: Windows writes backslashes, macOS does not flag its UTF-8."""
    name = member.filename
    if not member.flag_bits & 0x800:  # decoded by `zipfile` as cp437 (MS-DOS)
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _agree(archive, members: dict[zipfile.ZipInfo, str], most_files: int, most_bytes: int) -> None:
    """Raise InputError if the archive is empty, too large, or has an unsafe member."""
    size = sum(member.file_size for member in members)
    if not members or len(members) > most_files or size > most_bytes:
        raise InputError(
            f"{archive} has {len(members):,} files of {size / 1e6:,.0f} MB; expected: 1 to "
            f"{most_files:,} files of at most {most_bytes / 1e6:,.0f} MB. Nothing was unpacked."
        )
    name, times = Counter(members.values()).most_common(1)[0]
    if times > 1:
        raise InputError(
            f"{archive} has {times} files of the same name, {name[:80]!r}. Nothing was unpacked; "
            "unpack it yourself and give the folder instead."
        )
    for member, name in members.items():
        kind = stat.S_IFMT(member.external_attr >> 16)
        outside = re.match(r"/|[A-Za-z]:", name) or ".." in name.split("/")
        if outside or kind not in (0, stat.S_IFREG):
            raise InputError(
                f"{archive} has {member.filename!r}, a path outside its folder, a link or a "
                "special file. Nothing was unpacked; get the archive from its source again."
            )


def require_space(folder: Path, n_bytes: int, what: str) -> None:
    """Raise OSError unless the disk of `folder` has room for `n_bytes` plus 10 %."""
    free = shutil.disk_usage(folder).free
    if free < 1.1 * n_bytes:
        raise OSError(
            f"{what} needs {1.1 * n_bytes / 1e6:,.0f} MB, but only {free / 1e6:,.0f} MB are free "
            f"in {folder.resolve()}; make room or move the project to a larger disk."
        )
