"""Byte-for-byte comparison of a tree with the published Audio MNIST.

``contents/audiomnist.npy`` [shape=(60, 10, 50), dtype=uint64] holds the first 8 bytes of the
SHA-256 of every clip, by speaker 01 to 60, digit and repetition.  Clips that differ are counted
and named, and used like all others: some known copies of the corpus differ in a clip or two.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from lib.corpora.base import Corpus, read_folder, sha256_of
from lib.errors import CorpusError, InputError

__all__ = ["check_download", "compare", "hashed", "pack", "sentence"]

TABLE = Path(__file__).resolve().parent / "contents" / "audiomnist.npy"
SHOWN = 10  # speakers or clips named in a sentence
SAME, RENAMED = "as published", "published under another name"
CHANGED, UNKNOWN = "different content", "not published"


def pack(table: str | Path, target: str | Path = TABLE) -> None:
    """Build `target`, the table of hashes, from a CSV file with columns ``path`` and ``sha256``."""
    known = pd.read_csv(table)
    parts = known["path"].str.extract(r"/(\d)_(\d+)_(\d+)\.wav$").astype(int)
    packed = np.zeros((parts[1].max(), 10, parts[2].max() + 1), np.uint64)
    packed[parts[1] - 1, parts[0], parts[2]] = _prefix(known["sha256"])
    np.save(target, packed)


def _prefix(hashes: pd.Series) -> np.ndarray:
    return np.array([int(text[:16] or "0", 16) for text in hashes], np.uint64)


def _known() -> np.ndarray:
    return np.load(TABLE, allow_pickle=False)


def compare(clips: pd.DataFrame) -> pd.DataFrame:
    """Compare clips with the published ones by their `sha256` ("" for unreadable files).

    The result has one row per clip: clip_id, speaker, `found` (`SAME`, `RENAMED`, `CHANGED` or
    `UNKNOWN`) and `twin`, an earlier `SAME` clip with the same content, or None.
    """
    known = _known()
    padded = clips["speaker"].where(clips["speaker"].str.fullmatch("[0-9]{2}"), "0")
    number = padded.astype(int)
    place = [number.to_numpy() - 1, clips["digit"].to_numpy(), clips["repetition"].to_numpy()]
    named = np.all([(i >= 0) & (i < n) for i, n in zip(place, known.shape)], axis=0)
    expected = known[tuple(np.where(named, i, 0) for i in place)]
    content = _prefix(clips["sha256"])
    same, elsewhere = named & (content == expected), np.isin(content, known)
    kind = np.select([same, elsewhere, named], [SAME, RENAMED, CHANGED], UNKNOWN)
    facts = clips[["clip_id", "speaker"]].assign(found=kind, twin=None)
    ours = facts[same].assign(prefix=content[same])
    first = ours.groupby("prefix")["clip_id"].transform("first")
    facts.loc[ours.index, "twin"] = first.where(first != ours["clip_id"], None)
    return facts


def sentence(compared: pd.DataFrame) -> str:
    """Return the result of `compare` in words."""
    n, kinds = _known().size, compared["found"].value_counts()
    same, renamed = kinds.get(SAME, 0), kinds.get(RENAMED, 0)
    if not same + renamed:
        return (
            f"None of the {len(compared):,} clips is byte-identical to any of the {n:,} of the "
            "published Audio MNIST: this is a different corpus, or a conversion of it."
        )
    text = f"{same:,} of {n:,} clips are byte-identical to those of the published Audio MNIST."
    if renamed:
        text += f" Published under another name: {renamed:,}{_named(compared, RENAMED)}."
    if CHANGED in kinds:
        differ = kinds[CHANGED]
        text += f" Content different from that published: {differ:,}{_named(compared, CHANGED)}."
    if UNKNOWN in kinds:
        text += f" Not in the published corpus: {kinds[UNKNOWN]:,}."
    twins = compared[compared["twin"].notna()]
    if len(twins):
        pairs = ", ".join(f"{c.clip_id} = {c.twin}" for c in twins.head(SHOWN).itertuples())
        text += f" Duplicates within the published corpus itself (not an error): {pairs}."
    return text


def _named(compared: pd.DataFrame, kind: str) -> str:
    """Return the clips of a kind in brackets or, if there are many, their speakers."""
    clips = compared[compared["found"] == kind]
    if len(clips) <= SHOWN:
        return f" ({', '.join(clips['clip_id'])})"
    counts = clips["speaker"].value_counts()
    named = [f"speaker {name}: {n:,}" for name, n in counts.head(SHOWN).items()]
    rest = [f"{len(counts) - SHOWN} more speakers"] if len(counts) > SHOWN else []
    return f" ({', '.join(named + rest)})"


def hashed(corpus: Corpus) -> pd.DataFrame:
    """Return the clips of a corpus with their `sha256`; "" for an unreadable file."""
    clips = corpus.clips()
    paths = tqdm(clips["path"], desc="comparing with the published corpus", mininterval=1)
    return clips.assign(sha256=[sha256_of(corpus.root / path) for path in paths])


def check_download(folder: Path) -> None:
    """Print how much of a download is as published; raise InputError if less than half is."""
    facts = dict.fromkeys(["name", "title", "note", "licence", "url", "redistributable"], "")
    try:
        compared = compare(hashed(read_folder(folder, folder_per_speaker=True, **facts)))
    except CorpusError as error:
        raise InputError(str(error)) from error
    n, same = _known().size, (compared["found"] == SAME).sum()
    if same < n / 2:
        raise InputError(
            f"only {same:,} of the {n:,} clips whose content is known are present and unchanged; "
            "none of it is used."
        )
    print(sentence(compared), file=sys.stderr)
