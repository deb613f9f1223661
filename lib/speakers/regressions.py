"""Regressions across speakers: confounding, adjusted differences, and a mixed model.

`overlap` measures how well one property predicts another; `held_fixed` how much of a difference
remains between speakers with equal values of a measure (linear regression across speakers, with
errors that allow for unequal variances).  The rules, fixed before the results:

- each coefficient of a regression requires five speakers;
- where a measure explains half or more of the variance of an attribute, adjusting for it removes
  most of what could be compared, and the two count as confounded.

In a mixed model, the improvement of a clip is the effect of the attribute, plus effects of the
digit and of the clip's level, plus a speaker offset (random intercept), plus noise.  It is fitted
by restricted maximum likelihood with Powell's method, which does not stall where the offsets are
nearly zero; intervals use Student's t with the number of speakers minus two degrees of freedom.

Sources: MacKinnon & White, J. Econometrics 29 (1985) 305 (HC3 errors); Pinheiro & Bates,
Mixed-Effects Models in S and S-PLUS (2000), chapters 1 and 2.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import stats

from lib.config import StatisticsConfig
from lib.corpora.manifest import usable
from lib.speakers.questions import codes
from lib.statistics.intervals import CONFIDENCE, half_width
from lib.text import plain

__all__ = [
    "describe_mixed",
    "describe_overlap",
    "held_fixed",
    "measures",
    "mixed_models",
    "overlap",
    "residual_diagnosis",
]

SPEAKERS_PER_COEFFICIENT = 5
CONFOUNDED = 0.5  # share of the variance
FEWEST_SPEAKERS = 5  # for a variance between speakers
COLUMNS = ["estimate_db", "low_db", "high_db", "p", "speaker_sd_db", "clip_sd_db"]


def measures(manifest: pd.DataFrame, voices: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return measures of every speaker, as medians over clips; NaN where unknown.

    Columns: pitch (semitones above 100 Hz), spectral tilt (dB per octave), level (dBFS),
    duration (s), noise floor (dB, below the level), recording date (days since the first).
    """
    clips = usable(manifest).replace([np.inf, -np.inf], np.nan)
    clips = clips.groupby("speaker")[["rms_dbfs", "duration_s", "noise_floor_db"]].median()
    voices = voices.groupby("speaker")[["f0_hz", "tilt_db_per_octave"]].median()
    dates = people.reindex(columns=["speaker", "recording_date"]).set_index("speaker")
    dates = pd.to_datetime(dates["recording_date"], errors="coerce")
    table = pd.DataFrame(
        {
            "pitch": 12 * np.log2(voices["f0_hz"] / 100),
            "spectral tilt": voices["tilt_db_per_octave"],
            "level": clips["rms_dbfs"],
            "duration": clips["duration_s"],
            "noise floor": clips["noise_floor_db"],
            "recording date": (dates - dates.min()).dt.total_seconds() / 86_400,
        }
    )
    return table.loc[clips.index].rename_axis("speaker")


def overlap(
    clips: pd.DataFrame, measured: pd.DataFrame, *, settings: StatisticsConfig
) -> pd.DataFrame:
    """Return how well one property of the speakers predicts another.

    Columns: ``attribute``, ``other`` (a measure or another attribute), ``share`` (squared
    correlation, 0 to 1; groups are coded 0 and 1, age and measures are numeric), ``n_speakers``.
    Pairs with fewer than ten speakers have no row.
    """
    coded = codes(clips, settings.min_speakers_per_level)
    others = {name: measured[name].dropna() for name in measured} | coded
    rows = []
    for attribute, code in coded.items():
        for other, values in others.items():
            both = pd.concat([code, values], axis=1, join="inner").to_numpy()
            if other == attribute or len(both) < 2 * SPEAKERS_PER_COEFFICIENT:
                continue
            if (np.ptp(both, axis=0) > 0).all():
                share = np.corrcoef(both.T)[0, 1] ** 2
                rows.append((attribute, other, share, len(both)))
    return pd.DataFrame(rows, columns=["attribute", "other", "share", "n_speakers"])


def held_fixed(
    clips: pd.DataFrame, measured: pd.DataFrame, *, settings: StatisticsConfig
) -> pd.DataFrame:
    """Return the difference for each attribute, unadjusted and adjusted for measures.

    Columns: ``attribute``, ``fixed`` ("nothing", a measure, "all measures"), ``estimate_db`` with
    ``low_db`` and ``high_db`` (95 % interval), ``n_speakers``.  All rows of an attribute use the
    same speakers, those with all measures.  Regressions with too few speakers have no row.
    """
    import statsmodels.api as sm  # importing takes seconds

    improvements = clips.groupby("speaker")["improvement_db"].mean()
    varying = [name for name in measured if measured[name].nunique() > 1]
    choices = {"nothing": [], **{name: [name] for name in varying}, "all measures": varying}
    rows = []
    for attribute, code in codes(clips, settings.min_speakers_per_level).items():
        table = measured[varying].assign(effect=code, improvement_db=improvements).dropna()
        for fixed, columns in choices.items():
            x = sm.add_constant(table[["effect", *columns]], has_constant="add")
            if len(x) < SPEAKERS_PER_COEFFICIENT * x.shape[1]:
                continue
            alone = table["effect"].nunique() == 2 and table["effect"].value_counts().min() < 2
            if alone or np.linalg.matrix_rank(x) < x.shape[1]:
                continue  # the standard error is undefined
            fit = sm.OLS(table["improvement_db"], x).fit(cov_type="HC3", use_t=True)
            low, high = fit.conf_int(1 - CONFIDENCE).loc["effect"]
            rows.append((attribute, fixed, fit.params["effect"], low, high, len(x)))
    columns = ["attribute", "fixed", "estimate_db", "low_db", "high_db", "n_speakers"]
    return pd.DataFrame(rows, columns=columns)


