"""The same differences by a mixed model: a check of the tests by another road.

The gain of a clip is the effect of the attribute, plus one of the digit, plus one of the clip's
level, plus an offset of the speaker (random intercept), plus noise.  Fitted by restricted maximum
likelihood with Powell's method, which does not stall where the offsets are nearly zero; intervals
with Student's t, speakers minus two degrees of freedom.

Source: Pinheiro & Bates, Mixed-Effects Models in S and S-PLUS (2000), chapters 1 and 2.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import stats

from lib.config import StatisticsConfig
from lib.speakers.questions import codes
from lib.statistics.intervals import half_width
from lib.text import plain

__all__ = ["mixed_models", "residuals"]

FEWEST_SPEAKERS = 5  # for a variance between speakers
COLUMNS = ["estimate_db", "low_db", "high_db", "p", "speaker_sd_db", "clip_sd_db"]


def mixed_models(clips: pd.DataFrame, *, settings: StatisticsConfig) -> pd.DataFrame:
    """Fit one mixed model per attribute; digits and levels that do not vary are left out of it.

    Columns: ``attribute``, ``estimate_db`` with ``low_db`` and ``high_db`` as in the tests, ``p``
    (not corrected), ``speaker_sd_db`` and ``clip_sd_db`` (standard deviations of the offsets and of
    the noise), ``diagnosis`` (in words: convergence, or why there is no fit).
    """
    rows = []
    for name, of_speaker in codes(clips, settings.min_speakers_per_level).items():
        table = clips.assign(effect=clips["speaker"].map(of_speaker)).dropna(subset=["effect"])
        fit, diagnosis = _fit(table)
        row = {"attribute": name, **dict.fromkeys(COLUMNS, np.nan), "diagnosis": diagnosis}
        if fit is not None:
            degrees = len(of_speaker) - 2
            estimate, error = fit.fe_params["effect"], fit.bse_fe["effect"]
            half = half_width(error, degrees)
            row |= {
                "estimate_db": estimate,
                "low_db": estimate - half,
                "high_db": estimate + half,
                "p": 2 * stats.t.sf(abs(estimate / error), degrees),
                "speaker_sd_db": np.sqrt(fit.cov_re.iloc[0, 0]),
                "clip_sd_db": np.sqrt(fit.scale),
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=["attribute", *COLUMNS, "diagnosis"])


def residuals(clips: pd.DataFrame) -> tuple[dict[str, np.ndarray], str]:
    """Return what a model without attributes leaves, and its diagnosis in words.

    The noise of ``"clips"`` and the offsets of ``"speakers"``, each over its standard deviation,
    should be normal: skewness and excess kurtosis 0.  Empty where the model cannot be fitted.
    """
    fit, diagnosis = _fit(clips, effect="")
    if fit is None:
        return {}, diagnosis
    offsets = np.array([effect.iloc[0] for effect in fit.random_effects.values()])
    rest = {"clips": fit.resid.to_numpy(), "speakers": offsets}
    rest = {name: (r - r.mean()) / r.std() for name, r in rest.items() if r.std() > 1e-9}
    words = [
        f"{name}: skewness {plain(stats.skew(r), '.2f')}, "
        f"excess kurtosis {plain(stats.kurtosis(r), '.2f')}"
        for name, r in rest.items()
    ]
    return rest, f"{diagnosis} {'; '.join(words)}."


def _fit(table: pd.DataFrame, effect: str = "effect"):
    """Return the fitted model, None where there is none, and its diagnosis in words."""
    import statsmodels.formula.api as smf  # takes seconds
    from statsmodels.tools.sm_exceptions import ModelWarning

    terms = [effect] if effect else []
    terms += ["C(digit)"] if table["digit"].nunique() > 1 else []
    terms += ["level_dbfs"] if table["level_dbfs"].nunique() > 1 else []
    n_speakers = table["speaker"].nunique()
    if n_speakers < FEWEST_SPEAKERS:
        return None, f"No fit: {FEWEST_SPEAKERS} speakers are wanted, there are {n_speakers}."
    if len(table) < n_speakers + 2 * (len(terms) + table["digit"].nunique()):
        return None, f"No fit: {len(table)} clips are too few."
    if table["gain_db"].std() < 1e-9:
        return None, "No fit: the gain does not vary."
    groups = table.groupby(effect)["speaker"].nunique() if effect else [n_speakers]
    if len(groups) == 2 and min(groups) < 2:
        return None, "No fit: a group holds one speaker only."
    formula = f"gain_db ~ {' + '.join(terms) or '1'}"
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ModelWarning)
            model = smf.mixedlm(formula, table, groups=table["speaker"], missing="drop")
            fit = model.fit(method="powell")
            with np.errstate(invalid="ignore"):
                finite = np.isfinite(fit.bse_fe).all()
    except (np.linalg.LinAlgError, ValueError) as error:
        return None, f"No fit: the model is singular ({error})."
    if not (finite and fit.cov_re.iloc[0, 0] > 0):
        return None, "No fit: the variance between speakers or an error cannot be estimated."
    if not fit.converged:
        return None, "No fit: the search for the maximum did not converge."
    doubts = [w for w in caught if issubclass(w.category, ModelWarning)]
    if doubts:
        return fit, "Converged at the boundary: there is hardly any variance between speakers."
    return fit, "Converged."
