"""Anyone's sound file, read from front to end: what is there, and what is wrong with it.

The one reader of corpora and of `lib.denoise`.  It trusts neither the length that a header
promises nor a codec to seek, so that files from pipes, of recorders that crashed and in codecs of
telephones are read; what is missing of a recording that was cut short is told, not guessed.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from lib.errors import InputError
from lib.signals import faults
from lib.signals.containers import Extent, find_extent, is_placeholder, mended, ogg_ending
from lib.signals.faults import Fault

__all__ = ["Recording", "read_recording", "read_whole"]

BLOCK = 2**16  # samples decoded at once
SLACK = 128  # bytes that a header may count too many, as if they were samples
SLACK_S = 0.04  # s; nothing longer is missed without a word


@dataclass(frozen=True)
class Recording:
    """A sound file as it could be read.

    Attributes
    ----------
    samples : np.ndarray [shape=(n, channels)]
    sample_rate : int
        In Hz.
    format, subtype : str
        Container and sample format, as libsndfile calls them.
    cut : Fault or None
        What is missing.
    correction : Fault or None
        What of the header was not believed.
    """

    samples: np.ndarray
    sample_rate: int
    format: str
    subtype: str
    cut: Fault | None
    correction: Fault | None


class _Forwards(soundfile.SoundFile):
    """A sound file that is read from front to end only: some codecs cannot seek, or not well."""

    def seekable(self) -> bool:
        return False


def read_recording(
    path: str | Path, *, longest_s: float = math.inf, dtype: str = "float64"
) -> Recording:
    """Read anyone's sound file: what is there, whatever its header says.

    Parameters
    ----------
    path : str or Path
        Any format of libsndfile: WAV, FLAC, Ogg, MP3, ...
    longest_s : float
        Reading stops soon after so many seconds.
    dtype : str
        Of the samples: "float64" or "float32".

    Raises
    ------
    InputError
        The file is missing, empty, not audio, or holds no or non-finite samples; with its kind.
    """
    path = Path(path)
    try:
        _refuse_what_is_no_file(path)
        with open(path, "rb") as raw:
            extent, ending = find_extent(raw), ogg_ending(raw)
            if extent and not (extent.unknown or extent.missing):
                extent = None  # it does not lie
            source: io.BytesIO | bytes = os.fsencode(path.absolute())
            if extent and extent.form:
                source = mended(raw, extent)
        with _Forwards(source) as file:
            samples, failure = _read_blocks(file, longest_s, dtype)
            frames, rate = file.frames, file.samplerate
            form, subtype = file.format, file.subtype
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{path}: {faults.TOO_LARGE}.", kind=faults.TOO_LARGE) from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be opened ({error.strerror or error}).", kind=faults.UNOPENED
        ) from error
    except Exception as error:  # whatever a decoder raises is a reason not to use the file
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        raise InputError(
            f"{path}: not readable as audio ({reason}).", kind=faults.NO_AUDIO
        ) from error
    n = len(samples)
    if n == 0:
        stopped = f" that can be read ({failure})" if failure else ""
        raise InputError(f"{path}: a header without samples{stopped}.", kind=faults.NO_SAMPLES)
    if not np.isfinite(samples).all():
        bad = np.sum(~np.isfinite(samples).all(axis=1))
        raise InputError(f"{path}: {bad} of {n} samples are not finite.", kind=faults.NOT_FINITE)
    cut = correction = None
    if failure:
        said = f"cut short or damaged, it can be read for {n / rate:.3f} s ({failure})"
        cut = Fault(faults.DAMAGED, said)
    elif n <= longest_s * rate:
        cut, correction = _judge_length(n, frames, rate, extent, ending)
    return Recording(samples, rate, form, subtype, cut, correction)


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: {faults.FOLDER}.", kind=faults.FOLDER)
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: {faults.NO_FILE}.", kind=faults.NO_FILE)
    if not path.exists():
        raise InputError(f"{path}: {faults.MISSING}.", kind=faults.MISSING)
    if path.stat().st_size == 0:
        raise InputError(
            f"{path}: the file is empty (0 bytes); restore it from its source.", kind=faults.EMPTY
        )


def _read_blocks(file: _Forwards, longest_s: float, dtype: str) -> tuple[np.ndarray, str]:
    """Samples [shape=(n, channels)], and what stopped the decoder before the end, if it was."""
    block = np.empty((max(1, BLOCK // file.channels), file.channels), dtype)
    content, n, failure = bytearray(), 0, ""
    while n <= longest_s * file.samplerate and not failure:
        block.fill(np.nan)  # so that a failure shows how far the decoder came
        try:
            found = len(file.read(len(block), out=block))
        except soundfile.LibsndfileError as error:
            failure = error.error_string.removeprefix("Error : ").rstrip(".")
            found = int(np.argmax(np.append(np.isnan(block).all(axis=1), True)))
        content += block[:found].tobytes()
        n += found
        if found < len(block):
            break
    return np.frombuffer(content, dtype).reshape(n, file.channels), failure


def _judge_length(
    n: int, frames: int, rate: int, extent: Extent | None, ending: str
) -> tuple[Fault | None, Fault | None]:
    """What is missing, and what of the header was not believed; neither of a sound file.

    A header's worth too little is no cut: writers count themselves.
    """
    if ending == "cut":
        said = f"cut short, {n / rate:.3f} s and a part of a page of Ogg are there"
        return Fault(faults.CUT, said), None
    if ending == "open":
        return None, Fault(faults.NEVER_CLOSED, "its stream was never closed")
    if extent is not None:
        said = f"its header promises {extent.promised:,} bytes of sound, {extent.there:,} are there"
        if extent.unknown:
            return None, Fault(faults.OTHER_LENGTH, said)
        missing_s = n / rate * extent.missing / extent.there
        itself = abs(extent.missing - extent.start) <= 16  # the size of the file, more or less
        small = extent.missing <= SLACK or itself
    elif n < frames:
        said = f"its header promises {frames:,} samples, {n:,} are there"
        if is_placeholder(frames, n):
            return None, Fault(faults.NO_LENGTH, "its header gives no length")
        missing_s, small = (frames - n) / rate, True
    else:
        return None, None
    if small and missing_s <= SLACK_S:
        return None, Fault(faults.OTHER_LENGTH, said)
    said = f"cut short, {n / rate:.3f} of {n / rate + missing_s:.3f} s are there"
    return Fault(faults.CUT, said), None


def read_whole(path: str | Path, *, longest_s: float = math.inf) -> Recording:
    """Read a sound file as `read_recording` does, but refuse one that is cut short.

    Raises
    ------
    InputError
        As in `read_recording`, or something is missing.
    """
    recording = read_recording(path, longest_s=longest_s)
    if recording.cut:
        raise InputError(
            f"{path}: {recording.cut.text}; restore it from its source.", kind=recording.cut.kind
        )
    return recording
