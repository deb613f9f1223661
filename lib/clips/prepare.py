"""From the files of a corpus to the clip store: which clips a run uses, and how each is prepared.

Neither this module nor `lib.clips.store` imports Keras, so that worker processes start quickly.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from lib.clips.store import ClipStore, SuppliedStore, of_noisy_files, open_store
from lib.config import AudioConfig, Config
from lib.corpora.manifest import usable
from lib.errors import CorpusError
from lib.signals.audio import fix_length, read_audio, remove_dc_and_rumble, resample
from lib.workspace.folder import Run, atomic_path
from lib.workspace.workers import in_parallel

__all__ = ["build_store", "prepare_clip", "used_clips"]

INDEX = ("clip_id", "speaker", "digit", "word", "repetition")  # columns, where present


def used_clips(manifest: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return the clips of the manifest that a run uses: all usable, or those with a noisy file.

    A noisy file identical to the clean one does not count.  Raises CorpusError if no clip is left.
    """
    clips = usable(manifest)
    if not config.noise.supplied:
        return clips
    pairs = clips[np.isfinite(clips["measured_snr_db"])].reset_index(drop=True)
    if pairs.empty:
        raise CorpusError(
            f"noise: {{kind: supplied}} requires noisy files next to the clips, such as "
            f"7_12_3_noisy.wav next to 7_12_3.wav; none of the {len(clips):,} usable clips has "
            "a usable one. Point DATA_DIR at a tree with noisy files, or choose kind: white."
        )
    return pairs


def prepare_clip(root: str | Path, clip, audio: AudioConfig, noisy: bool = False) -> np.ndarray:
    """Return a clip at the working rate, without DC offset and rumble, cut to its window.

    `clip` is a row of the manifest; if `noisy`, its supplied noisy file is used instead, cut to the
    same window.  The result has at most ``audio.clip_samples`` samples.
    """
    path, channel = (clip.noisy_path, clip.noisy_channel) if noisy else (clip.path, clip.channel)
    y, sample_rate = read_audio(f"{root}/{path}", channel)
    y = remove_dc_and_rumble(y, sample_rate, audio.highpass_hz)
    start = round(clip.window_start_s * audio.sample_rate)
    length = round(min(clip.window_s * audio.sample_rate, audio.clip_samples))
    return resample(y, sample_rate, audio.sample_rate)[start : start + length]


def build_store(run: Run, manifest: pd.DataFrame, root: str) -> ClipStore:
    """Build the clip store of a run, with the noisy files where these are its noise.

    The index then also holds a hash of each noisy clip, so that a network's fingerprint covers
    them; it is written last, and a store without it is not opened.  The manifest's paths are
    relative to `root`.
    """
    clips = used_clips(manifest, run.config).sort_values("clip_id", ignore_index=True)
    clean = _store_clips(run, clips, root, noisy=False)
    if run.config.noise.supplied:
        noisy = _store_clips(of_noisy_files(run), clips, root, noisy=True)
        store = SuppliedStore(clean.clips, clean.index, run.config, noisy)
        contents = (hashlib.sha256(store.noisy(row).data).hexdigest() for row in range(len(store)))
        run.save("clip_index", store.index.assign(noisy_sha256=list(contents)))
    return open_store(run)


def _store_clips(run: Run, clips: pd.DataFrame, root: str, *, noisy: bool) -> ClipStore:
    """Write ``clips.npy`` and ``clip_index.parquet``, each atomically."""
    audio = run.config.audio
    tasks = ((root, clip, audio, noisy) for clip in clips.itertuples())
    prepared = in_parallel(prepare_clip, tasks)
    lengths = np.zeros(len(clips), dtype=np.int64)
    with atomic_path(run.path("clips.npy")) as part:
        store = np.lib.format.open_memmap(
            part, mode="w+", dtype=np.float32, shape=(len(clips), audio.clip_samples)
        )
        progress = tqdm(prepared, total=len(clips), desc="clip store", unit="clip", mininterval=1)
        for row, y in enumerate(progress):
            store[row], lengths[row] = fix_length(y, audio.clip_samples), len(y)
        store.flush()
    columns = [name for name in INDEX if name in clips]
    index = clips[columns].assign(samples=lengths)
    run.save("clip_index", index)
    return ClipStore(run.load_array("clips"), index, run.config)
