"""The manifest: measurements of every clip of a corpus, and whether it is usable.

Offset, rumble, peak and clipping are measured on the clip as recorded, all else after offset and
rumble are removed.  An unusable file is a row with status "excluded"; every reason, also for an
unusable noisy file, comes with its kind (`lib.signals.faults`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from lib.config import AudioConfig, Config
from lib.corpora.base import Corpus
from lib.errors import CorpusError, InputError
from lib.signals import audio, faults
from lib.signals.faults import refusal
from lib.signals.recording import Recording, read_whole
from lib.workspace.workers import in_parallel

__all__ = ["build_manifest", "content_hash", "excluded", "measure_clip", "usable"]

MIN_SPEAKERS = 3  # one each for training, early stopping and testing
MIN_DURATION_S = 0.1  # anything shorter is too short for a digit
MAX_DURATION_S = 60.0  # anything longer is not a single word, and would fill the memory
SILENCE_DBFS = -100.0  # below a 16-bit quantisation step
LOUDEST_DBFS = 120.0  # anything louder is not audio, whatever its unit
MEASURES: dict[str, Any] = {
    "sample_rate": 0,
    "channels": 0,
    "channel": audio.MEAN,  # or the index of the one that is used
    "duration_s": np.nan,
    "window_start_s": 0.0,  # start of the part of a long clip that is used
    "window_s": np.inf,  # and its length, limited by the working window
    "rms_dbfs": np.nan,
    "peak": np.nan,
    "dc_share": np.nan,
    "rumble_share": np.nan,
    "noise_floor_db": np.nan,
    "clipped_share": np.nan,
    "correction_kind": "",
    "correction": "",  # what was wrong with the header
    "noisy_channel": audio.MEAN,
    "measured_snr_db": np.nan,
    "status": "ok",
    "kind": "",
    "reason": "",
    "sha256": "",
}


def _read(path: Path) -> Recording:
    """Read a clip of bounded length."""
    clip = read_whole(path, longest_s=MAX_DURATION_S)
    if len(clip.samples) > MAX_DURATION_S * clip.sample_rate:
        raise refusal(path, faults.TOO_LONG, detail=f"longer than {MAX_DURATION_S:g} s")
    return clip


def measure_clip(path: Path, noisy_path: Path | None, config: AudioConfig) -> dict:
    """Measure one clip: the columns of `MEASURES`; errors become status, kind and reason."""
    row = dict(MEASURES)
    try:
        clip = _read(path)
        rate, row["channels"] = clip.sample_rate, clip.samples.shape[1]
        row["channel"] = audio.choose_channel(clip.samples, rate)
        y = audio.mix_down(clip.samples, row["channel"])
        row["sample_rate"], row["duration_s"] = rate, len(y) / rate
        row["correction_kind"], row["correction"] = clip.correction or ("", "")
        row["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        if row["duration_s"] < MIN_DURATION_S:
            raise refusal(path, faults.TOO_SHORT, detail=f"{row['duration_s']:.3f} s")
        if rate <= 2 * config.highpass_hz:
            raise refusal(path, faults.LOW_RATE, detail=f"{rate} Hz")
        speech = audio.remove_dc_and_rumble(y, rate, config.highpass_hz)
        heard = audio.resample(speech, rate, config.sample_rate)
        start = audio.loudest_window(heard, config.clip_samples)
        row["window_start_s"] = start / config.sample_rate
        heard = heard[start : start + config.clip_samples]
        with np.errstate(over="ignore"):
            levels = [audio.rms_dbfs(speech), audio.rms_dbfs(heard)]
        if not max(levels) <= LOUDEST_DBFS:
            raise refusal(path, faults.TOO_LOUD, detail=f"{max(levels):.0f} dBFS")
        if min(levels) < SILENCE_DBFS:
            reason = f"silent, at least below {config.sample_rate / 2:g} Hz"
            raise refusal(path, faults.SILENT, reason)
    except (InputError, OSError) as error:
        kind = getattr(error, "kind", faults.UNOPENED)
        return row | {"status": "excluded", "kind": kind, "reason": str(error)}
    row |= {
        "rms_dbfs": levels[0],
        "peak": audio.peak(y),
        "dc_share": audio.dc_share(y),
        "rumble_share": audio.rumble_share(y, rate, config.highpass_hz),
        "noise_floor_db": audio.noise_floor_db(speech, rate),
        "clipped_share": audio.clipped_share(y),
    }
    if noisy_path is None:
        return row
    try:
        return row | _measure_noisy(noisy_path, y, row, config)
    except (InputError, OSError) as error:  # the clean clip is still usable
        kind = getattr(error, "kind", faults.UNOPENED)
        return row | {"kind": kind, "reason": f"its noisy counterpart is unusable: {error}"}


def _measure_noisy(path: Path, clean: np.ndarray, row: dict, config: AudioConfig) -> dict:
    """Return the columns of `MEASURES` that a supplied noisy file adds to its clip's `row`."""
    noisy, rate = _read(path), row["sample_rate"]
    if noisy.sample_rate != rate:
        raise refusal(path, faults.OTHER_RATE, detail=f"{noisy.sample_rate} Hz, not {rate} Hz")
    same = noisy.samples.shape[1] == row["channels"]
    channel = row["channel"] if same else audio.choose_channel(noisy.samples, rate)
    y = audio.mix_down(noisy.samples, channel)
    n = min(len(clean), len(y))  # if lengths differ, use the common beginning
    speech, mixed = (
        audio.remove_dc_and_rumble(side[:n], rate, config.highpass_hz) for side in (clean, y)
    )
    heard = audio.resample(mixed, rate, config.sample_rate)
    start = round(row["window_start_s"] * config.sample_rate)
    heard = heard[start : start + config.clip_samples]
    if len(heard) == 0 or audio.rms_dbfs(heard) < SILENCE_DBFS:
        raise refusal(path, faults.NOT_THERE)
    with np.errstate(divide="ignore"):  # for a copy of the clean clip
        snr_db = 10 * np.log10(np.sum(speech**2) / np.sum((mixed - speech) ** 2))
    measured = {"noisy_channel": channel, "measured_snr_db": float(snr_db)}
    if noisy.correction and not row["correction_kind"]:
        measured["correction_kind"], measured["correction"] = noisy.correction
    return measured


