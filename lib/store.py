"""The clip store: every usable clip once, at the working rate.

An array ``clips.npy`` [shape=(n, samples), dtype=float32], opened memory-mapped, and beside it
a table with one row per clip (`clip_id`, `speaker`, `digit`, `repetition`, `samples`).  Behind
a clip's own `samples` its row is zero; noise is mixed over the clip's own samples only, and
from a random stream of its own, so a noisy clip is the same on every call and machine.

No Keras here: the workers that prepare clips start fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from lib.artifacts import Run, atomic_path
from lib.audio import fix_length, read_audio, remove_dc_and_rumble, resample
from lib.config import AudioConfig, Config
from lib.errors import MissingArtifactError
from lib.metrics import snr
from lib.noise import clip_rng, make_noise, mix_at_snr

__all__ = [
    "ClipStore",
    "prepare_clip",
    "build_clip_store",
    "open_clip_store",
    "band_limiting_gain",
    "mixing_error_db",
]

VOICES = 5  # at once, in babble


def prepare_clip(root: str | Path, clip, audio: AudioConfig, *, noisy: bool = False) -> np.ndarray:
    """Bring a clip to the working rate, without offset and rumble, and cut to its window.

    Parameters
    ----------
    root : str or Path
        Folder of the corpus.
    clip : named tuple or pd.Series
        A row of the manifest.
    noisy : bool
        Take the supplied noisy file instead: in the same window.

    Returns
    -------
    np.ndarray [shape=(n,)]
        At most ``audio.clip_samples``.
    """
    path, channel = (clip.noisy_path, clip.noisy_channel) if noisy else (clip.path, clip.channel)
    y, sample_rate = read_audio(f"{root}/{path}", channel)
    y = remove_dc_and_rumble(y, sample_rate, audio.highpass_hz)
    start = round(clip.window_start_s * audio.sample_rate)
    return resample(y, sample_rate, audio.sample_rate)[start : start + audio.clip_samples]


@dataclass(frozen=True, eq=False)
class ClipStore:
    """All usable clips of a corpus at the working rate."""

    clips: np.ndarray
    index: pd.DataFrame
    config: Config

    def __len__(self) -> int:
        return len(self.index)

    def clean(self, row: int) -> np.ndarray:
        """The clip's own samples, without padding [shape=(samples,), dtype=float64]."""
        return self.clips[row, : self.index["samples"].iat[row]].astype(np.float64)

    def noisy(
        self, row: int, *, kind: str | None = None, snr_db: float | None = None, talkers=()
    ) -> np.ndarray:
        """The clip with noise at exactly `snr_db`, the same on every call and machine.

        Parameters
        ----------
        kind, snr_db
            Condition; the configured one by default.
        talkers : sequence of int
            Rows from which babble draws its voices, of speakers other than the clip's own.
        """
        kind = kind or self.config.noise.kind
        snr_db = self.config.noise.snr_db if snr_db is None else snr_db
        clean = self.clean(row)
        rng = clip_rng(self.config.seed, self.index["clip_id"].iat[row], f"{kind} {snr_db:g} dB")
        voices = []
        if kind == "babble":
            drawn = rng.choice(talkers, size=min(VOICES, len(talkers)), replace=False)
            voices = [self.clean(other) for other in drawn]
        return mix_at_snr(clean, make_noise(kind, len(clean), rng, voices), snr_db)

    def for_training(self) -> ClipStore:
        """The store as networks learn from it: its noise can be drawn anew for every example."""
        return self

    def rows_of(self, speakers, *, limit: int | None = None) -> np.ndarray:
        """Row numbers of the clips of `speakers`, at most `limit` per speaker.

        A limited choice takes the first repetitions of all digits.  Where digits cannot come
        equally often, every speaker goes on with the digit at which the one before stopped.
        """
        chosen = self.index[self.index["speaker"].isin(list(speakers))]
        if limit is not None:
            number = self.index.groupby("speaker").ngroup()[chosen.index]
            order = chosen.assign(turn=(chosen["digit"] + limit * number) % 10)
            order = order.sort_values(["repetition", "turn", "clip_id"])
            chosen = order.groupby("speaker", sort=False).head(limit)
        return np.sort(chosen.index.to_numpy())


def build_clip_store(
    run: Run, manifest: pd.DataFrame, root: str, *, noisy: bool = False
) -> ClipStore:
    """Bring all usable clips of the manifest to the working rate and store them.

    Parameters
    ----------
    run : Run
        Where ``clips.npy`` and ``clip_index.parquet`` are left, each whole or not at all.
    manifest : pd.DataFrame
        Clips with status "ok" are used; their paths are relative to `root`.
    noisy : bool
        Store their supplied noisy files instead.
    """
    usable = manifest[manifest["status"] == "ok"].sort_values("clip_id", ignore_index=True)
    audio = run.config.audio
    tasks = (
        joblib.delayed(prepare_clip)(root, clip, audio, noisy=noisy) for clip in usable.itertuples()
    )
    prepared = joblib.Parallel(n_jobs=-1, return_as="generator")(tasks)
    lengths = np.zeros(len(usable), dtype=np.int64)
    with atomic_path(run.path("clips.npy")) as part:
        store = np.lib.format.open_memmap(
            part, mode="w+", dtype=np.float32, shape=(len(usable), audio.clip_samples)
        )
        progress = tqdm(prepared, total=len(usable), desc="clip store", unit="clip", mininterval=1)
        for row, y in enumerate(progress):
            store[row], lengths[row] = fix_length(y, audio.clip_samples), len(y)
        store.flush()
    index = usable[["clip_id", "speaker", "digit", "repetition"]].assign(samples=lengths)
    run.save("clip_index", index)
    return open_clip_store(run)


def open_clip_store(run: Run) -> ClipStore:
    """Open the clip store of a run, memory-mapped.

    Raises
    ------
    MissingArtifactError
        It is not there, or its two files do not belong together.
    """
    clips, index = run.load_array("clips"), run.load("clip_index")
    if len(clips) != len(index):
        raise MissingArtifactError(
            f"clips.npy holds {len(clips)} clips, its index {len(index)}: a run was stopped "
            "between the two. Run 02_spectrogram_preparation.ipynb again."
        )
    return ClipStore(clips, index, run.config)


def band_limiting_gain(paths: list[str], config: Config) -> pd.DataFrame:
    """SNR that mere resampling to the working rate gains on noise mixed at the files' rate.

    White noise spreads over all frequencies up to half the sample rate, speech does not: a
    low-pass filter alone "improves" the SNR of a high-rate mixture.

    Returns
    -------
    pd.DataFrame
        One row per file: `sample_rate`, `gain_db`; the gain is 0 where the rates agree.
    """
    audio, rows = config.audio, []
    for path in paths:
        y, rate = read_audio(path)
        clean = remove_dc_and_rumble(y, rate, audio.highpass_hz)
        rng = clip_rng(config.seed, str(path).rpartition("/")[2], "band limiting")
        noise = mix_at_snr(clean, make_noise("white", len(clean), rng), 0.0) - clean
        speech, rest = (resample(s, rate, audio.sample_rate) for s in (clean, noise))
        gain = 10 * np.log10(np.sum(speech**2) / np.sum(rest**2))
        rows.append({"sample_rate": rate, "gain_db": gain})
    return pd.DataFrame(rows)


def mixing_error_db(store: ClipStore, rows: np.ndarray) -> float:
    """Largest deviation in dB of the mixed clips from the configured SNR."""
    wanted = store.config.noise.snr_db
    return max(abs(snr(store.clean(row), store.noisy(row)) - wanted) for row in rows)