def describe_overlap(shares: pd.DataFrame) -> str:
    """Return a sentence that names the confounded pairs of `overlap`."""
    if shares.empty:
        return "This corpus has too few speakers to assess confounding."
    close = shares[shares["share"] >= CONFOUNDED]
    if close.empty:
        return "No two properties are confounded by this criterion."
    once = ~close[["attribute", "other"]].apply(frozenset, axis=1).duplicated()
    pairs = [
        f"{row.attribute} and {row.other} ({plain(row.share, '.0%')})"
        for row in close[once].itertuples()
    ]
    return f"Confounded in this corpus (share of variance explained): {'; '.join(pairs)}."


def mixed_models(clips: pd.DataFrame, *, settings: StatisticsConfig) -> pd.DataFrame:
    """Fit one mixed model per attribute, without the terms for digit or level if these do not vary.

    Columns: ``attribute``, ``estimate_db`` with ``low_db`` and ``high_db`` as in the tests, ``p``
    (uncorrected), ``speaker_sd_db`` and ``clip_sd_db`` (standard deviations of the offsets and of
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


def describe_mixed(mixed: pd.DataFrame, tests: pd.DataFrame) -> str:
    """Return a sentence on how often the differences of `tests` agree with `mixed_models`."""
    fitted = mixed.dropna(subset=["low_db"])
    if fitted.empty:
        return "This corpus is too small for a mixed model."
    tested = fitted["attribute"].map(tests.set_index("attribute")["estimate_db"])
    agree = tested.between(fitted["low_db"], fitted["high_db"]).sum()
    return (
        f"The difference found by the tests lies within the mixed model's confidence interval for "
        f"{agree} of {len(fitted)} attributes."
    )


def residual_diagnosis(clips: pd.DataFrame) -> str:
    """Describe whether a model without attributes converged, and how normal its residuals are.

    The residuals of clips and the offsets of speakers should be normal: skewness and excess
    kurtosis 0.
    """
    fit, diagnosis = _fit(clips, effect="")
    if fit is None:
        return diagnosis
    offsets = np.array([effect.iloc[0] for effect in fit.random_effects.values()])
    rest = {"clips": fit.resid.to_numpy(), "speakers": offsets}
    words = [
        f"{name}: skewness {plain(stats.skew(r), '.2f')}, "
        f"excess kurtosis {plain(stats.kurtosis(r), '.2f')}"
        for name, r in rest.items()
        if r.std() > 1e-9
    ]
    return f"{diagnosis} Residuals of {'; of '.join(words)}."


def _fit(table: pd.DataFrame, effect: str = "effect"):
    """Return the fitted model (None if there is none) and its diagnosis in words."""
    import statsmodels.formula.api as smf  # importing takes seconds
    from statsmodels.tools.sm_exceptions import ModelWarning

    terms = [effect] if effect else []
    terms += ["C(digit)"] if table["digit"].nunique() > 1 else []
    terms += ["level_dbfs"] if table["level_dbfs"].nunique() > 1 else []
    n_speakers = table["speaker"].nunique()
    if n_speakers < FEWEST_SPEAKERS:
        return None, f"No fit: {FEWEST_SPEAKERS} speakers are required, found {n_speakers}."
    if len(table) < n_speakers + 2 * (len(terms) + table["digit"].nunique()):
        return None, f"No fit: {len(table)} clips are too few."
    if table["improvement_db"].std() < 1e-9:
        return None, "No fit: the improvement does not vary."
    groups = table.groupby(effect)["speaker"].nunique() if effect else [n_speakers]
    if len(groups) == 2 and min(groups) < 2:
        return None, "No fit: a group has only one speaker."
    formula = f"improvement_db ~ {' + '.join(terms) or '1'}"
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
        return None, "No fit: the speaker variance or a standard error cannot be estimated."
    if not fit.converged:
        return None, "No fit: the optimisation did not converge."
    doubts = [w for w in caught if issubclass(w.category, ModelWarning)]
    if doubts:
        return fit, "Converged at the boundary: the variance between speakers is close to zero."
    return fit, "Converged."
