"""The clip store: every clip of a run once, at the working rate.

An array ``clips.npy`` [shape=(n, samples), dtype=float32], opened memory-mapped, and a table with
one row per clip (`clip_id`, `speaker`, `digit` or, in a corpus of words, `word`, `repetition`,
`samples`).  Each row is zero-padded beyond the clip's own `samples`; noise is mixed over these
only.  Noisy files that came with the corpus form a separate clip store under ``supplied/``; where
training draws noise, it is then white, since one fixed noise per clip offers less variety than
fresh noise in every epoch.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.config import SUPPLIED, Config
from lib.errors import MissingArtifactError
from lib.signals.audio import fix_length
from lib.signals.noise import clip_rng, make_noise, mix_at_snr
from lib.workspace.folder import Run

__all__ = ["ClipStore", "SuppliedStore", "content_of", "of_noisy_files", "open_store"]

VOICES = 5  # simultaneous talkers in babble


@dataclass(frozen=True, eq=False)
class ClipStore:
    """The clips that a run uses, at the working rate, with their index."""

    clips: np.ndarray
    index: pd.DataFrame
    config: Config

    def __len__(self) -> int:
        return len(self.index)

    def clean(self, row: int) -> np.ndarray:
        """Return the clip's own samples, without padding [shape=(samples,), dtype=float64]."""
        return self.clips[row, : self.index["samples"].iat[row]].astype(np.float64)

    def noisy(
        self, row: int, *, kind: str | None = None, snr_db: float | None = None, talkers=()
    ) -> np.ndarray:
        """Return the clip with noise at exactly `snr_db`, the same on every call and machine.

        Kind and SNR default to the configured ones; babble draws its voices from the rows
        `talkers`, of speakers other than the clip's own.
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
        """Return the store as used for training, where noise is drawn afresh for every example."""
        return self

    def rows_of(
        self, speakers, *, limit: int | None = None, about: int | None = None
    ) -> np.ndarray:
        """Return the rows of the clips of `speakers`, at most `limit` each or `about` in total.

        With `about`, every speaker contributes the same number of clips, or all of them.  A limited
        selection takes the first repetitions of all digits, or words; where these cannot be equally
        frequent, every speaker continues with the one at which the previous speaker stopped.
        """
        speakers = list(speakers)
        chosen = self.index[self.index["speaker"].isin(speakers)]
        if about is not None:
            limit = -(-about // len(speakers))
        if limit is not None:
            number = self.index.groupby("speaker").ngroup()[chosen.index]
            said = self._said()
            order = chosen.assign(turn=(said[chosen.index] + limit * number) % (said.max() + 1))
            order = order.sort_values(["repetition", "turn", "clip_id"])
            chosen = order.groupby("speaker", sort=False).head(limit)
        return np.sort(chosen.index.to_numpy())

    def _said(self) -> pd.Series:
        """Return what is said in each clip as a number: the digit, or the rank of the word."""
        if "digit" in self.index:
            return self.index["digit"]
        return self.index["word"].rank(method="dense").astype(int) - 1


@dataclass(frozen=True, eq=False)
class SuppliedStore(ClipStore):
    """A clip store whose noisy clips are those of `supplied`, the store of the noisy files."""

    supplied: ClipStore

    def noisy(
        self, row: int, *, kind: str | None = None, snr_db: float | None = None, talkers=()
    ) -> np.ndarray:
        """Return the supplied noisy file at the length of the clip; any other noise is mixed."""
        if kind in (None, SUPPLIED) and snr_db in (None, self.config.noise.snr_db):
            return fix_length(self.supplied.clean(row), self.index["samples"].iat[row])
        return super().noisy(row, kind=kind, snr_db=snr_db, talkers=talkers)

    def for_training(self) -> ClipStore:
        """Return the same clips; noise drawn in training is white, at the nominal SNR."""
        drawn = dataclasses.replace(self.config.noise, kind="white")
        return dataclasses.replace(self, config=dataclasses.replace(self.config, noise=drawn))


@functools.lru_cache(maxsize=1)  # shared by all networks
def content_of(store: ClipStore) -> str:
    """Return a hash of the clips of a store and their index."""
    digest = hashlib.sha256(pd.util.hash_pandas_object(store.index).to_numpy().tobytes())
    for start in range(0, len(store), 1000):  # in chunks: the store may exceed memory
        digest.update(np.ascontiguousarray(store.clips[start : start + 1000]).data)
    return digest.hexdigest()


def of_noisy_files(run: Run) -> Run:
    """Return the run of the supplied noisy files: the same run, in a subfolder."""
    return dataclasses.replace(run, dir=run.path("supplied"))


def open_store(run: Run) -> ClipStore:
    """Open the clip store of a run, memory-mapped, as used for denoising and scoring.

    Raises MissingArtifactError if it is missing or incomplete.
    """
    store = _open(run)
    if not run.config.noise.supplied:
        return store
    if "noisy_sha256" not in store.index:
        raise MissingArtifactError(
            f"The clip store in {run.dir} was built without the supplied noisy files, or the "
            "build was stopped. Run 02_spectrogram_preparation.ipynb again."
        )
    return SuppliedStore(store.clips, store.index, run.config, _open(of_noisy_files(run)))


def _open(run: Run) -> ClipStore:
    clips, index = run.load_array("clips"), run.load("clip_index")
    if len(clips) != len(index):
        raise MissingArtifactError(
            f"clips.npy holds {len(clips)} clips, its index {len(index)}: a run was stopped "
            "between the two. Run 02_spectrogram_preparation.ipynb again."
        )
    return ClipStore(clips, index, run.config)
