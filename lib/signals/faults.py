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


def refusal(path: str | Path, kind: str, text: str = "") -> InputError:
    """Return the error that reports a problem with a file: `text`, or by default its kind."""
    return InputError(f"{path}: {text or kind}.", kind=kind)


# files that cannot be read as audio
MISSING = "no such file"
FOLDER = "a folder, where a sound file is expected"
NO_FILE = "no regular file, but a pipe or a device"
EMPTY = "the file is empty"
UNOPENED = "cannot be opened"
NO_AUDIO = "not readable as audio"
NO_SAMPLES = "a header without samples"
NOT_FINITE = "samples that are not finite"
TOO_LARGE = "too long for the memory of this machine"

# incomplete recordings, and headers that are corrected
CUT = "cut short"
DAMAGED = "cut short or damaged"
OTHER_LENGTH = "a header that promises another length"
NO_LENGTH = "a header without a length"
NEVER_CLOSED = "a stream that was never closed"

# audio that is not a clip
TOO_SHORT = "too short for a digit"
TOO_LONG = "too long for a digit"
LOW_RATE = "a rate at which no speech can be told"
TOO_LOUD = "a level that no sound has"
SILENT = "silent at the working rate"

# clips of a training corpus that are not used for training
NOISY = "too much noise in its own background"
SHORT_WORD = "too short for a word"
NOT_LISTED = "not in the list of clips that are used"
CHANGED = "samples that differ from those of the listed clip"

# noisy files that cannot be used with their clean clip
OTHER_RATE = "another rate than that of its clean clip"
NOT_THERE = "silent or over where its clean clip is used"

# files that are named like clips but not used as clips
NO_COUNTERPART = "a noisy file without its clean counterpart"
SAME_CLIP = "the same clip as another file, which is used"
SAME_NAMES = "clips with the same names are in another place, which is used"
WRONG_FOLDER = "not in the folder of its speaker, where it belongs"
IN_FOLDER = "in a folder of its speaker, as in Audio MNIST"

# neither clips nor metadata
OTHER_WORD = "a word that is not used"
OTHER_NAME = "not named like a clip"
LEFT_BEHIND = "left behind by macOS or Windows"
UNPRINTABLE = "unprintable characters in its name"
OTHER_METADATA = "another file of that name is used, as it is nearer to the clips"
HIDDEN = "a hidden folder, which is not looked into"
LINKED = "a link to a folder that is read already, or that holds this one"
CLOSED = "a folder that cannot be read"