def build_manifest(
    corpus: Corpus, config: Config, *, measure: Callable[..., dict] = measure_clip
) -> pd.DataFrame:
    """Measure every clip: the columns of ``corpus.clips()`` and of `MEASURES`, a row per clip.

    One row per rejected file follows; paths are relative to ``corpus.root``.  `measure` may be
    another function, whose additional values become columns.  Raises CorpusError if fewer than
    `MIN_SPEAKERS` speakers have a usable clip.
    """
    clips, root = corpus.clips(), corpus.root
    noisy = (root / path if path else None for path in clips["noisy_path"])
    tasks = ((root / path, beside, config.audio) for path, beside in zip(clips["path"], noisy))
    measured = in_parallel(measure, tasks)
    rows = list(tqdm(measured, total=len(clips), desc="measuring clips", mininterval=1))
    manifest = pd.concat([clips, pd.DataFrame(rows)], axis=1)
    prefix = f"{root}/"  # keep reasons independent of the tree's location
    manifest["reason"] = [reason.replace(prefix, "") for reason in manifest["reason"]]
    if len(rejected := corpus.rejected()):
        told = {"kind": rejected["kind"], "reason": rejected["reason"]}
        rejected = rejected.assign(**MEASURES | {"status": "excluded"} | told)
        manifest = pd.concat([manifest, rejected], ignore_index=True)
    heard = usable(manifest)["speaker"].nunique()
    if heard < MIN_SPEAKERS:
        often = Counter(excluded(manifest)["kind"]).most_common(3)
        counts = ", ".join(f"{kind} ({n})" for kind, n in often)
        raise CorpusError(
            f"{corpus.title} in {corpus.root}: {heard} speakers have usable clips; at least "
            f"{MIN_SPEAKERS} are required, because training, early stopping and testing use "
            "different speakers."
            + (f" Most frequent reasons for exclusion: {counts}." if counts else "")
        )
    return manifest


def content_hash(manifest: pd.DataFrame) -> str:
    """Return the SHA-256 over all names and readable contents, in the manifest's order."""
    lines = (manifest["clip_id"] + " " + manifest["sha256"]).str.cat(sep="\n")
    return hashlib.sha256(lines.encode()).hexdigest()


def usable(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return the clips with status "ok"."""
    return manifest[manifest["status"] == "ok"].reset_index(drop=True)


def excluded(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return the excluded files: all but the usable ones."""
    return manifest[manifest["status"] != "ok"].reset_index(drop=True)
