"""Where a result is written: the format that a name stands for, and the place on disk.

Both are checked before any work.  What libsndfile says that it can write is not always so (MP3
inside WAV, 96 kHz in formats with 16 bits for the rate), so a trial of a moment of silence decides.
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import numpy as np
import soundfile

from lib.errors import InputError
from lib.workspace.folder import atomic_path

__all__ = ["check_place", "choose_format", "format_of", "write_sound"]

NAMES = {  # other names than libsndfile's own, in use for the same formats
    "AIF": "AIFF",
    "AIFC": "AIFF",
    "BWF": "WAV",
    "IFF": "SVX",
    "OGA": "OGG",
    "OPUS": "OGG",
    "SND": "AU",
    "SPH": "NIST",
    "WAVE": "WAV",
}
NO_FILE = {"RAW", "SD2"}  # without a header, or in two files
VORBIS_LIMITS = 200_000, 255  # Hz and channels; beyond them libsndfile crashes
COMMON_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
BLOCK = 65_536  # samples written at once; libsndfile crashes on long blocks of Ogg Vorbis


def format_of(path: Path) -> str:
    """The format, as libsndfile calls it, that a name stands for; raises InputError if for none."""
    kind = path.suffix.lstrip(".").upper()
    kind = NAMES.get(kind, kind)
    if kind not in set(soundfile.available_formats()) - NO_FILE:
        raise InputError(
            f"{path}: unknown audio format {kind!r}; use .wav, .flac, .ogg, .opus, .mp3 or .aiff."
        )
    return kind


def choose_format(path: Path, subtype: str, sample_rate: int, channels: int) -> tuple[str, str]:
    """Format and sample format for a file of that name, which holds such a recording.

    The sample format is `subtype`, or that of the format where it is impossible.  Raises InputError
    if there is no format that does.
    """
    kind = format_of(path)
    subtype = subtype.replace("ALAC", "PCM")  # as good; that encoder crashes on a full disk
    opus = path.suffix.lower() == ".opus"
    wanted = ["OPUS"] if opus else [subtype, soundfile.default_subtype(kind)]
    for choice in wanted:
        if _holds(kind, choice, sample_rate, channels):
            return kind, choice
    rates = [f"{r}" for r in COMMON_RATES if _holds(kind, wanted[-1], r, channels)]
    others = [
        f".{other.lower()}"
        for other in ("WAV", "FLAC", "OGG")
        if _holds(other, soundfile.default_subtype(other), sample_rate, channels)
    ]
    raise InputError(
        f"{path}: {wanted[-1]} in {kind} does not hold {channels} channels at {sample_rate} Hz"
        + (f", but {', '.join(rates)} Hz" if rates else "")
        + (f"; use {' or '.join(others)}, which can." if others else ".")
    )


def _holds(kind: str, subtype: str, sample_rate: int, channels: int) -> bool:
    """Whether a moment of silence comes back with the same rate and channels."""
    rates, most = VORBIS_LIMITS
    if not soundfile.check_format(kind, subtype):
        return False
    if subtype == "VORBIS" and (sample_rate > rates or channels > most):
        return False
    buffer, silence = io.BytesIO(), np.zeros((1000, channels))
    try:
        with soundfile.SoundFile(buffer, "w", sample_rate, channels, subtype, format=kind) as file:
            file.write(silence)
        buffer.seek(0)
        info = soundfile.info(buffer)
    except (soundfile.SoundFileError, ValueError, TypeError):
        return False
    same = (info.samplerate, info.channels) == (sample_rate, channels)
    return same and info.frames >= len(silence)


def check_place(path: Path) -> Path:
    """Return the file to write, `path` or what it links to; raise InputError if it cannot be."""
    try:
        place = path.resolve()
        mode = place.stat().st_mode if place.exists() else None
        folder = place.parent.is_dir()
    except (OSError, RuntimeError) as error:  # links in a circle, a name that is too long, ...
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be written: {reason}.") from error
    if mode is not None and not stat.S_ISREG(mode):
        found = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise InputError(f"{path} cannot be written: it is {found}; name a file.")
    if place.is_symlink():
        raise InputError(f"{path} cannot be written: it is a link in a circle.")
    if not folder:
        raise InputError(f"{path} cannot be written: {place.parent} is no folder; make it first.")
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise InputError(f"{path} cannot be written: {place.parent} is no folder to write to.")
    if mode is not None and not (mode & 0o222 and os.access(place, os.W_OK)):
        raise InputError(
            f"{path} is read-only and stays as it is; choose another name, or make it writable."
        )
    return place


def write_sound(
    place: Path, samples: np.ndarray, sample_rate: int, *, kind: str, subtype: str
) -> None:
    """Write samples [shape=(n, channels)] whole or not at all; a file replaced passes on its mode.

    `place` is from `check_place`, `kind` and `subtype` from `choose_format`.  Raises InputError
    with what the system or the format has against it.
    """
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
    try:
        with atomic_path(place) as part:
            part.touch(0o666 if mode is None else 0o600)  # never more open than the old one
            _encode(part, samples, sample_rate, kind, subtype)
            if mode is not None:
                part.chmod(mode)
    except (soundfile.LibsndfileError, OSError) as error:
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
        raise InputError(
            f"{place} cannot be written as {kind} with {samples.shape[1]} channels at "
            f"{sample_rate} Hz: {reason}"
        ) from error


def _encode(part: Path, samples: np.ndarray, sample_rate: int, kind: str, subtype: str) -> None:
    name, channels = os.fsencode(part), samples.shape[1]
    try:
        with soundfile.SoundFile(name, "w", sample_rate, channels, subtype, format=kind) as file:
            for start in range(0, len(samples), BLOCK):
                file.write(samples[start : start + BLOCK])
    except soundfile.LibsndfileError:  # it only says "System error"; one more block asks that
        with open(part, "ab") as rest:
            rest.write(bytes(BLOCK))
        raise
