"""The `Corpus` class, and functions that read one from a folder of clips.

A clip is a file named ``<digit>_<speaker>_<repetition>.wav`` (or ``.flac``); its supplied noisy
counterpart is named ``<digit>_<speaker>_<rep>_noisy.wav``.  Files named like a clip that cannot be
used are rejected, all others are ignored; both are recorded with the kind of fault and the reason.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import reprlib
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from lib.errors import CorpusError, InputError
from lib.signals import faults
from lib.workspace.stamps import leads_out

__all__ = [
    "Corpus",
    "first_of_each",
    "is_printable",
    "printable",
    "read_folder",
    "read_metadata",
    "sha256_of",
    "walk",
]

CLIP = re.compile(
    r"(?P<clip_id>(?P<digit>[0-9])_(?P<speaker>[^_]+)_(?P<repetition>[0-9]{1,9}))"
    r"(?P<noisy>_noisy)?\.(wav|flac)",
    re.IGNORECASE,
)
DIGITS = ["clip_id", "speaker", "digit", "repetition", "path", "noisy_path"]  # columns of clips
LEFT_BEHIND = re.compile(
    r"(.*/)?(__MACOSX/.*|\._[^/]*|\.DS_Store|\.localized|desktop\.ini|(eh)?thumbs\.db)",
    re.IGNORECASE,
)
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # some scripts need them


@dataclass(frozen=True)
class Corpus:
    """A corpus on disk: its source, location and contents."""

    name: str
    title: str
    note: str  # one sentence for the report's title page
    licence: str
    url: str
    redistributable: bool  # whether a committed report may include its audio
    root: Path  # innermost folder with all used clips; paths in `clips` are relative to it
    synthetic: bool = False  # whether the speech is synthesised
    places: tuple[str, ...] = (".",)  # in the given folder, each with different clips
    ignored: tuple[tuple[str, str, str], ...] = ()  # path relative to `root`, kind, reason
    _clips: pd.DataFrame = field(default=None, repr=False, compare=False)
    _rejected: pd.DataFrame = field(default=None, repr=False, compare=False)
    _metadata: dict = field(default_factory=dict, repr=False, compare=False)

    def clips(self) -> pd.DataFrame:
        """Return one row per clip: clip_id, speaker, digit, repetition, path, noisy_path (or None).

        A corpus of words has `word` instead of `digit`.
        """
        return self._clips.copy()

    def rejected(self) -> pd.DataFrame:
        """Return unused files named like a clip: the columns of `clips`, plus kind and reason."""
        return self._rejected.copy()

    def raw_metadata(self) -> dict[str, dict]:
        """Return metadata as supplied: speaker -> {field: value}; speakers may be missing."""
        return {speaker: dict(fields) for speaker, fields in self._metadata.items()}

    def with_metadata(self, metadata: dict[str, dict]) -> Corpus:
        """Return a copy of the corpus with `metadata` as its supplied metadata."""
        return dataclasses.replace(self, _metadata=metadata)


def is_printable(text: str) -> bool:
    """Return whether `text` is free of control characters, lone surrogates and the like."""
    return all(c in JOINERS or unicodedata.category(c)[0] != "C" for c in text)


def printable(text: str) -> str:
    """Return `text` with each unprintable character replaced by U+FFFD."""
    return "".join(c if is_printable(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file; "" if it cannot be read."""
    with contextlib.suppress(OSError):
        if path.is_file():  # reading a pipe would block
            return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""


