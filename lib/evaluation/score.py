"""Score one method on clips: any ``denoise(noisy, sample_rate, clean)`` in, a tidy table out.

Metrics are computed over the clip's own samples.  An improvement is ``metric(estimate) -
metric(noisy)`` of the same clip.  Keras is not imported, so that worker processes start quickly.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib import metrics
from lib.clips.store import ClipStore
from lib.errors import InputError
from lib.methods import Method
from lib.models.published import ZScore, reference_features
from lib.workspace.workers import in_parallel

if TYPE_CHECKING:
    from lib.models.recogniser import Recogniser

__all__ = ["IMPROVED", "add_improvements", "score_estimate", "score_method"]

IMPROVED = {"snr_db": "snr_improvement_db", "si_sdr_db": "si_sdr_improvement_db",
            "estoi": "estoi_improvement"}  # fmt: skip


def score_estimate(
    clean: np.ndarray, estimate: np.ndarray, sample_rate: int, scale: ZScore | None = None
) -> dict[str, float]:
    """Return every metric by name, and ``spectrogram_snr_db`` if `scale` is given.

    All are NaN for an estimate that is not finite.

    Parameters
    ----------
    clean, estimate : np.ndarray [shape=(n,)]
        The clip's own samples, without padding.
    scale : ZScore, optional
        Statistics with which the published system's figure is computed.
    """
    if not np.all(np.isfinite(estimate)):
        names = [*metrics.METRICS, *(["spectrogram_snr_db"] if scale is not None else [])]
        return dict.fromkeys(names, np.nan)
    scores = metrics.evaluate(clean, estimate, sample_rate)
    if scale is not None:
        z_clean, z_estimate = (
            scale.targets(reference_features(y, sample_rate)) for y in (clean, estimate)
        )
        scores["spectrogram_snr_db"] = metrics.spectrogram_snr(z_clean, z_estimate)
    return scores


def score_method(
    method: Method,
    denoise: Callable[..., np.ndarray],
    store: ClipStore,
    rows: np.ndarray,
    *,
    scale: ZScore | None = None,
    recogniser: Recogniser | None = None,
    keep: bool = False,
    tick: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Denoise clips with one method and score the results.

    Parameters
    ----------
    method : Method
    denoise : callable
        Returned by `method.open` for the fold of these clips; called, and timed, clip by clip.
    rows : np.ndarray
        Rows of the clip store.
    scale : ZScore, optional
        If given, the published system's figure is computed, too.
    recogniser : Recogniser, optional
        If given, the digit that it recognises is stored as `recognised`.
    keep : bool
        Whether to include the denoised waveforms as `estimate`.
    tick : callable
        Called after each clip.

    Returns
    -------
    pd.DataFrame
        One row per clip: clip_id, speaker, digit, method, noise, input_snr_db, the metrics and
        `milliseconds`.

        An estimate that is not finite has no scores and is passed to the recogniser as silence.

    Raises
    ------
    InputError
        The method returned something other than a waveform of the same length, or no finite
        waveform at all.
    """
    rate, noise = store.config.audio.sample_rate, store.config.noise
    estimates, cleans, milliseconds = [], [], []
    for row in rows:
        clean, noisy = store.clean(row), store.noisy(row)
        start = time.perf_counter()
        estimate = np.asarray(denoise(noisy, rate, clean), dtype=float)
        milliseconds.append(1e3 * (time.perf_counter() - start))
        if estimate.shape != clean.shape:
            raise InputError(
                f"{method.name} returned shape {estimate.shape} for a clip of shape "
                f"{clean.shape}; a denoiser must keep the length."
            )
        estimates.append(estimate)
        cleans.append(clean)
        tick()
    finite = [bool(np.all(np.isfinite(estimate))) for estimate in estimates]
    if not any(finite):
        raise InputError(
            f"{method.name} returned NaN or infinite samples for all {len(rows)} clips, such as "
            f"{store.index['clip_id'].iat[rows[0]]}; its output must be finite."
        )
    tasks = ((clean, estimate, rate, scale) for clean, estimate in zip(cleans, estimates))
    scores = list(in_parallel(score_estimate, tasks, batch=16))
    table = store.index.loc[rows, ["clip_id", "speaker", "digit"]].reset_index(drop=True)
    table = table.assign(method=method.name, noise=noise.kind, input_snr_db=float(noise.snr_db))
    if recogniser is not None:
        heard = [y if whole else np.zeros_like(y) for y, whole in zip(estimates, finite)]
        table["recognised"] = recogniser.digits(heard)
    if keep:
        table["estimate"] = [estimate.astype(np.float32) for estimate in estimates]
    return pd.concat([table, pd.DataFrame(scores)], axis=1).assign(milliseconds=milliseconds)


def add_improvements(scores: pd.DataFrame) -> pd.DataFrame:
    """Add ``metric(estimate) - metric(noisy)`` per clip and condition.

    NaN where the metric is undefined for either.

    Raises
    ------
    InputError
        A clip has no row for the method "noisy".
    """
    key = ["clip_id", "noise", "input_snr_db"]
    noisy = scores[scores["method"] == "noisy"].set_index(key)[list(IMPROVED)]
    before = scores[key].join(noisy.assign(there=True), on=key)
    if before["there"].isna().any():
        raise InputError("Improvements need a score of the method 'noisy' for every clip.")
    return scores.assign(
        **{name: scores[metric] - before[metric] for metric, name in IMPROVED.items()}
    )
