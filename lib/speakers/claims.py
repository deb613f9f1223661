"""The published claims about speakers, and the verdict of this corpus on each.

The published figures are levels of a spectrogram SNR under misaligned labels: the reference
shuffled its test items but kept their labels in the old order.  Here the same mistake is made on
purpose with our own scores, and the published spreads are compared with those expected by chance.

Verdicts: "not testable" where `lib.speakers.significance` has no test; "supported" where the
Holm-corrected p-value is below 5 %, the sign is the claimed one and, where the claim says
"moderate", the standardised effect is at least medium by Cohen's convention (d 0.5, r 0.3);
otherwise "not supported", with the minimum detectable effect where not significant.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.speakers.effects import speaker_means
from lib.text import plain

__all__ = ["VERDICTS", "claims", "headline", "published_spreads", "shuffled_spreads"]

VERDICTS = ("supported", "not supported", "not testable")
MEDIUM = {"Cohen's d": 0.5, "Pearson's r": 0.3, "eta squared": 0.06}


# Published lowest and highest mean in dB, and number of speakers per level in Audio MNIST (digits:
# equal shares).  The smaller accents share 20 speakers.
PUBLISHED = {
    "digit": (0.40, 0.71, [1] * 10),
    "speaker": (0.09, 0.95, [1] * 60),
    "accent": (0.18, 0.95, [40, 3, 2, 2] + [1] * 13),
    "gender": (0.47, 0.53, [48, 12]),
    "native speaker": (0.43, 0.52, [57, 3]),
}


class Claim(NamedTuple):
    """One published statement and the attribute it is about."""

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
    """Return the verdict on each published claim, given the output of `lib.speakers.add_power`.

    Columns: ``claim``, ``published``, ``compared``, ``estimate_db``, ``low_db``, ``high_db``,
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
            why += " With so few speakers, no difference would be detected, however large."
        elif np.isfinite(test["detectable_db"]):
            why += f" The MDE would be {smallest}."
        return untestable, why
    p = f"p = {test['p_holm']:.2g} after Holm's correction"
    if test["p_holm"] >= 0.05:
        mde = f"; MDE {smallest}" if np.isfinite(test["detectable_db"]) else ""
        return not_supported, f"Not significant ({p}{mde})."
    if claim.sign and np.sign(test["estimate_db"]) != claim.sign:
        return not_supported, f"Significant ({p}), but in the opposite direction."
    size = f"{test['effect_name']} is {plain(test['effect'], '.2f')}"
    if claim.moderate and abs(test["effect"]) < MEDIUM[test["effect_name"]]:
        return not_supported, f"Significant ({p}), but less than moderate: {size}."
    return supported, f"Significant ({p}); {size}."


def headline(clips: pd.DataFrame, results: pd.DataFrame, verdicts: pd.DataFrame) -> dict:
    """Return the speaker figures of the abstract, as plain numbers and strings."""
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
    """Return the three counts as a sentence.

    Examples
    --------
    >>> _sentence(0, 0, 5)
    'None of the 5 published claims about speaker groups is testable on this corpus.'
    """
    tested = supported + not_supported
    of_all = f"of the {tested + untestable} published claims about speaker groups"
    if not tested:
        return f"None {of_all} is testable on this corpus."
    can = f"{tested} {'is' if tested == 1 else 'are'} testable on this corpus"
    if tested == 1:
        found = "it is" if supported else "it is not"
    else:
        found = {0: "none is", 1: "one is"}.get(supported, f"{supported} are")
    return f"O{of_all[1:]}, {can}; {found} supported."


def _spread(permuted: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the range of the means of consecutive groups of these sizes, along the last axis."""
    starts = np.cumsum(sizes) - sizes
    return np.ptp(np.add.reduceat(permuted, starts, axis=-1) / sizes, axis=-1)


def _chance(spreads: np.ndarray) -> dict:
    names = ("chance_low_db", "chance_db", "chance_high_db")
    return dict(zip(names, np.quantile(spreads, [0.025, 0.5, 0.975])))


def shuffled_spreads(clips: pd.DataFrame, *, rng: np.random.Generator, draws: int) -> pd.DataFrame:
    """Return the spread of group means with true labels, and with labels shuffled over clips.

    Columns: ``label``, ``groups``, ``n_clips``, ``true_db`` (highest minus lowest mean),
    ``misaligned_db`` (the same with the reference's mistake: clips shuffled once, all labels in the
    old order), and the median and central 95 % over many shuffles: ``chance_db``,
    ``chance_low_db``, ``chance_high_db``.  Labels with fewer than two levels have no row.
    """
    improvements, groups = clips["improvement_db"].to_numpy(), {}
    for label in PUBLISHED:
        codes, levels = pd.factorize(clips[label.replace(" ", "_")], sort=True)
        if len(levels) > 1:
            order = np.argsort(codes, kind="stable")[np.sum(codes < 0) :]  # -1: missing
            groups[label] = order, np.bincount(codes[order])
    spreads = np.empty((draws, len(groups)))
    for row in spreads:
        wrong = rng.permutation(improvements)
        row[:] = [_spread(wrong[order], sizes) for order, sizes in groups.values()]
    rows = [
        {"label": label, "groups": len(sizes), "n_clips": len(order)}
        | {"true_db": _spread(improvements[order], sizes), "misaligned_db": chance[0]}
        | _chance(chance)
        for (label, (order, sizes)), chance in zip(groups.items(), spreads.T)
    ]
    columns = ["label", "groups", "n_clips", "true_db", "misaligned_db", *_chance(np.zeros(1))]
    return pd.DataFrame(rows, columns=columns)


def published_spreads(*, rng: np.random.Generator, draws: int) -> pd.DataFrame:
    """Return the published spread of each label and the spread expected by chance.

    Under shuffled labels, a group mean varies around the overall mean in proportion to
    1/sqrt(clips in the group).  The shares of the groups are known, so a single number, the
    standard error of the overall mean, has to explain all spreads; it is fitted here (least squares
    of the logarithms).

    Columns: ``label``, ``groups``, ``published_db``, ``chance_db``, ``chance_low_db``,
    ``chance_high_db``, ``within_chance``.
    """
    unit = {}
    for label, (_, _, speakers) in PUBLISHED.items():
        shares = np.array(speakers) / sum(speakers)
        unit[label] = np.ptp(rng.normal(size=(draws, len(shares))) / np.sqrt(shares), axis=1)
    published = {label: highest - lowest for label, (lowest, highest, _) in PUBLISHED.items()}
    ratios = [published[label] / np.median(unit[label]) for label in unit]
    error = np.exp(np.mean(np.log(ratios)))
    rows = [
        {"label": label, "groups": len(PUBLISHED[label][2]), "published_db": published[label]}
        | _chance(error * unit[label])
        for label in unit
    ]
    table = pd.DataFrame(rows)
    table["within_chance"] = table["published_db"].between(
        table["chance_low_db"], table["chance_high_db"]
    )
    return table
