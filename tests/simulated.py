"""Simulated score tables: speakers with the attribute counts of Audio MNIST, known effects.

Attributes are assigned independently of each other; counts are those of the real metadata after
cleaning: 60 speakers, 48 male and 12 female, 41 German and 15 other accents, 57 non-native, 19 in
one room and 35 in another.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

OTHER_ACCENTS = ["Chinese"] * 3 + ["Spanish"] * 2 + ["Italian"] * 2
OTHER_ACCENTS += [f"accent {letter}" for letter in "ABCDEFGHIJKL"]
OTHER_COUNTRIES = ["Spain", "India", "China"] * 3 + ["Syria", "Italy"] * 2
OTHER_COUNTRIES += [f"country {letter}" for letter in "ABCDEFG"]
COUNTS = {
    "gender": ["male"] * 48 + ["female"] * 12,
    "accent": ["German"] * 41 + OTHER_ACCENTS,
    "native_speaker": ["no"] * 57 + ["yes"] * 3,
    "continent": ["Europe"] * 48 + ["Asia"] * 9 + ["Africa"] * 2 + ["South America"],
    "country": ["Germany"] * 40 + OTHER_COUNTRIES,
    "recording_room": ["vr-room"] * 35 + ["Kino"] * 19 + ["Ruheraum"] * 3 + ["library"] * 3,
}


def people(rng: np.random.Generator, *, n: int = 60) -> pd.DataFrame:
    """Return the first `n` of 60 speakers with randomly assigned attributes, one age missing."""
    table = pd.DataFrame({"speaker": [f"{i:02d}" for i in range(1, 61)]})
    for column, levels in COUNTS.items():
        table[column] = rng.permutation(np.array(levels, dtype=object))
    table["age"] = rng.choice([22.0, 24.0, 25.0, 26.0, 26.0, 28.0, 31.0, 36.0], 60)
    table.loc[44, "age"] = np.nan
    return table.head(n)


def clips(
    rng: np.random.Generator,
    who: pd.DataFrame,
    *,
    repetitions: int = 2,
    between_db: float = 1.0,
    within_db: float = 1.0,
    digit_db: float = 0.0,
) -> pd.DataFrame:
    """Return scores of one method: gains around 10 dB that vary by speaker, digit and clip."""
    index = pd.MultiIndex.from_product(
        [who["speaker"], range(10), range(repetitions)], names=["speaker", "digit", "repetition"]
    )
    table = index.to_frame(index=False)
    of_speaker = dict(zip(who["speaker"], rng.normal(10, between_db, len(who)), strict=True))
    table["si_sdr_improvement_db"] = (
        table["speaker"].map(of_speaker)
        + digit_db * (table["digit"] - 4.5)
        + rng.normal(0, within_db, len(table))
    )
    digit, repetition = table["digit"].astype(str), table["repetition"].astype(str)
    table["clip_id"] = digit + "_" + table["speaker"] + "_" + repetition
    return table.assign(method="ours", noise="white", input_snr_db=-8.0)
