"""The noisy files that came with the corpus, as the noisy side.

With ``noise: {kind: supplied}`` the clips that have a noisy file of use, and no others, are
denoised and scored in the noise of that file as it is; like the clean one it is freed of offset
and rumble and brought to the working rate, where its SNR in dB is measured anew.  The noisy files
are a clip store of their own, under ``supplied/``.  One fixed noise per clip is less than a fresh
one in every epoch, so where training draws noise, it is white and at the nominal SNR.

For every other kind of noise these functions are those of `lib.store`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.artifacts import Run
from lib.audio import fix_length
from lib.config import SUPPLIED, Config
from lib.corpora.summary import measured_snr, usable
from lib.errors import CorpusError, MissingArtifactError
from lib.metrics import snr
from lib.store import ClipStore, build_clip_store, open_clip_store

__all__ = [
    "SuppliedStore",
    "build_store",
    "describe",
    "open_store",
    "used_clips",
]


@dataclass(frozen=True, eq=False)
class SuppliedStore(ClipStore):
    """A clip store whose noisy side is the store `supplied` of the same clips' noisy files."""

    supplied: ClipStore

    def noisy(
        self, row: int, *, kind: str | None = None, snr_db: float | None = None, talkers=()
    ) -> np.ndarray:
        """The supplied noisy file, at the length of the clip; other noise than it is mixed.

        Parameters are those of `ClipStore.noisy`.
        """
        if kind in (None, SUPPLIED) and snr_db in (None, self.config.noise.snr_db):
            return fix_length(self.supplied.clean(row), self.index["samples"].iat[row])
        return super().noisy(row, kind=kind, snr_db=snr_db, talkers=talkers)

    def for_training(self) -> ClipStore:
        """The same clips; noise that training draws is mixed, and white at the nominal SNR."""
        drawn = dataclasses.replace(self.config.noise, kind="white")
        return dataclasses.replace(self, config=dataclasses.replace(self.config, noise=drawn))


def used_clips(manifest: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The clips of the manifest that a run uses: all usable ones, or those with a noisy file.

    A noisy file that equals the clean one is none.

    Raises
    ------
    CorpusError
        Noisy files are wanted and no clip has one.
    """
    clips = usable(manifest)
    if not config.noise.supplied:
        return clips
    pairs = clips[np.isfinite(clips["measured_snr_db"])].reset_index(drop=True)
    if pairs.empty:
        raise CorpusError(
            f"noise: {{kind: supplied}} needs noisy files beside the clips, such as "
            f"7_12_3_noisy.wav beside 7_12_3.wav; none of the {len(clips):,} usable clips has one "
            "of use. Point DATA_DIR at a tree with noisy files, or choose kind: white."
        )
    return pairs


def _beside(run: Run) -> Run:
    """The run of the noisy files: the same, in a folder of its own."""
    return dataclasses.replace(run, dir=run.path("supplied"))


def build_store(run: Run, manifest: pd.DataFrame, root: str) -> ClipStore:
    """Store the clips that the run uses, with their noisy files where these are its noise.

    The index then also holds a hash of the noisy side, `noisy_sha256`, so that a network knows
    what it was trained on (`lib.networks`).  It is written last: a build that was stopped is not
    opened.

    Parameters
    ----------
    run, manifest, root
        As for `lib.store.build_clip_store`.
    """
    clips = used_clips(manifest, run.config)
    clean = build_clip_store(run, clips, root)
    if not run.config.noise.supplied:
        return clean
    noisy = build_clip_store(_beside(run), clips, root, noisy=True)
    store = SuppliedStore(clean.clips, clean.index, run.config, noisy)
    contents = (hashlib.sha256(store.noisy(row).data).hexdigest() for row in range(len(store)))
    run.save("clip_index", store.index.assign(noisy_sha256=list(contents)))
    return open_store(run)


def open_store(run: Run) -> ClipStore:
    """Open the clip store of a run, as it is denoised and scored.

    Raises
    ------
    MissingArtifactError
        It is not there, or not whole.
    """
    store = open_clip_store(run)
    if not run.config.noise.supplied:
        return store
    if "noisy_sha256" not in store.index:
        raise MissingArtifactError(
            f"The clip store in {run.dir} was built without the supplied noisy files, or the "
            "build was stopped. Run 02_spectrogram_preparation.ipynb again."
        )
    return SuppliedStore(store.clips, store.index, run.config, open_clip_store(_beside(run)))


def describe(store: ClipStore, manifest: pd.DataFrame, speakers: pd.DataFrame) -> dict:
    """The SNR of the supplied files of a store, for sentences.

    Returns
    -------
    dict
        `n` and `left_out`, the usable clips with and without a noisy file; `file_mean`,
        `file_low` and `file_high`, the SNR as it was measured on the files; `mean`, `low` and
        `high` at the working rate; for `digit` and `accent` the group whose mean there is
        lowest, and `digit_below` and `accent_below`, by how many dB it lies below `mean`.
    """
    clips = used_clips(manifest, store.config)
    heard = [snr(store.clean(row), store.noisy(row)) for row in range(len(store))]
    heard = pd.Series(heard, index=store.index["clip_id"])
    facts = {"n": len(store), "left_out": len(usable(manifest)) - len(store)}
    for prefix, values in {"file_": clips["measured_snr_db"], "": heard}.items():
        spread = {"mean": values.mean(), "low": values.min(), "high": values.max()}
        facts |= {prefix + name: value for name, value in spread.items()}
    clips = clips.assign(measured_snr_db=clips["clip_id"].map(heard))
    for by in ("digit", "accent"):
        groups = measured_snr(clips, speakers, by).iloc[1:]
        lowest = groups.loc[groups["mean_db"].idxmin()]
        facts |= {by: lowest[by], f"{by}_below": facts["mean"] - lowest["mean_db"]}
    return facts
