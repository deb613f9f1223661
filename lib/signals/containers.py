"""What the header of a sound file says of its length, held against the file; sizes in bytes.

Headers of recorders that crash, of pipes and broken downloads promise more than the file holds, or
nothing at all, and decoders disagree about what to do then.

Sources: EBU Tech 3306 (RF64), the AIFF-C draft of 1991, Apple's CAF specification, RFC 3533 (Ogg).
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Extent", "find_extent", "is_placeholder", "mended", "ogg_ending"]

HUGE = 2**30  # bytes or samples; more is promised by writers that do not know
NEAR = 2**16  # of 2**31 and 2**32, where such promises lie: 0x7FFFF000, 0xFFFFFFDB, ...
TINY = 128  # bytes; as little is left by writers that did not come back
LARGEST_PAGE = 65_307  # bytes; of Ogg


@dataclass(frozen=True)
class Extent:
    """Where in a file its sound lies, and how long the header says it is."""

    start: int  # of the samples
    promised: int  # size of the samples by the header
    there: int  # from `start` on; with chunks behind the sound, if there are any
    field: int = 0  # where the header says that size,
    form: str = ""  # and how, for `struct`; "" where it is text
    overhead: int = 0  # what it counts in addition to the samples

    @property
    def unknown(self) -> bool:
        """Whether the writer of the header did not know the size."""
        few = self.promised <= TINY < self.there
        return few or (self.missing > 0 and is_placeholder(self.promised, self.there))

    @property
    def missing(self) -> int:
        """Bytes that are promised and not there."""
        return max(0, self.promised - self.there)


@dataclass(frozen=True)
class _Chunks:
    """How a container of chunks is laid out."""

    head: str  # name and size of a chunk, for `struct`
    first: int  # where the first chunk begins
    sound: dict  # name of the chunk of samples: bytes in it before them
    counted: int = 0  # bytes of the head that the size includes
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
    """Find the samples of an open file; None where the container is another, or has none."""
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
    """Read numbers at a place; None where the file ends before."""
    file.seek(at)
    content = file.read(struct.calcsize(form))
    return struct.unpack(form, content) if len(content) == struct.calcsize(form) else None


def _walk(file: BinaryIO, size: int, magic: bytes) -> Extent | None:
    """Go from chunk to chunk until the one that holds the samples."""
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
    if magic == b"RF64" and length == 2**32 - 1:  # the true size stands in the first chunk
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
    """Whether a chunk that fits into the rest of the file begins here, rather than samples."""
    chunk = _unpack(file, at, layout.head)
    return bool(chunk and re.fullmatch(rb"[ -~]{4}", chunk[0][:4]) and chunk[1] <= rest)


def _nist(header: bytes, size: int) -> Extent | None:
    """The header of SPHERE files is text; the samples of the older ones are bytes."""
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
    """Whether a length too great was written by somebody who did not know it."""
    near = any(abs(promised - limit) <= NEAR for limit in (2**31, 2**32))
    return near or (promised >= HUGE and there < promised / 100)


def mended(file: BinaryIO, extent: Extent) -> io.BytesIO:
    """Return a copy of the file whose header gives the size that is there."""
    file.seek(0)
    content = bytearray(file.read())
    most = 2 ** (8 * struct.calcsize(extent.form)) - 1
    size = min(extent.there + extent.overhead, most)
    struct.pack_into(extent.form, content, extent.field, size)
    return io.BytesIO(content)


def ogg_ending(file: BinaryIO) -> str:
    """How an Ogg stream ends: "closed", "open" after a whole page, "cut" within one; else ""."""
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
