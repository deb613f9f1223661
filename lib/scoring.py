"""All scores of one estimate.  No Keras here: the workers that score clips start fast."""

from __future__ import annotations

import numpy as np

from lib import metrics
from lib.features import ReferenceScale, reference_features

__all__ = ["score_estimate"]


def score_estimate(
    clean: np.ndarray, estimate: np.ndarray, sample_rate: int, scale: ReferenceScale | None = None
) -> dict[str, float]:
    """Return every metric by name, with `scale` also ``spectrogram_snr_db``.

    All are NaN for an estimate that is not finite.

    Parameters
    ----------
    clean, estimate : np.ndarray [shape=(n,)]
        Own samples of a clip.
    scale : ReferenceScale, optional
        Statistics with which the published system's figure is taken.
    """
    if not np.all(np.isfinite(estimate)):
        names = [*metrics.METRICS, *(["spectrogram_snr_db"] if scale is not None else [])]
        return dict.fromkeys(names, np.nan)
    scores = metrics.evaluate(clean, estimate, sample_rate)
    if scale is not None:
        z_clean, z_estimate = (
            scale.z_score(reference_features(y, sample_rate)) for y in (clean, estimate)
        )
        scores["spectrogram_snr_db"] = metrics.spectrogram_snr(z_clean, z_estimate)
    return scores
