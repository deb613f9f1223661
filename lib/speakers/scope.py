"""Which analyses the clips and speakers of a corpus support.

This is decided before any score is seen, from the manifest (`lib.corpora.manifest`) and the cleaned
speakers (`lib.corpora.metadata`).
"""

from __future__ import annotations

import pandas as pd

from lib.config import Config
from lib.corpora.manifest import usable
from lib.corpora.summary import span
from lib.signals.noise import FEWEST_TALKERS
from lib.speakers.attributes import ATTRIBUTES, group_speakers

__all__ = ["support"]

ENOUGH_SPEECH_S = 300  # rule of thumb: with less, a network overfits


def support(
    manifest: pd.DataFrame, speakers: pd.DataFrame, config: Config, fewest_clips: int
) -> pd.DataFrame:
    """Return which analyses a corpus supports; `fewest_clips` is the size of the smallest fold.

    Columns: question, needed, found, answer ("yes" or "no"); only speakers with usable clips count.
    """
    clips = usable(manifest)
    heard = speakers[speakers["speaker"].isin(clips["speaker"])]
    fewest = config.statistics.min_speakers_per_level
    cells = clips.groupby(["speaker", "digit"]).size()
    pairs = clips["speaker"].nunique() * clips["digit"].nunique()
    per_digit = clips.groupby("digit")["speaker"].nunique()
    seconds, ages = clips["duration_s"].sum(), heard["age"].dropna()
    rows = [
        (
            "training a denoiser",
            f"{ENOUGH_SPEECH_S / 60:.0f} min of speech",
            f"{seconds / 60:.1f} min",
            seconds >= ENOUGH_SPEECH_S,
        ),
        (
            "babble noise",
            f"{FEWEST_TALKERS} clips in each fold",
            f"at least {fewest_clips}",
            fewest_clips >= FEWEST_TALKERS,
        ),
        (
            "differences between digits",
            f"{fewest} speakers for each digit",
            span(per_digit),
            per_digit.min() >= fewest,
        ),
        (
            "separating speaker and digit",
            "every digit by every speaker",
            f"{len(cells)} of {pairs} pairs",
            len(cells) == pairs,
        ),
        (
            "variance within a speaker",
            "2 clips of each speaker and digit",
            span(cells),
            cells.min() >= 2,
        ),
        (
            "a trend with age",
            f"{2 * fewest} speakers of known age",
            f"{len(ages)}",
            len(ages) >= 2 * fewest and ages.nunique() > 1,
        ),
    ]
    for name, attribute in ATTRIBUTES.items():
        if attribute.rule == "trend":
            continue
        levels = heard.set_index("speaker")[attribute.column].dropna()
        grouping = group_speakers(levels, attribute, fewest)
        found = grouping.compared or (f"only {grouping.baseline}" if len(levels) else "not given")
        needed = f"2 groups of {fewest} speakers"
        rows.append((f"differences by {name}", needed, found, not grouping.why))
    table = pd.DataFrame(rows, columns=["question", "needed", "found", "answer"])
    table["answer"] = table["answer"].map({True: "yes", False: "no"})
    return table
