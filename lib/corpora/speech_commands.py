"""Speech Commands: single words by many people, a corpus to learn from only.

Layout: ``<word>/<speaker>_nohash_<repetition>.wav`` (or ``.flac``), 16 kHz, a second at most.
Read are the mini set of TensorFlow's tutorials, the full v0.02, or a zip of either.  Nothing is
tested on it, so it has no report.  Source: P. Warden, arXiv:1804.03209 (CC BY 4.0).

People recorded themselves wherever they were.  A clip is used if it stands `LEAST_RANGE_DB` out of
its own background, and from it the word alone.  Which clips these are says
``contents/speech-commands.csv``: their names and the SHA-256 of their samples, so that everybody
learns from the same, whatever the format of the files.  The list is made anew by

::

    python -m lib.corpora.speech_commands FOLDER
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import sys
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from lib.config import AudioConfig, Config
from lib.corpora import base, download, manifest, unpack
from lib.errors import CorpusError, InputError, end
from lib.signals import audio, faults
from lib.signals.recording import read_whole
from lib.workspace.folder import atomic_path
from lib.workspace.workers import in_parallel

__all__ = [
    "WORDS",
    "check_download",
    "known_clips",
    "measure_word",
    "open_tree",
    "read_tree",
    "samples_sha256",
    "sentence",
    "write_list",
]

WORDS = ("down", "no", "up", "yes")  # in the mini set, too; a digit is what the tests ask for
RATE_HZ = 16_000
LEAST_RANGE_DB = 40.0  # of a clip's loudest over its quietest moments
MARGIN_S = 0.05  # kept before and behind a word
SHORTEST_S = 0.25  # of a word with its margins
CLIP = re.compile(
    r"(?P<speaker>[0-9a-f]{1,40})_nohash_(?P<repetition>[0-9]{1,9})\.(wav|flac)", re.IGNORECASE
)
COLUMNS = ["clip_id", "speaker", "word", "repetition", "path", "noisy_path"]
LIST = Path(__file__).resolve().parent / "contents" / "speech-commands.csv"


def samples_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's samples as little-endian 16-bit integers.

    The same for WAV and FLAC; "" at another rate than `RATE_HZ`.  Raises InputError, with its kind,
    for what cannot be read.
    """
    clip = read_whole(path, longest_s=manifest.MAX_DURATION_S)
    if clip.sample_rate != RATE_HZ:
        return ""
    integers = np.clip(np.round(clip.samples * 2**15), -(2**15), 2**15 - 1).astype("<i2")
    return hashlib.sha256(integers.tobytes()).hexdigest()


def known_clips() -> pd.DataFrame:
    """Return the list of the clips that are used: clip_id, samples_sha256."""
    return pd.read_csv(LIST, dtype=str)


def read_tree(folder: str | Path) -> base.Corpus:
    """Find all clips of `WORDS` in `folder` or below, whether the list has them or not.

    Raises InputError if it is no folder, CorpusError if there is no such clip.
    """
    top = Path(folder)
    if not top.is_dir():
        raise InputError(f"{folder} is not a folder; VOICES_DIR must name one.")
    named, ignored = base.walk(top, CLIP)
    found = [clip | _names(clip) for clip in named]
    others = [clip | {"kind": faults.OTHER_WORD} for clip in found if clip["word"] not in WORDS]
    clips, rejected = base.first_of_each([c for c in found if c["word"] in WORDS], COLUMNS)
    if clips.empty:
        raise CorpusError(_nothing(top, others))
    ignored += [clip | {"reason": f"{clip['word']!r} is {clip['kind']}"} for clip in others]
    told = sorted((base.printable(f["path"]), f["kind"], f["reason"]) for f in ignored)
    return base.Corpus(
        name="speech-commands",
        title="Speech Commands",
        note="Recordings of people: single words of English, to learn from only.",
        licence="CC BY 4.0",
        url="https://arxiv.org/abs/1804.03209",
        redistributable=True,
        root=top,
        ignored=tuple(told),
        _clips=clips,
        _rejected=rejected,
    )


def _names(clip: dict) -> dict:
    """The word that a clip's folder names, its speaker in lower case, and its own name."""
    word, speaker = PurePosixPath(clip["path"]).parent.name.lower(), clip["speaker"].lower()
    clip_id = f"{word}/{speaker}_nohash_{int(clip['repetition'])}"
    return {"word": word, "speaker": speaker, "clip_id": clip_id}


def _nothing(top: Path, others: list[dict]) -> str:
    """Say that no clip was found, and what was found instead."""
    if top.resolve().name.lower() in WORDS and "" in {clip["word"] for clip in others}:
        return f"{top} is the folder of one word; point VOICES_DIR at the folder above."
    found = f" Other words are there: {len(others):,} clips." if others else ""
    return (
        f"No clip of the words {', '.join(WORDS)} was found in {top} or below: expected files such "
        f"as yes/004ae714_nohash_0.wav.{found} Point VOICES_DIR at the folder that holds those of "
        "the words, as mini_speech_commands.zip has them."
    )


def open_tree(voices_dir: str = "") -> base.Corpus:
    """Open the clips of the list that are there, each with exactly its known samples.

    `voices_dir` is a folder or a zip; empty: the mini set is fetched.  All others are rejected with
    their kind, which `sentence` counts.  Raises InputError, DownloadError, and CorpusError if no
    clip of the list is there.
    """
    folder = unpack.folder_of(voices_dir) if voices_dir else download.fetch(ARCHIVE)
    corpus = _listed(read_tree(folder))
    if corpus.clips().empty:
        raise CorpusError(f"{sentence(corpus)} {folder} holds another corpus.")
    return corpus


