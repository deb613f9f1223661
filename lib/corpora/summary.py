"""Tables that describe a corpus, from its manifest and its cleaned speaker metadata.

Levels in dB, durations in seconds, shares between 0 and 1 (or in %, where labelled so).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.config import Config, NoiseConfig
from lib.corpora import published
from lib.corpora.base import Corpus, printable
from lib.corpora.manifest import content_hash, excluded, usable
from lib.signals.audio import MEAN

__all__ = [
    "corrections",
    "describe_corpus",
    "distributions",
    "examples",
    "measured_snr",
    "set_aside",
    "snr_facts",
    "span",
]

ALIKE_DB = 3.0  # standard deviation; twice the noise power makes a different task


def describe_corpus(corpus: Corpus, manifest: pd.DataFrame) -> dict:
    """Return plain facts about the corpus as read, ready for JSON and for the title page."""
    clips = usable(manifest)
    cells = clips.groupby(["speaker", "digit"]).size()
    described = set(corpus.raw_metadata())
    readable = manifest[manifest["sha256"] != ""]
    facts = ("name", "title", "note", "licence", "url", "redistributable", "synthetic")
    return {name: getattr(corpus, name) for name in facts} | {
        "root": str(corpus.root),
        "n_clips": len(clips),
        "n_speakers": int(clips["speaker"].nunique()),
        "n_digits": int(clips["digit"].nunique()),
        "repetitions": span(cells),
        "n_empty_cells": int(clips["speaker"].nunique() * clips["digit"].nunique() - len(cells)),
        "n_pairs": int(clips["measured_snr_db"].notna().sum()),
        "n_excluded": len(excluded(manifest)),
        "n_ignored_files": len(corpus.ignored),
        "found_in": _where(corpus.places),
        "n_useless_counterparts": int((clips["kind"] != "").sum()),
        "n_duplicates": int(clips["sha256"].duplicated().sum()),
        "n_described_speakers": len(described),
        "n_speakers_without_metadata": len(set(clips["speaker"]) - described),
        "n_speakers_without_clips": len(described - set(clips["speaker"])),
        "minutes": round(float(clips["duration_s"].sum()) / 60, 2),
        "sample_rates_hz": ", ".join(f"{rate:,}" for rate in sorted(clips["sample_rate"].unique())),
        "content_sha256": content_hash(manifest),
        "published": published.sentence(published.compare(readable))
        if corpus.name == "audiomnist"
        else "",
    }


def _where(places: tuple[str, ...]) -> str:
    """Describe where the clips lie below the folder that was read; "" if directly in it."""
    if places == (".",):
        return ""
    shown = ", ".join(printable(place)[:80] for place in places[:5])
    if len(places) == 1:
        return f"The clips are in {shown}, below the folder that was read."
    more = ", ..." if len(places) > 5 else ""
    return f"The clips are in {len(places)} places, which are used together: {shown}{more}."


def span(counts: pd.Series) -> str:
    """Return the smallest and largest count as text: "5", or "1 to 50"."""
    low, high = counts.min(), counts.max()
    return f"{low}" if low == high else f"{low} to {high}"


def set_aside(corpus: Corpus, manifest: pd.DataFrame) -> pd.DataFrame:
    """Return the unused files by kind of fault: count and example; most frequent first."""
    bad, clips = excluded(manifest), usable(manifest)
    useless = clips[clips["kind"] != ""]
    rows = [(path, kind) for path, kind, _ in corpus.ignored]
    rows += zip(bad["path"], bad["kind"])
    rows += zip(useless["path"], "its noisy counterpart: " + useless["kind"])
    table = pd.DataFrame(rows, columns=["path", "reason"])
    table = table.groupby("reason").agg(files=("path", "size"), example=("path", "min"))
    return table.sort_values("files", ascending=False, kind="stable").reset_index()


def corrections(manifest: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return what is done to usable clips to process them at the working rate, with counts."""
    clips, sound = usable(manifest), config.audio
    mixed, corrected = clips["channel"] == MEAN, clips["correction_kind"] != ""
    long = f"longer than {sound.clip_s:g} s"
    other_rate = f"sample rate other than {sound.sample_rate:,} Hz"
    rows = [
        ("several channels", mixed & (clips["channels"] > 1), "their mean is used"),
        ("channels that cancel or are silent", ~mixed, "the loudest one is used"),
        ("header with a wrong length", corrected, "the samples present are used"),
        (other_rate, clips["sample_rate"] != sound.sample_rate, "resampled"),
        (long, clips["duration_s"] > sound.clip_s, "the window with the most energy is used"),
        ("offset", clips["dc_share"] >= 0.01, "removed"),  # of the energy
        (f"rumble below {sound.highpass_hz:g} Hz", clips["rumble_share"] >= 0.01, "removed"),
        ("samples at full scale", clips["clipped_share"] > 0, "used as they are"),
    ]
    table = pd.DataFrame(rows, columns=["found", "clips", "done"])
    return table.assign(clips=[int(mask.sum()) for _, mask, _ in rows])


