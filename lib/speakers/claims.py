"""The published claims about speakers, and what this corpus says to each.

The published figures are levels of a spectrogram SNR under misaligned labels (see
`lib.speakers.misalignment`); ours are differences in the gain of speakers never heard before.

Verdicts: "cannot be tested here" where `lib.speakers.significance` has no test; "supported"
where the p-value after Holm is below 5 %, the sign is the claimed one and, where the claim says
"moderate", the standardised effect is at least medium after Cohen (d 0.5, r 0.3); else "not
supported", with the smallest effect that would have been found.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.speakers.effects import speaker_means
from lib.text import plain

__all__ = ["CLAIMS", "VERDICTS", "claims", "headline"]

VERDICTS = ("supported", "not supported", "cannot be tested here")
MEDIUM = {"Cohen's d": 0.5, "Pearson's r": 0.3, "eta squared": 0.06}


class Claim(NamedTuple):
    """One published statement and the attribute that it is about."""

    text: str
    attribute: str
    published: str  # its figures, in dB
    moderate: bool = False
    sign: int = 0  # of the claimed difference; 0: either


CLAIMS = (
    Claim(
        "1. Accent significantly affects the improvement",
        "accent",
        "0.18 (Madras) to 0.95 (German/Spanish)",
    ),
    Claim("1. Origin significantly affects the improvement", "continent", "a bar chart, no test"),
    Claim("2. Gender has a moderate influence", "gender", "male 0.53, female 0.47", moderate=True),
    Claim("2. Age has a moderate influence", "age", "a bar chart, no test", moderate=True),
    Claim(
        "3. Native speakers improve slightly less", "native speaker", "no 0.52, yes 0.43", sign=-1
    ),
)


def claims(results: pd.DataFrame) -> pd.DataFrame:
    """Return the verdict on each published claim, from what `lib.speakers.add_power` returned.

    Returns
    -------
    pd.DataFrame
        ``claim``, ``published``, ``compared``, ``estimate_db``, ``low_db``, ``high_db``,
        ``unit``, ``n_speakers``, ``p_holm``, ``detectable_db``, ``verdict``, ``why``.
    """
    by_attribute = results.set_index("attribute")
    columns = ["compared", "estimate_db", "low_db", "high_db", "unit"]
    columns += ["n_speakers", "p_holm", "detectable_db"]
    rows = []
    for claim in CLAIMS:
        test = by_attribute.loc[claim.attribute]
        verdict, why = _verdict(claim, test)
        row = {"claim": claim.text, "published": claim.published, **test[columns]}
        rows.append(row | {"verdict": verdict, "why": why})
    return pd.DataFrame(rows)


def _verdict(claim: Claim, test: pd.Series) -> tuple[str, str]:
    supported, not_supported, untestable = VERDICTS
    smallest = f"{test['detectable_db']:.2f} {test['unit']}"
    if not test["testable"]:
        why = test["why"]
        if np.isinf(test["detectable_db"]):
            why += " With so few speakers no difference, however large, would be found."
        elif np.isfinite(test["detectable_db"]):
            why += f" Tested all the same, it would be found from {smallest} on with 80 % power."
        return untestable, why
    if test["p_holm"] >= 0.05:
        why = "No more than chance gives."
        if np.isfinite(test["detectable_db"]):
            why += (
                f" A difference of {smallest} would have been found in four of five such corpora; "
                "smaller ones remain possible."
            )
        return not_supported, why
    if claim.sign and np.sign(test["estimate_db"]) != claim.sign:
        return not_supported, "More than chance, but in the other direction."
    size = f"{test['effect_name']} is {plain(test['effect'], '.2f')}"
    if claim.moderate and abs(test["effect"]) < MEDIUM[test["effect_name"]]:
        return not_supported, f"More than chance, but less than moderate: {size}."
    return supported, f"More than chance: {size}."


def headline(clips: pd.DataFrame, results: pd.DataFrame, verdicts: pd.DataFrame) -> dict:
    """Return the speaker figures of the abstract, as plain numbers and strings.

    Returns
    -------
    dict
        The keys below; ``claims_sentence`` reads well whatever the counts are.
    """
    means = speaker_means(clips)
    worst, best = means.iloc[0], means.iloc[-1]
    counts = [int((verdicts["verdict"] == verdict).sum()) for verdict in VERDICTS]
    return {
        "worst_speaker": str(worst["speaker"]),
        "worst_speaker_db": float(worst["estimate_db"]),
        "best_speaker": str(best["speaker"]),
        "best_speaker_db": float(best["estimate_db"]),
        "n_attributes_tested": int(results["testable"].sum()),
        "n_attributes_untestable": int((~results["testable"]).sum()),
        "claims_total": len(verdicts),
        "claims_supported": counts[0],
        "claims_not_supported": counts[1],
        "claims_untestable": counts[2],
        "claims_sentence": _sentence(*counts),
    }


def _sentence(supported: int, not_supported: int, untestable: int) -> str:
    """Word the three counts.

    Examples
    --------
    >>> _sentence(0, 0, 5)
    'None of the 5 published statements about speakers can be tested on this corpus.'
    """
    tested = supported + not_supported
    of_all = f"of the {tested + untestable} published statements about speakers"
    can = "can be tested on this corpus"
    if not tested:
        return f"None {of_all} {can}."
    if tested == 1:
        found = "it is" if supported else "it is not"
    else:
        found = {0: "none is", 1: "one is"}.get(supported, f"{supported} are")
    return f"O{of_all[1:]}, {tested} {can}; {found} supported."
