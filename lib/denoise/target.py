"""The output file: the format implied by its name, and its location on disk.

Both are checked before any processing.  What libsndfile claims to support is not always true (MP3
in WAV, 96 kHz in formats with 16 bits for the rate), so writing a short silence decides.
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

NAMES = {  # common extensions other than libsndfile's own format names
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
NO_FILE = {"RAW", "SD2"}  # headerless, or split over two files
VORBIS_LIMITS = 200_000, 255  # Hz and channels, beyond which libsndfile crashes
COMMON_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
BLOCK = 65_536  # samples per write; libsndfile crashes on long blocks of Ogg Vorbis


def format_of(path: Path) -> str:
    """Return libsndfile's name of the format of a file name; raise InputError if unknown."""
    kind = path.suffix.lstrip(".").upper()
    kind = NAMES.get(kind, kind)
    if kind not in set(soundfile.available_formats()) - NO_FILE:
        raise InputError(
            f"{path}: unknown audio format {kind!r}; use .wav, .flac, .ogg, .opus, .mp3 or .aiff."
        )
    return kind


def choose_format(path: Path, subtype: str, sample_rate: int, channels: int) -> tuple[str, str]:
    """Return format and sample format in which a file of that name can hold the recording.

    The sample format is `subtype`, or the default of the format where `subtype` is not possible;
    for ``.opus`` it is always Opus.  Raises InputError if none is possible.
    """
    kind = format_of(path)
    subtype = subtype.replace("ALAC", "PCM")  # equivalent; the ALAC encoder crashes on a full disk
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
        f"{path}: {wanted[-1]} in {kind} does not support {channels}-channel audio at "
        f"{sample_rate} Hz"
        + (f" (supported: {', '.join(rates)} Hz)" if rates else "")
        + (f"; use {' or '.join(others)} instead." if others else ".")
    )


def _holds(kind: str, subtype: str, sample_rate: int, channels: int) -> bool:
    """Return whether a short silence is read back with the same sample rate and channels."""
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
    """Return the file to write, with links resolved; raise InputError if it cannot be written."""
    try:
        place = path.resolve()
        mode = place.stat().st_mode if place.exists() else None
        folder = place.parent.is_dir()
    except (OSError, RuntimeError) as error:  # circular links, a name that is too long, ...
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be written: {reason}.") from error
    if mode is not None and not stat.S_ISREG(mode):
        found = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise InputError(f"{path} cannot be written: it is {found}; name a file.")
    if place.is_symlink():
        raise InputError(f"{path} cannot be written: it is a circular symbolic link.")
    if not folder:
        raise InputError(f"{path} cannot be written: {place.parent} is not a folder; create it.")
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise InputError(f"{path} cannot be written: no permission to write to {place.parent}.")
    if mode is not None and not (mode & 0o222 and os.access(place, os.W_OK)):
        raise InputError(
            f"{path} is read-only and stays as it is; choose another name, or make it writable."
        )
    return place


def write_sound(
    place: Path, samples: np.ndarray, sample_rate: int, *, kind: str, subtype: str
) -> None:
    """Write samples [shape=(n, channels)] atomically; an existing file keeps its mode.

    `place` is from `check_place`, `kind` and `subtype` from `choose_format`.  Raises InputError
    with the reason given by the system or by libsndfile.
    """
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
    try:
        with atomic_path(place) as part:
            part.touch(0o666 if mode is None else 0o600)  # never more permissive than the old file
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
    except soundfile.LibsndfileError:  # only "System error"; one more write raises the cause
        with open(part, "ab") as rest:
            rest.write(bytes(BLOCK))
        raise
