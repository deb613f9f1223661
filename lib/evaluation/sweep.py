"""Generalisation: input SNRs and noise other than those the model was trained on.

Babble is several voices at once.  They are clips of the fold's validation speakers: apart from
the test speakers, only these are unseen in training (although they are used for early stopping).
Where they are few, one speaker provides several voices; a corpus with a fold of fewer than three
clips is not tested in babble.  The published autoencoder is left out, since it takes many times as
long as all the others together.

SNRs and improvements in dB; an improvement is ``si_sdr(estimate) - si_sdr(noisy)`` of one clip.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd
from tqdm import tqdm

from lib.clips.folds import fewest_clips, split_speakers, test_rows
from lib.clips.store import ClipStore, content_of
from lib.evaluation.folds import depends_on
from lib.methods import look_up
from lib.metrics import si_sdr
from lib.signals.noise import FEWEST_TALKERS, NOISES
from lib.workspace.fingerprint import fingerprint
from lib.workspace.folder import Run

__all__ = ["INPUT_SNRS_DB", "noises", "sweep_folds", "summary"]

INPUT_SNRS_DB = (-15.0, -10.0, -8.0, -5.0, 0.0, 5.0, 10.0)


def noises(store: ClipStore, folds: pd.DataFrame) -> tuple[str, ...]:
    """Return all kinds of noise, babble only if every fold has enough clips for it."""
    enough = fewest_clips(store.index, folds) >= FEWEST_TALKERS
    return (*NOISES, "babble") if enough else tuple(NOISES)


SWEPT = ("Wiener", "ours", "ideal ratio mask")


def _sweep_fold(
    run: Run, store: ClipStore, kinds, rows: np.ndarray, talkers: np.ndarray, fold: int, methods
) -> pd.DataFrame:
    rate, results = run.config.audio.sample_rate, []
    denoisers = [(method.name, method.open(run, fold)) for method in methods]
    conditions = list(itertools.product(kinds, INPUT_SNRS_DB, rows))
    for kind, snr_db, row in tqdm(conditions, desc=f"sweep of fold {fold + 1}", mininterval=2):
        clean = store.clean(row)
        noisy = store.noisy(row, kind=kind, snr_db=snr_db, talkers=talkers)
        before = si_sdr(clean, noisy)
        for name, denoise in denoisers:
            estimate = denoise(noisy, rate, clean)
            after = si_sdr(clean, estimate) if np.all(np.isfinite(estimate)) else np.nan
            results.append((row, name, kind, snr_db, after - before))
    columns = ["row", "method", "noise", "input_snr_db", "si_sdr_improvement_db"]
    table = pd.DataFrame(results, columns=columns)
    clips = store.index.loc[table.pop("row"), ["clip_id", "speaker"]].reset_index(drop=True)
    return pd.concat([clips, table], axis=1).assign(fold=fold)


def sweep_folds(
    run: Run, store: ClipStore, folds: pd.DataFrame, names: Iterable[str] = SWEPT
) -> pd.DataFrame:
    """Return SI-SDR improvements by noise and input SNR, on some clips of every speaker.

    The kinds of noise are those of `noises`.  Each fold is cached under ``sweep/``, as
    `lib.evaluation.folds.evaluate` caches its scores.

    Returns
    -------
    pd.DataFrame
        One row per clip, method and condition: clip_id, speaker, fold, method, noise,
        input_snr_db, si_sdr_improvement_db.
    """
    methods, kinds, tables = [look_up(name) for name in names], noises(store, folds), []
    settings = [run.config.to_dict()[part] for part in ("seed", "audio", "noise")]
    for fold, rows in test_rows(store, folds, run.config.evaluation.sweep_clips).items():
        talkers = store.rows_of(split_speakers(folds, fold)[1])
        facts = [[depends_on(run, method, fold) for method in methods], settings, kinds]
        facts += [content_of(store), rows.tolist(), talkers.tolist()]
        sweep = functools.partial(_sweep_fold, run, store, kinds, rows, talkers, fold, methods)
        tables.append(run.kept(f"sweep/fold{fold}", fingerprint(facts, _sweep_fold), sweep))
    return pd.concat(tables, ignore_index=True)


def _crossing(x: np.ndarray, y: np.ndarray, i: int) -> float:
    """Return where the straight line from point i to point i + 1 crosses zero."""
    return float(x[i] - y[i] * (x[i + 1] - x[i]) / (y[i + 1] - y[i]))


def summary(curves: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return a method's improvement at the highest input SNR, and the SNR range where it helps.

    Parameters
    ----------
    curves : pd.DataFrame
        Mean improvement by noise, method and input_snr_db, from
        `lib.statistics.intervals.by_group`.

    Returns
    -------
    pd.DataFrame
        One row per noise: `noise`; the highest `input_snr_db`, and `estimate`, `low` and `high`
        of the improvement there; `from_db` and `to_db`, the input SNRs between which the mean
        improvement is above 0, linearly interpolated and at most the range that was swept, NaN
        if it never is.
    """
    rows = []
    for _, curve in curves[curves["method"] == method].groupby("noise", sort=False):
        curve = curve.sort_values("input_snr_db")
        row = curve.iloc[-1][["noise", "input_snr_db", "estimate", "low", "high"]].to_dict()
        x, y = curve["input_snr_db"].to_numpy(), curve["estimate"].to_numpy()
        helped = np.flatnonzero(y > 0)
        row |= {"from_db": np.nan, "to_db": np.nan}
        if len(helped):
            first, last = helped[0], helped[-1]
            row["from_db"] = x[0] if first == 0 else _crossing(x, y, first - 1)
            row["to_db"] = x[-1] if last == len(x) - 1 else _crossing(x, y, last)
        rows.append(row)
    return pd.DataFrame(rows)