def _listed(corpus: base.Corpus) -> base.Corpus:
    """Keep the clips of the list whose samples are the known ones; reject all others."""
    known = known_clips().set_index("clip_id")["samples_sha256"]
    clips = corpus.clips()
    clips["samples_sha256"] = clips["clip_id"].map(known)
    listed = clips["samples_sha256"].notna()
    aside = [clips[~listed].assign(kind=faults.NOT_LISTED, reason=faults.NOT_LISTED)]
    clips = clips[listed].reset_index(drop=True)
    tasks = ((corpus.root / c.path, c.path, c.samples_sha256) for c in clips.itertuples())
    told = pd.DataFrame(in_parallel(_compare, tasks), columns=["kind", "reason"])
    wrong = told["kind"] != ""
    aside.append(clips.join(told)[wrong])
    return dataclasses.replace(
        corpus,
        _clips=clips[~wrong].reset_index(drop=True),
        _rejected=pd.concat([corpus.rejected(), *aside], ignore_index=True),
    )


def _compare(path: Path, name: str, known: str) -> tuple[str, str]:
    """Kind and reason why a file is not the clip of the list; empty if it is."""
    try:
        same = samples_sha256(path) == known
    except InputError as error:
        return error.kind, str(error).replace(str(path), name)
    return ("", "") if same else (faults.CHANGED, faults.CHANGED)


def sentence(corpus: base.Corpus) -> str:
    """Say how many clips of the list are there as they are known."""
    kinds = Counter(corpus.rejected()["kind"])
    n, here = len(known_clips()), len(corpus.clips())
    differ, doubles = kinds[faults.CHANGED], kinds[faults.SAME_CLIP]
    broken = kinds.total() - differ - doubles - kinds[faults.NOT_LISTED]
    return (
        f"{here:,} of the {n:,} clips of the list are there with the samples that are known and "
        f"are used; missing: {n - here - differ - broken:,}, with other samples: {differ:,}, "
        f"unreadable: {broken:,}."
    )


def check_download(folder: Path) -> None:
    """Say how much of a download is known; raise InputError for less than half of the list."""
    try:
        corpus = _listed(read_tree(folder))
    except CorpusError as error:
        raise InputError(str(error)) from error
    if len(corpus.clips()) < len(known_clips()) / 2:
        raise InputError(f"{sentence(corpus)} Less than half is too little; nothing is used.")
    print(sentence(corpus), file=sys.stderr)


ARCHIVE = download.Archive(
    "speech-commands",
    "https://storage.googleapis.com/download.tensorflow.org/data/mini_speech_commands.zip",
    download_mb=182,
    unpacked_mb=260,
    files=16_000,  # with those that macOS left behind
    check=check_download,
    variable="VOICES_DIR",
)


def measure_word(path: Path, noisy_path: None, config: AudioConfig) -> dict:
    """Measure a clip as `manifest.measure_clip` does, refuse a noisy one, and find its word.

    Adds ``dynamic_range_db``; ``window_start_s`` and ``window_s`` are those of the word.
    """
    row = manifest.measure_clip(path, noisy_path, config)
    row["dynamic_range_db"] = np.nan
    if row["status"] != "ok":
        return row
    y, rate = audio.read_audio(path, row["channel"])
    y = audio.remove_dc_and_rumble(y, rate, config.highpass_hz)
    stands_out_db = row["dynamic_range_db"] = audio.dynamic_range_db(y, rate)
    begin, finish = audio.word_bounds(y, rate, MARGIN_S)
    row |= {"window_start_s": begin, "window_s": finish - begin}
    if not stands_out_db >= LEAST_RANGE_DB:
        reason = f"it stands {stands_out_db:.1f} dB out, at least {LEAST_RANGE_DB:g} dB are needed"
        fault = faults.Fault(faults.NOISY, f"{faults.NOISY}: {reason}")
    elif finish - begin < SHORTEST_S:
        fault = faults.Fault(faults.SHORT_WORD, f"{faults.SHORT_WORD} ({finish - begin:.3f} s)")
    else:
        return row
    reason = str(faults.refusal(path, *fault))
    return row | {"status": "excluded", "kind": fault.kind, "reason": reason}


def write_list(folder: str | Path, target: Path | None = None) -> pd.DataFrame:
    """Write the list of all clips in `folder` that can be used, and return their manifest.

    Whoever has the public sets has these clips, too: `folder` may hold a part of them.
    """
    corpus = read_tree(unpack.folder_of(folder))
    table = manifest.build_manifest(corpus, Config(), measure=measure_word)
    used = manifest.usable(table).sort_values("clip_id")
    hashes = [samples_sha256(corpus.root / path) for path in used["path"]]
    listed = used[["clip_id"]].assign(samples_sha256=hashes)
    with atomic_path(target or LIST) as part:
        listed[listed["samples_sha256"] != ""].to_csv(part, index=False, lineterminator="\n")
    return table


def main(folder: str) -> None:
    """Command line."""
    table = write_list(folder)
    used, aside = manifest.usable(table), Counter(manifest.excluded(table)["kind"])
    told = "; ".join(f"{kind}: {n:,}" for kind, n in aside.most_common())
    print(
        f"{len(used):,} clips of {used['speaker'].nunique():,} people; set aside: {told or 'none'}"
    )


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
