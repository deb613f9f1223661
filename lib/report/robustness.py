"""Report section on robustness and confounding; left out for a corpus of few speakers."""

from __future__ import annotations

import pandas as pd

from lib import speakers
from lib.config import StatisticsConfig
from lib.figures import confounders
from lib.report.display import say
from lib.report.optional import figure_if_any, table_if_any, tell
from lib.report.tables import with_intervals

__all__ = ["robustness"]

PROSE = """## Robustness and confounding

**Mixed model.** The tests use one mean per speaker. As a robustness check, a mixed model is fitted
to all clips, with fixed effects of the attribute, the digit and the clip's level and a random
intercept for each speaker [@pinheiro2000]. Where its differences agree with those of @tbl-tests,
neither digits nor levels explain them. It rests on stronger assumptions, and its p-values are not
corrected for multiple comparisons.

**Confounding.** Groups of speakers differ in more than their label: women have higher
voices, rooms were used on different days, and accents are tied to countries. Pitch (median F0 by
probabilistic YIN [@mauch2014]) and spectral tilt are measured on the clean clips of every speaker;
level, duration and noise floor come from the manifest. By a rule fixed in advance, two properties
are confounded if one explains at least half of the variance of the other. A regression across
speakers, with heteroscedasticity-consistent standard errors [@mackinnon1985], adjusts for the
measures. A difference that disappears after adjustment for a measure need not be *caused* by that
measure, and one that remains need not be caused by the attribute: neither was randomly assigned.
"""


def robustness(
    clips: pd.DataFrame, tests: pd.DataFrame, measured: pd.DataFrame, *, settings: StatisticsConfig
) -> None:
    """Show a mixed model for each tested attribute, and which properties are confounded.

    Parameters
    ----------
    clips, tests, measured : pd.DataFrame
        From `lib.speakers`: one row per clip, one per comparison, and the measures of speakers.
    settings : StatisticsConfig
    """
    tested = tests.loc[tests["testable"]].set_index("attribute")["estimate_db"]
    mixed = speakers.mixed_models(clips, settings=settings)
    mixed = mixed[mixed["attribute"].isin(tested.index)]
    overlap = speakers.overlap(clips, measured, settings=settings)
    if mixed.empty and overlap.empty:
        tell(
            "The corpus has too few speakers for a robustness check or an analysis of confounding."
        )
        return
    say(PROSE)
    tell(
        speakers.describe_mixed(mixed, tests),
        f"Diagnosis of a model without attributes: {speakers.residual_diagnosis(clips)}",
        speakers.describe_overlap(overlap),
    )
    _mixed_table(mixed.assign(test_db=mixed["attribute"].map(tested)))
    figure_if_any(
        confounders.overlap,
        overlap,
        "fig-overlap",
        caption="Share of the variance of an attribute (rows) explained by a measure or another "
        "attribute (columns), with the number of speakers. Empty cells: too few speakers, "
        "or no variation.",
        alt="Heat map of squared correlations between attributes and measures, with n.",
    )
    fixed = speakers.held_fixed(clips, measured, settings=settings)
    adjusted = fixed.loc[fixed["fixed"] == "all measures", "attribute"]
    figure_if_any(
        confounders.remaining,
        fixed[fixed["attribute"].isin(adjusted)],
        "fig-held-fixed",
        caption="Differences in SI-SDRi, unadjusted and adjusted for all measures, with pointwise "
        "95 % CI; only speakers with all measures.",
        alt="One row per attribute: the difference, unadjusted and adjusted for all measures.",
    )


def _mixed_table(mixed: pd.DataFrame) -> None:
    mixed = mixed.rename(columns={"low_db": "estimate_db_low", "high_db": "estimate_db_high"})
    headers = {
        "attribute": "attribute",
        "test_db": "test (dB)",
        "estimate_db": "mixed model (dB)",
        "p": "p",
        "speaker_sd_db": "speaker SD (dB)",
        "clip_sd_db": "clip SD (dB)",
        "diagnosis": "diagnosis",
    }
    table_if_any(
        with_intervals(mixed, {"estimate_db": ".2f"})[list(headers)],
        "tbl-mixed",
        caption="Differences in SI-SDRi from the tests and the mixed model, with pointwise 95 % "
        "CI, and standard deviations (SD) of its random effects.",
        formats={"estimate_db": "{}", "p": "{:.2g}"},
        headers=headers,
    )
