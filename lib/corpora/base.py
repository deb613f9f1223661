"""What a corpus is, and how a folder of clips is read.

A clip is a file named ``<digit>_<speaker>_<repetition>.wav`` (or ``.flac``); its supplied
noisy counterpart, where there is one, lies beside it as ``<digit>_<speaker>_<rep>_noisy.wav``.
Nothing is assumed about the number of speakers, digits or repetitions, nor that metadata and
clips name the same speakers.

Files named like a clip that cannot be one (a second file of one clip, a noisy file alone, a clip
in the folder of another speaker) are rejected, all others ignored; both with the reason.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lib.errors import CorpusError, InputError

__all__ = ["Corpus", "is_printable", "printable", "read_folder", "read_metadata"]

CLIP = re.compile(
    r"(?P<clip_id>(?P<digit>[0-9])_(?P<speaker>[^_]+)_(?P<repetition>[0-9]{1,9}))"
    r"(?P<noisy>_noisy)?\.(wav|flac)",
    re.IGNORECASE,
)
COLUMNS = ["clip_id", "speaker", "digit", "repetition", "path", "noisy_path"]
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # some scripts need them


@dataclass(frozen=True)
class Corpus:
    """A corpus on disk: whose it is, where it lies, what it holds.

    Attributes
    ----------
    name, title, note, licence, url : str
        `note` is one sentence for the title page of the report.
    redistributable : bool
        Whether its audio may be committed inside a report.
    synthetic : bool
        Whether it is spoken by a machine.
    root : Path
        Folder that the paths of `clips` are relative to.
    ignored : tuple of (str, str)
        Path and reason of what under `root` is neither a clip nor metadata.
    """

    name: str
    title: str
    note: str
    licence: str
    url: str
    redistributable: bool
    root: Path
    synthetic: bool = False
    ignored: tuple[tuple[str, str], ...] = ()
    _clips: pd.DataFrame = field(default=None, repr=False, compare=False)
    _rejected: pd.DataFrame = field(default=None, repr=False, compare=False)
    _metadata: dict = field(default_factory=dict, repr=False, compare=False)

    def clips(self) -> pd.DataFrame:
        """One row per clip: clip_id, speaker, digit, repetition, path, noisy_path (or None)."""
        return self._clips.copy()

    def rejected(self) -> pd.DataFrame:
        """Files named like a clip that are not used: the columns of `clips`, and the reason."""
        return self._rejected.copy()

    def raw_metadata(self) -> dict[str, dict]:
        """Metadata as supplied: speaker -> {field: value}; may lack speakers."""
        return {speaker: dict(fields) for speaker, fields in self._metadata.items()}

    def with_metadata(self, metadata: dict[str, dict]) -> Corpus:
        """Return the same corpus with metadata as supplied."""
        return dataclasses.replace(self, _metadata=metadata)


def is_printable(text: str) -> bool:
    """Whether `text` has neither control characters nor what no file can hold as UTF-8."""
    return all(c in JOINERS or unicodedata.category(c)[0] != "C" for c in text)


def printable(text: str) -> str:
    """Return `text` with a replacement character for each one that is not printable."""
    return "".join(c if is_printable(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def read_folder(
    data_dir: str | Path, *, folder_per_speaker: bool, known: Iterable[str] = (), **facts
) -> Corpus:
    """Find the clips in `data_dir`, in its ``data/`` or in its ``recordings/``.

    Parameters
    ----------
    folder_per_speaker : bool
        Clips must lie in a folder named after their speaker; else all in one folder.
    known : iterable of str
        Names of other files that belong there, such as the metadata.
    **facts
        The attributes of `Corpus` from `name` to `redistributable`.

    Returns
    -------
    Corpus
        Its root is the first of these folders that holds a clip; it has no metadata yet.

    Raises
    ------
    InputError, CorpusError
        `data_dir` is not a folder; none of the three holds a clip.
    """
    if not Path(data_dir).is_dir():
        raise InputError(f"{data_dir} is not a folder; DATA_DIR must name one.")
    for root in (Path(data_dir), Path(data_dir) / "data", Path(data_dir) / "recordings"):
        clips, rejected, ignored = _scan(root, folder_per_speaker, known)
        if len(clips):
            return Corpus(root=root, ignored=ignored, _clips=clips, _rejected=rejected, **facts)
    example = "12/7_12_3.wav (a folder per speaker)" if folder_per_speaker else "7_theo_3.wav"
    other = "fsdd (all clips in one folder)" if folder_per_speaker else "audiomnist"
    raise CorpusError(
        f"No clip was found in {data_dir}, nor in its data/ or recordings/: expected files such "
        f"as {example}. Point DATA_DIR at the folder that holds them, or try CORPUS={other}."
    )


def _scan(root: Path, folder_per_speaker: bool, known: Iterable[str]) -> tuple:
    """Return the tables of clips and of rejected files under `root`, and all other files."""
    found, ignored = [], []

    def unreadable(error: OSError) -> None:
        path = os.path.relpath(error.filename, root)
        ignored.append((printable(path), f"a folder that cannot be read ({error.strerror})"))

    for folder, below, names in os.walk(root, onerror=unreadable):
        place = Path(folder).relative_to(root)
        for name in below:
            if (Path(folder) / name).is_symlink():
                path = printable((place / name).as_posix())
                ignored.append((path, "a link to a folder, which is not followed"))
        for name in names:
            path = (place / name).as_posix()
            clip = CLIP.fullmatch(unicodedata.normalize("NFC", name))
            if not is_printable(path):
                ignored.append((printable(path), "unprintable characters in its name"))
            elif clip:
                home = clip["speaker"] if folder_per_speaker else "."
                away = unicodedata.normalize("NFC", place.as_posix()) != home
                reason = f"not in the folder {home!r}, where it belongs" if away else ""
                found.append({**clip.groupdict(), "path": path, "reason": reason})
            elif name not in known:
                ignored.append((path, "not named like a clip"))
    clips, rejected = _sort(found)
    order = ["speaker", "digit", "repetition", "path"]
    clips, rejected = (t.sort_values(order, ignore_index=True) for t in (clips, rejected))
    return clips, rejected, tuple(sorted(ignored))


def _sort(found: list[dict]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put noisy files to their clean ones; of several files of one clip the first is used."""
    clean: dict[str, dict] = {}
    noisy: dict[str, dict] = {}
    rejected = []
    for clip in sorted(found, key=lambda clip: clip["path"]):
        used = noisy if clip.pop("noisy") else clean
        first = used.get(clip["clip_id"])
        if first and not clip["reason"]:
            clip["reason"] = f"the same clip as {first['path']}, which is used"
        if clip["reason"]:
            rejected.append(clip)
        else:
            used[clip["clip_id"]] = clip | {"noisy_path": None}
    for clip_id, clip in noisy.items():
        if clip_id in clean:
            clean[clip_id]["noisy_path"] = clip["path"]
        else:
            rejected.append(clip | {"reason": "a noisy file without its clean counterpart"})
    return _table(list(clean.values()), COLUMNS), _table(rejected, [*COLUMNS, "reason"])


def _table(clips: list[dict], columns: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(clips, columns=columns).astype({"digit": int, "repetition": int})
    beside = [clip.get("noisy_path") for clip in clips]
    return table.assign(noisy_path=pd.Series(beside, dtype=object))  # None, not NaN


def read_metadata(path: Path) -> dict[str, dict]:
    """Read a JSON file of speaker -> fields, as Audio MNIST has it; {} if it is missing.

    Raises
    ------
    InputError
        The file is not such a JSON file, or describes a speaker twice.
    """
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        metadata = json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(
            f"{path} is not valid JSON ({error}); restore it, or move it away to do without."
        ) from error
    if not isinstance(metadata, dict) or not all(isinstance(v, dict) for v in metadata.values()):
        raise InputError(f"{path} must map each speaker to a table of fields, as in Audio MNIST.")
    return {unicodedata.normalize("NFC", name): fields for name, fields in metadata.items()}


def _without_doubles(pairs: list[tuple]) -> dict:
    if len(dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:80]!r} stands there twice")
    return dict(pairs)
