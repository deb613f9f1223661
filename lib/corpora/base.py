"""What a corpus is, and how a folder of clips is read.

A clip is a file named ``<digit>_<speaker>_<repetition>.wav`` (or ``.flac``); its supplied
noisy counterpart, where there is one, lies beside it as ``<digit>_<speaker>_<rep>_noisy.wav``.
Files with other names are ignored but counted.  Nothing is assumed about the number of
speakers, digits or repetitions, nor that metadata and clips name the same speakers.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lib.errors import CorpusError, InputError

__all__ = ["Corpus", "read_folder", "read_metadata"]

CLIP = re.compile(
    r"(?P<clip_id>(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<repetition>\d+))"
    r"(?P<noisy>_noisy)?\.(wav|flac)",
    re.IGNORECASE,
)
COLUMNS = ["clip_id", "speaker", "digit", "repetition", "path", "noisy_path"]


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
    ignored : tuple of str
        Files under `root` that are neither clips nor metadata.
    """

    name: str
    title: str
    note: str
    licence: str
    url: str
    redistributable: bool
    root: Path
    synthetic: bool = False
    ignored: tuple[str, ...] = ()
    _clips: pd.DataFrame = field(default=None, repr=False, compare=False)
    _metadata: dict = field(default_factory=dict, repr=False, compare=False)

    def clips(self) -> pd.DataFrame:
        """One row per clip: clip_id, speaker, digit, repetition, path, noisy_path (or None)."""
        return self._clips.copy()

    def raw_metadata(self) -> dict[str, dict]:
        """Metadata as supplied: speaker -> {field: value}; may lack speakers."""
        return {speaker: dict(fields) for speaker, fields in self._metadata.items()}


def read_folder(
    data_dir: str | Path, *, folder_per_speaker: bool, known: Iterable[str] = ()
) -> tuple[Path, pd.DataFrame, tuple[str, ...]]:
    """Find the clips in `data_dir`, in its ``data/`` or in its ``recordings/``.

    Parameters
    ----------
    folder_per_speaker : bool
        Clips must lie in a folder named after their speaker; else all in one folder.
    known : iterable of str
        Names of other files that belong there, such as the metadata.

    Returns
    -------
    root : Path
        The first of these folders that holds a clip.
    clips : pd.DataFrame
        As `Corpus.clips`, sorted by speaker, digit and repetition.
    ignored : tuple of str
        Paths, relative to `root`, of everything else.

    Raises
    ------
    InputError, CorpusError
        `data_dir` is not a folder; none of the three holds a clip.
    """
    if not Path(data_dir).is_dir():
        raise InputError(f"{data_dir} is not a folder; DATA_DIR must name one.")
    for root in (Path(data_dir), Path(data_dir) / "data", Path(data_dir) / "recordings"):
        clips, ignored = _scan(root, folder_per_speaker, known)
        if len(clips):
            return root, clips, ignored
    example = "12/7_12_3.wav (a folder per speaker)" if folder_per_speaker else "7_theo_3.wav"
    other = "fsdd (all clips in one folder)" if folder_per_speaker else "audiomnist"
    raise CorpusError(
        f"No clip was found in {data_dir}, nor in its data/ or recordings/: expected files such "
        f"as {example}. Point DATA_DIR at the folder that holds them, or try CORPUS={other}."
    )


def _scan(root: Path, folder_per_speaker: bool, known: Iterable[str]) -> tuple:
    """Return the table of clips under `root` and the paths of all other files."""
    clean, noisy, ignored = [], {}, []
    for folder, _, names in os.walk(root):
        place = Path(folder).relative_to(root).as_posix()
        for name in names:
            path = name if place == "." else f"{place}/{name}"
            match = CLIP.fullmatch(name)
            if match and place == (match["speaker"] if folder_per_speaker else "."):
                if match["noisy"]:
                    noisy[match["clip_id"]] = path
                else:
                    clean.append({**match.groupdict(), "path": path})
            elif name not in known:
                ignored.append(path)
    table = pd.DataFrame(clean, columns=COLUMNS).sort_values("path")
    table = table.drop_duplicates("clip_id").astype({"digit": int, "repetition": int})
    beside = [noisy.pop(clip_id, None) for clip_id in table["clip_id"]]
    table["noisy_path"] = pd.Series(beside, table.index, dtype=object)  # None, not NaN
    table = table.sort_values(["speaker", "digit", "repetition"], ignore_index=True)
    return table, tuple(sorted([*ignored, *noisy.values()]))


def read_metadata(path: Path) -> dict[str, dict]:
    """Read a JSON file of speaker -> fields, as Audio MNIST has it; {} if it is missing.

    Raises
    ------
    InputError
        The file is not such a JSON file.
    """
    if not path.is_file():
        return {}
    try:
        metadata = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid JSON ({error}); restore it.") from error
    if not isinstance(metadata, dict) or not all(isinstance(v, dict) for v in metadata.values()):
        raise InputError(f"{path} must map each speaker to a table of fields, as in Audio MNIST.")
    return metadata
