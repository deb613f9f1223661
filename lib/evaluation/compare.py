"""Comparison of methods from the score table alone: means, intervals, headline numbers.

Keras is not imported, so that the speaker analysis starts quickly.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.methods import look_up
from lib.metrics import METRICS
from lib.statistics.intervals import by_group
from lib.text import plain
from lib.training.shipped import pretraining
from lib.workspace.folder import Run

__all__ = [
    "compare",
    "undefined",
    "leads",
    "effect_of_training",
    "condition",
    "headline",
    "confusion",
    "words_changed",
]

COMPARED = ["snr_db", "si_sdr_db", "snr_improvement_db", "si_sdr_improvement_db", "estoi",
            "log_spectral_distance_db", "spectrogram_snr_db", "accuracy", "pesq"]  # fmt: skip


def compare(scores: pd.DataFrame, *, rng: np.random.Generator, draws: int) -> pd.DataFrame:
    """Return mean and interval of each score per method, best SI-SDR last, oracles at the end.

    `accuracy` is the share of clips whose `recognised` digit is the one spoken.

    Returns
    -------
    pd.DataFrame
        One row per method: for each score `<score>`, `<score>_low`, `<score>_high` (means over
        the clips that have it, missing if none does); the median `milliseconds`; `oracle`.
    """
    if "recognised" in scores:
        scores = scores.assign(accuracy=scores["recognised"] == scores["digit"])
    table = scores.groupby("method")[["milliseconds"]].median()
    for value in [value for value in dict.fromkeys([*COMPARED, *METRICS]) if value in scores]:
        means = by_group(scores, "method", value, rng=rng, draws=draws).set_index("method")
        for column, part in {"": "estimate", "_low": "low", "_high": "high"}.items():
            table[value + column] = means[part]
    table["oracle"] = [look_up(name).oracle for name in table.index]
    return table.sort_values(["oracle", "si_sdr_db"]).reset_index()


def undefined(scores: pd.DataFrame) -> pd.DataFrame:
    """Count the clips for which a metric is undefined.

    The method "silence" is left out, since hardly any metric is defined for it.

    Returns
    -------
    pd.DataFrame
        One row per metric with a missing value: `metric`; `clips`, the number for which it
        is missing for at least one method; `ours`, that for our model; `of`, that of all clips.
    """
    heard, rows = scores[scores["method"] != "silence"], []
    for metric in [metric for metric in METRICS if metric in scores]:
        missing = heard[heard[metric].isna()]
        ours = missing.loc[missing["method"] == "ours", "clip_id"].nunique()
        rows.append((metric, missing["clip_id"].nunique(), ours, scores["clip_id"].nunique()))
    table = pd.DataFrame(rows, columns=["metric", "clips", "ours", "of"])
    return table[table["clips"] > 0].reset_index(drop=True)


def leads(
    scores: pd.DataFrame, value: str, *, rng: np.random.Generator, draws: int
) -> pd.DataFrame:
    """Return the paired difference between ours and each non-oracle method, smallest first.

    Returns
    -------
    pd.DataFrame
        One row per method: the mean difference `lead` with `lead_low` and `lead_high` over
        speakers, and `better`, the share of clips on which ours is better; over the clips for
        which both have a value.
    """
    ours = scores[scores["method"] == "ours"].set_index("clip_id")[value]
    rivals = [name for name in scores["method"].unique() if not look_up(name).oracle]
    others = scores[scores["method"].isin(rivals) & (scores["method"] != "ours")]
    others = others.assign(lead=others["clip_id"].map(ours) - others[value])
    others["better"] = (others["lead"] > 0).where(others["lead"].notna())
    table = by_group(others, "method", "lead", rng=rng, draws=draws)
    table["better"] = table["method"].map(others.groupby("method")["better"].mean())
    names = {"estimate": "lead", "low": "lead_low", "high": "lead_high"}
    return table.rename(columns=names).sort_values("lead", ignore_index=True)


def effect_of_training(leads: pd.DataFrame) -> str:
    """Describe the effect of fine-tuning and of pretraining on the same network.

    `leads` is the table that the function of that name returns for SI-SDR, in dB.
    """
    told = {
        "general network": "the general network without fine-tuning",
        "ours from scratch": "the same network without pretraining",
    }
    rows = leads.set_index("method")
    parts = [
        f"by {plain(row.lead, '+.2f')} dB (95 % CI {plain(row.lead_low, '+.2f')} to "
        f"{plain(row.lead_high, '+.2f')}) relative to {name}"
        for method, name in told.items()
        for row in rows[rows.index == method].itertuples()
    ]
    if not parts:
        return ""
    return f"The SI-SDR of our model differs {' and '.join(parts)}."


def condition(scores: pd.DataFrame) -> dict:
    """Return the noise condition of the scored clips.

    Returns
    -------
    dict
        `noise`, its kind; `input_snr_db`, the mean SNR of the noisy clips, to two decimals; and
        `level`, "exactly" if all clips have that SNR, otherwise "on average".
    """
    noisy = scores[scores["method"] == "noisy"]
    same = np.ptp(noisy["snr_db"]) < 0.01
    return {
        "noise": noisy["noise"].iat[0],
        "input_snr_db": round(float(noisy["snr_db"].mean()), 2) + 0.0,  # never -0.0
        "level": "exactly" if same else "on average",
    }


def headline(scores: pd.DataFrame, run: Run) -> dict:
    """Return the numbers of the abstract as a flat, JSON-serialisable dictionary.

    Scores are means over clips with intervals over speakers; the keys are documented by their use
    in ``notebooks/abstract.md``.
    """
    statistics, rng = run.config.statistics, np.random.default_rng(run.config.seed)
    table = compare(scores, rng=rng, draws=statistics.bootstrap_draws).set_index("method")
    facts = {
        "n_clips": int(scores["clip_id"].nunique()),
        "n_speakers": int(scores["speaker"].nunique()),
        "n_folds": int(scores["fold"].nunique()),
        "sample_rate": run.config.audio.sample_rate,
        "profile": run.config.profile,
        "pretraining": pretraining(run.config.audio),
    } | condition(scores)
    ours = [name for name in table.index if name == "ours" or look_up(name).variant]
    peers = table[~table["oracle"]].drop(index=ours)
    best = peers["si_sdr_improvement_db"].idxmax()
    wanted = {
        "ours": "ours",
        "irm": "ideal ratio mask",
        "best_peer": best,
        "published": "reference as published",
        "repaired": "reference repaired",
        "general": "general network",
        "scratch": "ours from scratch",
        "noisy": "noisy",
    }
    for key, method in wanted.items():
        if method not in table.index:
            continue
        scored = table.columns.drop("oracle")
        facts |= {f"{key}_{column}": float(table.at[method, column]) for column in scored}
    return facts | {"best_peer": best}


def confusion(heard: pd.DataFrame, method: str) -> np.ndarray:
    """Count clips by digit spoken and digit recognised [shape=(digits, digits), dtype=int].

    Parameters
    ----------
    heard : pd.DataFrame
        Columns method, digit, recognised.
    """
    table = heard[heard["method"] == method]
    size = 1 + int(heard[["digit", "recognised"]].max().max())
    counts = np.zeros((size, size), int)
    np.add.at(counts, (table["digit"], table["recognised"]), 1)
    return counts


def words_changed(heard: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """Count the words that a method repairs and breaks: one row per digit spoken.

    Returns
    -------
    pd.DataFrame
        digit; `clips`; `repaired`: misrecognised `before`, correct `after`; `broken`: the
        reverse; `kept`: correct both times; `lost`: misrecognised both times.
    """
    heard = heard.assign(right=heard["recognised"] == heard["digit"])
    right = heard.pivot(index=["digit", "clip_id"], columns="method", values="right")
    old, new = right[before].astype(bool), right[after].astype(bool)
    changes = {"repaired": ~old & new, "broken": old & ~new, "kept": old & new, "lost": ~old & ~new}
    counts = pd.DataFrame(changes).groupby("digit").sum()
    return counts.assign(clips=counts.sum(axis=1)).reset_index()