def read_folder(
    data_dir: str | Path, *, folder_per_speaker: bool, metadata: str = "", **facts
) -> Corpus:
    """Find the clips in `data_dir` or below; `facts` are the descriptive fields of `Corpus`.

    Several places with clips are used together, unless they share clip names: then the place with
    the most clips is used, or the uppermost in a tie.  Clips must be in a folder named after their
    speaker if `folder_per_speaker`, otherwise in any other folder.  Of the files called `metadata`,
    the one nearest to the clips is read; it may also be beside `data_dir`.  Raises InputError if
    `data_dir` is not a folder or its metadata is invalid, CorpusError if it holds no clips.
    """
    top = Path(data_dir)
    if not top.is_dir():
        raise InputError(f"{data_dir} is not a folder; DATA_DIR must name one.")
    found, ignored = walk(top, CLIP)
    places = _settle(found, folder_per_speaker)
    root = Path(os.path.commonpath([top / place for place in places or ["."]]))
    for file in [*found, *ignored]:
        file["path"] = os.path.relpath(top / file["path"], root)
    clips, rejected = first_of_each(found, DIGITS)
    if not len(clips):
        raise CorpusError(_nothing(top, rejected, ignored, folder_per_speaker))
    nearest = _nearest(metadata, ignored)
    others = sorted(
        (printable(f["path"]), f["kind"], f["reason"]) for f in ignored if f["path"] != nearest
    )
    return Corpus(
        root=root,
        places=places,
        ignored=tuple(others),
        _clips=clips,
        _rejected=rejected,
        _metadata=read_metadata(root / nearest) if metadata else {},
        **facts,
    )


def walk(top: Path, pattern: re.Pattern) -> tuple[list[dict], list[dict]]:
    """Return the files in `top` or below named like clips, and what is ignored, with the reason.

    The former have the groups of `pattern` as matched in their names, and empty kind and reason.
    """
    found, ignored, roots = [], [], [top.resolve()]

    def ignore(path: Path, kind: str, reason: str = "") -> None:
        place = path.relative_to(top).as_posix()
        ignored.append({"path": place, "kind": kind, "reason": reason or kind})

    def unreadable(error: OSError) -> None:
        ignore(Path(error.filename), faults.CLOSED, f"{faults.CLOSED} ({error.strerror})")

    for folder, below, names in os.walk(top, onerror=unreadable, followlinks=True):
        below.sort()
        for path in [Path(folder) / name for name in below]:
            if path.name.startswith("."):
                ignore(path, faults.HIDDEN)
            elif path.is_symlink() and not leads_out(path, roots):
                ignore(path, faults.LINKED)
            else:
                continue
            below.remove(path.name)
        for path in [Path(folder) / name for name in names]:
            clip = pattern.fullmatch(unicodedata.normalize("NFC", path.name))
            place = path.relative_to(top).as_posix()
            if not is_printable(place):
                ignore(path, faults.UNPRINTABLE)
            elif LEFT_BEHIND.fullmatch(place):
                ignore(path, faults.LEFT_BEHIND)
            elif clip:
                found.append({**clip.groupdict(), "path": place, "kind": "", "reason": ""})
            else:
                ignore(path, faults.OTHER_NAME)
    return found, ignored


def _settle(found: list[dict], folder_per_speaker: bool) -> tuple[str, ...]:
    """Return the places whose clips are used; record in all other clips why they are not.

    A place is the folder of the clips or, with a folder per speaker, the folder of the speakers.
    """
    names: dict[str, set] = {}
    for clip in found:
        folder = PurePosixPath(clip["path"]).parent
        name = unicodedata.normalize("NFC", folder.name)
        if (name.casefold() == clip["speaker"].casefold()) == folder_per_speaker:
            clip["place"] = str(folder.parent if folder_per_speaker else folder)
            names.setdefault(clip["place"], set()).add((clip["clip_id"], clip["noisy"]))
        elif folder_per_speaker:
            reason = f"not in the folder {clip['speaker']!r}, where it belongs"
            clip |= {"kind": faults.WRONG_FOLDER, "reason": reason}
        else:
            clip |= {"kind": faults.IN_FOLDER, "reason": faults.IN_FOLDER}
    used: list[str] = []
    twins: dict[str, str] = {}
    for place in sorted(names, key=lambda p: (-len(names[p]), len(Path(p).parts), len(p), p)):
        twin = next((other for other in used if names[other] & names[place]), None)
        if twin is None:
            used.append(place)
        else:
            twins[place] = twin
    for clip in found:
        if twin := twins.get(clip.pop("place", "")):
            reason = f"clips with the same names are in {twin!r}, which is used"
            clip |= {"kind": faults.SAME_NAMES, "reason": reason}
    return tuple(sorted(used))


def _nearest(name: str, ignored: list[dict]) -> str:
    """Return the path of the file called `name` that is nearest to the clips."""
    same = [f for f in ignored if f["path"].rpartition("/")[2].lower() == name.lower()]
    same = [f for f in same if f["kind"] == faults.OTHER_NAME]
    paths = sorted((f["path"] for f in same), key=lambda path: (path.count("/"), path))
    for file in same:
        reason = f"{paths[0]!r} is used, as it is nearer to the clips"
        file |= {"kind": faults.OTHER_METADATA, "reason": reason}
    return paths[0] if paths else f"../{name}"


