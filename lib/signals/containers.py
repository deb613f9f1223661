"""Compare the length in the header of an audio file with the file itself; sizes in bytes.

Recorders that crash, pipes and interrupted downloads leave headers that promise more than the file
holds, or give no length at all, and decoders disagree on how to handle them.

Sources: EBU Tech 3306 (RF64), the AIFF-C draft of 1991, Apple's CAF specification, RFC 3533 (Ogg).
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Extent", "find_extent", "is_placeholder", "mended", "ogg_ending"]

HUGE = 2**30  # bytes or samples; larger sizes may be placeholders
NEAR = 2**16  # distance of placeholders from 2**31 and 2**32: 0x7FFFF000, 0xFFFFFFDB, ...
TINY = 128  # bytes; at most this is left by writers that never update the header
LARGEST_PAGE = 65_307  # bytes; the largest Ogg page


@dataclass(frozen=True)
class Extent:
    """Location of the samples in a file, and their size according to the header."""

    start: int  # offset of the samples
    promised: int  # size of the samples according to the header
    there: int  # bytes in the file from `start`, including any chunks after the samples
    field: int = 0  # offset of that size in the header
    form: str = ""  # its `struct` format; "" if it is text
    overhead: int = 0  # bytes that it counts in addition to the samples

    @property
    def unknown(self) -> bool:
        """Whether the header was written before the size was known."""
        few = self.promised <= TINY < self.there
        return few or (self.missing > 0 and is_placeholder(self.promised, self.there))

    @property
    def missing(self) -> int:
        """Number of bytes promised by the header but absent from the file."""
        return max(0, self.promised - self.there)


@dataclass(frozen=True)
class _Chunks:
    """Layout of a chunk-based container format."""

    head: str  # `struct` format of a chunk's name and size
    first: int  # offset of the first chunk
    sound: dict  # name of the chunk with the samples: bytes that precede them in it
    counted: int = 0  # bytes of the chunk header that its size includes
    align: int = 2


_WAV = _Chunks("<4sI", 12, {b"data": 0})
CONTAINERS = {
    b"RIFF": _WAV,
    b"RF64": _WAV,
    b"RIFX": _Chunks(">4sI", 12, {b"data": 0}),
    b"FORM": _Chunks(">4sI", 12, {b"SSND": 8, b"BODY": 0}),
    b"riff": _Chunks("<16sQ", 40, {b"data": 0}, counted=24, align=8),
    b"caff": _Chunks(">4sQ", 8, {b"data": 4}, align=1),
}


def find_extent(file: BinaryIO) -> Extent | None:
    """Locate the samples in an open file; None if the container is unknown or holds no samples."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    magic = file.read(4)
    if magic in (b".snd", b"dns."):
        order = ">" if magic == b".snd" else "<"
        start, promised = _unpack(file, 4, f"{order}II") or (size, 0)
        return Extent(start, promised, max(0, size - start), 8, f"{order}I")
    if magic == b"NIST":
        return _nist(magic + file.read(1020), size)
    return _walk(file, size, magic) if magic in CONTAINERS else None


def _unpack(file: BinaryIO, at: int, form: str) -> tuple | None:
    """Unpack numbers at an offset; None if the file ends before."""
    file.seek(at)
    content = file.read(struct.calcsize(form))
    return struct.unpack(form, content) if len(content) == struct.calcsize(form) else None


def _walk(file: BinaryIO, size: int, magic: bytes) -> Extent | None:
    """Step through the chunks up to the one that holds the samples."""
    layout = CONTAINERS[magic]
    head, at = struct.calcsize(layout.head), layout.first
    while chunk := _unpack(file, at, layout.head):
        name, length = chunk[0][:4], chunk[1] - layout.counted
        inside = layout.sound.get(name)
        if inside is not None:
            break
        if length < 0:
            return None
        at += head + length + -(head + length) % layout.align
    else:
        return None
    start = at + head + inside
    field, form = at + len(chunk[0]), layout.head[0] + layout.head[-1]
    if magic == b"RF64" and length == 2**32 - 1:  # the true size is in the first chunk
        field, form = 28, "<Q"
        if not (true := _unpack(file, field, form)):
            return None
        (length,) = true
    promised, there = max(0, length - inside), max(0, size - start)
    end = start + promised + promised % 2
    if promised <= TINY and _is_chunk(file, end, layout, there):
        there = promised
    return Extent(start, promised, there, field, form, inside + layout.counted)


def _is_chunk(file: BinaryIO, at: int, layout: _Chunks, rest: int) -> bool:
    """Return whether a chunk that fits into the rest of the file begins here, not samples."""
    chunk = _unpack(file, at, layout.head)
    return bool(chunk and re.fullmatch(rb"[ -~]{4}", chunk[0][:4]) and chunk[1] <= rest)


def _nist(header: bytes, size: int) -> Extent | None:
    """Parse the text header of a SPHERE file; samples are one byte each by default."""
    fields = {b"sample_n_bytes": b"1"}
    fields |= dict(re.findall(rb"^(\w+) -i (\d+)", header, re.MULTILINE))
    try:
        start = int(header.split()[1])
        names = (b"sample_count", b"channel_count", b"sample_n_bytes")
        count, channels, width = (int(fields[name]) for name in names)
    except (KeyError, ValueError, IndexError):
        return None
    return Extent(start, count * channels * width, max(0, size - start))


def is_placeholder(promised: int, there: int) -> bool:
    """Return whether a length greater than the actual one is a placeholder."""
    near = any(abs(promised - limit) <= NEAR for limit in (2**31, 2**32))
    return near or (promised >= HUGE and there < promised / 100)


def mended(file: BinaryIO, extent: Extent) -> io.BytesIO:
    """Return a copy of the file whose header gives the actual size."""
    file.seek(0)
    content = bytearray(file.read())
    most = 2 ** (8 * struct.calcsize(extent.form)) - 1
    size = min(extent.there + extent.overhead, most)
    struct.pack_into(extent.form, content, extent.field, size)
    return io.BytesIO(content)


def ogg_ending(file: BinaryIO) -> str:
    """Return how an Ogg stream ends: "closed", "open", or "cut" within a page; "" if not Ogg."""
    file.seek(0)
    if file.read(4) != b"OggS":
        return ""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 2 * LARGEST_PAGE))
    page = file.read()
    page = page[page.rfind(b"OggS") :]
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    if len(page) < 27 or len(segments) < page[26] or len(page) < 27 + len(segments) + sum(segments):
        return "cut"
    return "closed" if page[5] & 4 else "open"
