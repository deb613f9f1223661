"""Read audio files from start to end, and report what is wrong with them.

Neither the length in the header nor a codec's seeking is trusted; missing audio is reported,
not guessed.
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
from lib.signals.faults import Fault, refusal

__all__ = ["Recording", "read_recording", "read_whole"]

BLOCK = 2**16  # samples decoded at a time
SLACK = 128  # bytes by which a header may overstate the size of the samples
SLACK_S = 0.04  # s; if more is missing, the recording is cut short


@dataclass(frozen=True)
class Recording:
    """The samples read from an audio file, and what is wrong with the file."""

    samples: np.ndarray  # [shape=(n, channels)]
    sample_rate: int  # Hz
    subtype: str  # sample format, as libsndfile calls it
    cut: Fault | None  # what is missing
    correction: Fault | None  # what was wrong in the header


class _Forwards(soundfile.SoundFile):
    """An audio file that is read without seeking, which some codecs support badly or not at all."""

    def seekable(self) -> bool:
        return False


def read_recording(
    path: str | Path, *, longest_s: float = math.inf, dtype: str = "float64"
) -> Recording:
    """Read an audio file in any format of libsndfile, even if its header is wrong.

    Reading stops soon after `longest_s`; `dtype` is "float64" or "float32".  Raises InputError,
    with its kind, if the file is missing, empty, not audio, or has no or non-finite samples.
    """
    path = Path(path)
    try:
        _refuse_what_is_no_file(path)
        with open(path, "rb") as raw:
            extent, ending = find_extent(raw), ogg_ending(raw)
            if extent and not (extent.unknown or extent.missing):
                extent = None  # the header is right
            source: io.BytesIO | bytes = os.fsencode(path.absolute())
            if extent and extent.form:
                source = mended(raw, extent)
        with _Forwards(source) as file:
            samples, failure = _read_blocks(file, longest_s, dtype)
    except InputError:
        raise
    except MemoryError as error:
        raise refusal(path, faults.TOO_LARGE) from error
    except OSError as error:
        raise refusal(path, faults.UNOPENED, detail=error.strerror or error) from error
    except Exception as error:  # any error of a decoder excludes the file
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        raise refusal(path, faults.NO_AUDIO, detail=reason) from error
    n, rate = len(samples), file.samplerate
    if n == 0:
        stopped = f" that can be read ({failure})" if failure else ""
        raise refusal(path, faults.NO_SAMPLES, faults.NO_SAMPLES + stopped)
    if not np.isfinite(samples).all():
        bad = np.sum(~np.isfinite(samples).all(axis=1))
        raise refusal(path, faults.NOT_FINITE, f"{bad} of {n} samples are not finite")
    cut = correction = None
    if failure:
        said = f"cut short or damaged after {n / rate:.3f} s ({failure})"
        cut = Fault(faults.DAMAGED, said)
    elif n <= longest_s * rate:
        cut, correction = _judge_length(n, file.frames, rate, extent, ending)
    return Recording(samples, rate, file.subtype, cut, correction)


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        raise refusal(path, faults.FOLDER)
    if not path.exists():
        raise refusal(path, faults.MISSING)
    if not path.is_file():
        raise refusal(path, faults.NO_FILE)
    if path.stat().st_size == 0:
        raise refusal(path, faults.EMPTY, f"{faults.EMPTY} (0 bytes); restore it from its source")


def _read_blocks(file: _Forwards, longest_s: float, dtype: str) -> tuple[np.ndarray, str]:
    """Return the samples [shape=(n, channels)] and the decoder's error, "" if there was none."""
    block = np.empty((max(1, BLOCK // file.channels), file.channels), dtype)
    content, n, failure = bytearray(), 0, ""
    while n <= longest_s * file.samplerate and not failure:
        block.fill(np.nan)  # marks what a failing decoder did not write
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
    """Return what is missing, and what was wrong in the header.

    A shortfall of about the size of the header is not a cut: some writers count the header, too.
    """
    if ending == "cut":
        said = f"cut short after {n / rate:.3f} s, within a page of Ogg"
        return Fault(faults.CUT, said), None
    if ending == "open":
        return None, Fault(faults.NEVER_CLOSED, "its stream was never closed")
    if extent is not None:
        said = (
            f"its header states {extent.promised:,} bytes of audio, the file has {extent.there:,}"
        )
        if extent.unknown:
            return None, Fault(faults.OTHER_LENGTH, said)
        missing_s = n / rate * extent.missing / extent.there
        itself = abs(extent.missing - extent.start) <= 16  # about the size of the whole file
        small = extent.missing <= SLACK or itself
    elif n < frames:
        said = f"its header states {frames:,} samples, the file has {n:,}"
        if is_placeholder(frames, n):
            return None, Fault(faults.NO_LENGTH, "its header states no length")
        missing_s, small = (frames - n) / rate, True
    else:
        return None, None
    if small and missing_s <= SLACK_S:
        return None, Fault(faults.OTHER_LENGTH, said)
    said = f"cut short after {n / rate:.3f} of {n / rate + missing_s:.3f} s"
    return Fault(faults.CUT, said), None


def read_whole(path: str | Path, *, longest_s: float = math.inf) -> Recording:
    """Read an audio file like `read_recording`, but raise InputError if it is cut short."""
    recording = read_recording(path, longest_s=longest_s)
    if recording.cut:
        reason = f"{recording.cut.text}; restore it from its source"
        raise refusal(path, recording.cut.kind, reason)
    return recording
