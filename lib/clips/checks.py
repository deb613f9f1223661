"""Checks of the stored clips for notebook 02: sample rates, levels and supplied noise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.clips.prepare import used_clips
from lib.clips.store import ClipStore
from lib.config import Config
from lib.corpora.manifest import usable
from lib.corpora.summary import measured_snr
from lib.metrics import snr
from lib.signals.audio import read_audio, remove_dc_and_rumble, resample
from lib.signals.noise import clip_rng, make_noise, mix_at_snr
from lib.text import plain

__all__ = ["band_limiting_gain", "describe_noise", "describe_supplied", "mixing_error_db"]


def band_limiting_gain(paths: list[str], config: Config) -> pd.DataFrame:
    """Return the rise in SNR from resampling alone, for noise mixed at each file's own rate.

    White noise extends to half the sample rate, speech does not: a low-pass filter alone "improves"
    the SNR.  One row per file: `sample_rate`, `improvement_db`.
    """
    audio, rows = config.audio, []
    for path in paths:
        y, rate = read_audio(path)
        clean = remove_dc_and_rumble(y, rate, audio.highpass_hz)
        rng = clip_rng(config.seed, str(path).rpartition("/")[2], "band limiting")
        noise = mix_at_snr(clean, make_noise("white", len(clean), rng), 0.0) - clean
        speech, rest = (resample(s, rate, audio.sample_rate) for s in (clean, noise))
        gain = 10 * np.log10(np.sum(speech**2) / np.sum(rest**2))
        rows.append({"sample_rate": rate, "improvement_db": gain})
    return pd.DataFrame(rows)


def mixing_error_db(store: ClipStore, rows: np.ndarray) -> float:
    """Return the largest deviation, in dB, of the mixed clips from the configured SNR."""
    wanted = store.config.noise.snr_db
    return max(abs(snr(store.clean(row), store.noisy(row)) - wanted) for row in rows)


def describe_noise(store: ClipStore, manifest: pd.DataFrame, speakers: pd.DataFrame) -> str:
    """Return a paragraph on the SNR of a store's noisy clips, mixed or supplied."""
    nominal = f"{plain(store.config.noise.snr_db, 'g')} dB"
    if not store.config.noise.supplied:
        rows = store.rows_of(speakers["speaker"], limit=10)
        error = plain(mixing_error_db(store, rows), ".0e")
        return (
            f"Over {len(rows):,} clips, up to ten of each speaker, the measured SNR deviates from "
            f"the specified {nominal} by at most {error} dB."
        )
    facts = describe_supplied(store, manifest, speakers)
    told = {k: plain(v, ".1f") if isinstance(v, float) else v for k, v in facts.items()}
    return (
        "The noisy clips of this run are the {n:,} supplied files as they are; {left_out:,} usable "
        "clips without a usable noisy file are left out. As files they have {file_mean} dB SNR on "
        "average ({file_low} to {file_high} dB); at the working rate, where they are denoised and "
        "scored, {mean} dB ({low} to {high} dB). Fresh noise for training is white, at the nominal "
        "{nominal}. Improvements are relative to each clip's own noisy file, so a deviation does "
        "not affect the comparison of methods. It does affect the comparison of groups: the "
        "noisiest digit, {digit}, starts {digit_below} dB below the mean, and the accent with the "
        "noisiest files ({accent}) {accent_below} dB."
    ).format(**told, nominal=nominal)


def describe_supplied(store: ClipStore, manifest: pd.DataFrame, speakers: pd.DataFrame) -> dict:
    """Return SNR statistics, in dB, of the supplied files of a store, for sentences.

    `n` and `left_out` count the usable clips with and without a noisy file; `file_mean`,
    `file_low`, `file_high` are measured on the files, `mean`, `low`, `high` at the working rate;
    `digit` and `accent` are the groups with the lowest mean at the working rate, `digit_below` and
    `accent_below` their distances below `mean`.
    """
    clips = used_clips(manifest, store.config)
    heard = [snr(store.clean(row), store.noisy(row)) for row in range(len(store))]
    heard = pd.Series(heard, index=store.index["clip_id"])
    facts = {"n": len(store), "left_out": len(usable(manifest)) - len(store)}
    for prefix, values in {"file_": clips["measured_snr_db"], "": heard}.items():
        spread = {"mean": values.mean(), "low": values.min(), "high": values.max()}
        facts |= {prefix + name: value for name, value in spread.items()}
    clips = clips.assign(measured_snr_db=clips["clip_id"].map(heard))
    for by in ("digit", "accent"):
        groups = measured_snr(clips, speakers, by).iloc[1:]
        lowest = groups.loc[groups["mean_db"].idxmin()]
        facts |= {by: lowest[by], f"{by}_below": facts["mean"] - lowest["mean_db"]}
    return facts
