"""Kinds of problems with files, each described by one fixed, short phrase.

An error about a file carries its kind, and the manifest stores the kind next to the full message
with names and numbers.  Counts and decisions are based on the kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from lib.errors import InputError

__all__ = ["Fault", "refusal"]


class Fault(NamedTuple):
    """A problem with one file: its kind, a constant of this module, and the end of its message."""

    kind: str
    text: str


def refusal(path: str | Path, kind: str, text: str = "", *, detail="") -> InputError:
    """Return the error that reports a problem with a file: `text`, by default its kind.

    A `detail`, such as a measured value, follows in brackets.
    """
    found = f" ({detail})" if detail else ""
    return InputError(f"{path}: {text or kind}{found}.", kind=kind)


# files that cannot be read as audio
MISSING = "no such file"
FOLDER = "a folder instead of an audio file"
NO_FILE = "a pipe or a device, not a regular file"
EMPTY = "the file is empty"
UNOPENED = "cannot be opened"
NO_AUDIO = "not readable as audio"
NO_SAMPLES = "a header without samples"
NOT_FINITE = "samples that are not finite"
TOO_LARGE = "too long for the memory of this machine"

# incomplete recordings, and headers that are corrected
CUT = "cut short"
DAMAGED = "cut short or damaged"
OTHER_LENGTH = "a header with a wrong length"
NO_LENGTH = "a header without a length"
NEVER_CLOSED = "a stream that was never closed"

# audio that is not a clip
TOO_SHORT = "too short for a digit"
TOO_LONG = "too long for a digit"
LOW_RATE = "a sample rate too low for speech"
TOO_LOUD = "an implausibly high level"
SILENT = "silent at the working rate"

# clips of a training corpus that are not used for training
NOISY = "too much background noise"
SHORT_WORD = "too short for a word"
NOT_LISTED = "not in the list of clips to use"
CHANGED = "samples that differ from those of the listed clip"

# noisy files that cannot be used with their clean clip
OTHER_RATE = "a sample rate other than that of its clean clip"
NOT_THERE = "silent or missing where its clean clip is used"

# files that are named like clips but not used as clips
NO_COUNTERPART = "a noisy file without its clean counterpart"
SAME_CLIP = "the same clip as another file, which is used"
SAME_NAMES = "clips of the same names elsewhere are used instead"
WRONG_FOLDER = "not in the folder of its speaker, where it belongs"
IN_FOLDER = "in a folder of its speaker, as in Audio MNIST"

# neither clips nor metadata
OTHER_WORD = "a word that is not used"
OTHER_NAME = "not named like a clip"
LEFT_BEHIND = "left behind by macOS or Windows"
UNPRINTABLE = "unprintable characters in its name"
OTHER_METADATA = "another file of that name, nearer to the clips, is used"
HIDDEN = "a hidden folder, which is skipped"
LINKED = "a link to a folder that is already read or contains this one"
CLOSED = "a folder that cannot be read"