def distributions(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return minimum, 5 %, median, 95 % and maximum of each measure over the usable clips."""
    measures = {
        "duration (s)": "duration_s",
        "level (dBFS)": "rms_dbfs",
        "peak (of full scale)": "peak",
        "noise floor (dB re the clip)": "noise_floor_db",
        "offset (% of the energy)": "dc_share",
        "rumble (% of the energy)": "rumble_share",
        "clipped (% of the samples)": "clipped_share",
    }
    clips = usable(manifest)
    rows = []
    for name, column in measures.items():
        values = clips[column] * (100 if "%" in name else 1)
        quantiles = np.nanquantile(values, [0, 0.05, 0.5, 0.95, 1], method="nearest")
        rows.append((name, *quantiles.round(4)))
    columns = ["measure", "minimum", "5 %", "median", "95 %", "maximum"]
    return pd.DataFrame(rows, columns=columns)


def measured_snr(manifest: pd.DataFrame, speakers: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the SNR of the supplied pairs by "digit" or a column of `speakers`, overall first.

    Clips without a pair and exact copies (infinite SNR) are left out.
    """
    pairs = usable(manifest).merge(speakers, on="speaker", how="left")
    pairs = pairs[np.isfinite(pairs["measured_snr_db"])]
    pairs[by] = pairs[by].fillna("not given").astype(str)
    spans = {
        "n_speakers": ("speaker", "nunique"),
        "n_pairs": ("clip_id", "size"),
        "mean_db": ("measured_snr_db", "mean"),
        "min_db": ("measured_snr_db", "min"),
        "max_db": ("measured_snr_db", "max"),
    }
    everything = pairs.assign(**{by: "all"})
    tables = [part.groupby(by).agg(**spans).reset_index() for part in (everything, pairs)]
    return pd.concat(tables, ignore_index=True)


def snr_facts(manifest: pd.DataFrame, noise: NoiseConfig) -> dict:
    """Return the measured SNR of all supplied pairs and the nominal one, for a sentence."""
    pairs = usable(manifest)["measured_snr_db"]
    pairs = pairs[np.isfinite(pairs)]
    near = int((abs(pairs - noise.snr_db) <= 1).sum())
    if near >= 0.9 * len(pairs):
        follows = "The files agree with their nominal SNR."
    else:
        follows = (
            "A mean over these pairs mixes easy tasks with impossible ones and reflects the levels "
            "of the recordings more than a denoiser. "
            if pairs.std(ddof=0) > ALIKE_DB
            else "The files have similar SNRs, but not the nominal one. "
        )
        follows += (
            "This run nevertheless uses them as they are; only comparisons on the same clips are "
            "fair."
            if noise.supplied
            else "The models here are trained and evaluated on newly mixed noise, at exactly the "
            "stated SNR for every clip."
        )
    return {
        "n": len(pairs),
        "mean": pairs.mean(),
        "low": pairs.min(),
        "high": pairs.max(),
        "spread": pairs.std(),
        "off": pairs.mean() - noise.snr_db,
        "near": near,
        "nominal": noise.snr_db,
        "follows": follows,
    }


def examples(manifest: pd.DataFrame, n: int = 4) -> pd.DataFrame:
    """Return clips to listen to: the most frequent digit by `n` evenly spaced speakers."""
    clips = usable(manifest)
    digit = clips["digit"].value_counts(sort=True).sort_index(kind="stable").idxmax()
    firsts = clips[clips["digit"] == digit].groupby("speaker").head(1)
    if len(firsts) < min(n, clips["speaker"].nunique()):
        firsts = clips.groupby("speaker").head(1)  # of whatever digit
    rows = np.unique(np.linspace(0, len(firsts) - 1, n).round().astype(int))
    return firsts.iloc[rows]