def _nothing(top: Path, rejected: pd.DataFrame, ignored: list[dict], folder_per_speaker) -> str:
    """Return a message that no clip was found, and what was found instead."""
    if folder_per_speaker and set(rejected["speaker"]) == {top.resolve().name}:
        return (
            f"{top} is the folder of one speaker; point DATA_DIR at the folder above, which "
            "holds those of all speakers."
        )
    example = "12/7_12_3.wav (a folder per speaker)" if folder_per_speaker else "7_theo_3.wav"
    other = "fsdd (all clips in one folder)" if folder_per_speaker else "audiomnist"
    found = f"No clip was found in {top} or below: expected files such as {example}"
    if len(rejected):
        first = rejected.iloc[0]
        found += f"; {len(rejected):,} names match, but {first['path'][:80]} is {first['reason']}"
    packed = sorted(f["path"] for f in ignored if f["path"].lower().endswith(ARCHIVES))
    hint = "Point DATA_DIR at the folder that holds them"
    if packed:
        hint = f"{printable(packed[0])[:80]} is an archive: unpack it and point DATA_DIR at that"
    return f"{found}. {hint}, or try CORPUS={other}."


def first_of_each(found: list[dict], columns: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return used and rejected clips; of several files of the same clip, the first is used.

    Noisy files are paired with their clean ones.  `columns` are those of the clips, as in `DIGITS`.
    """
    clean: dict[str, dict] = {}
    noisy: dict[str, dict] = {}
    rejected = []
    for clip in sorted(found, key=lambda clip: clip["path"]):
        used = noisy if clip.pop("noisy", None) else clean
        first = used.get(clip["clip_id"])
        if first and not clip["kind"]:
            reason = f"the same clip as {first['path']}, which is used"
            clip |= {"kind": faults.SAME_CLIP, "reason": reason}
        if clip["kind"]:
            rejected.append(clip)
        else:
            used[clip["clip_id"]] = clip | {"noisy_path": None}
    for clip_id, clip in noisy.items():
        if clip_id in clean:
            clean[clip_id]["noisy_path"] = clip["path"]
        else:
            alone = {"kind": faults.NO_COUNTERPART, "reason": faults.NO_COUNTERPART}
            rejected.append(clip | alone)
    aside = _table(rejected, columns, "kind", "reason")
    return _table(list(clean.values()), columns), aside


def _table(clips: list[dict], columns: list[str], *more: str) -> pd.DataFrame:
    table = pd.DataFrame(clips, columns=[*columns, *more])
    table = table.astype({name: int for name in ("digit", "repetition") if name in columns})
    beside = [clip.get("noisy_path") for clip in clips]
    table = table.assign(noisy_path=pd.Series(beside, dtype=object))  # None, not NaN
    return table.sort_values(columns[1:5], ignore_index=True)


def read_metadata(path: Path) -> dict[str, dict]:
    """Read a JSON file of speaker -> fields, as in Audio MNIST; {} if it is missing.

    Raises InputError if the file is not of this form, or if a key occurs twice.
    """
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        metadata = json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(
            f"{path} is not valid JSON ({error}); restore it, or move it away to run without it."
        ) from error
    if found := _without_fields(metadata):
        raise InputError(
            f"{path} must map each speaker to an object of fields, as in Audio MNIST, but "
            f"{found}; correct it, or move it away to run without it."
        )
    return {unicodedata.normalize("NFC", name): fields for name, fields in metadata.items()}


def _without_fields(metadata) -> str:
    """Return what is in the metadata in place of the fields of a speaker; "" if nothing is."""
    if not isinstance(metadata, dict):
        return f"it contains {reprlib.repr(metadata)}"
    for name, fields in metadata.items():
        if not isinstance(fields, dict):
            return f"speaker {name[:80]!r} has {reprlib.repr(fields)}"
    return ""


def _without_doubles(pairs: list[tuple]) -> dict:
    if len(dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"duplicate key {twice[:80]!r}")
    return dict(pairs)
