"""Synthetic voices, so no download: half a second of harmonics per clip, and clip stores."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from lib.clips.store import ClipStore, SuppliedStore
from lib.config import Config
from lib.corpora.manifest import measure_clip
from lib.signals.audio import fix_length
from lib.signals.noise import mix_at_snr, white_noise

RATE = 8000


def voice(seed: int, *, seconds: float = 0.4, rate: int = RATE) -> np.ndarray:
    """Return a gliding harmonic tone that swells and fades, -26 dBFS; all seeds differ."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * rng.uniform(100, 220) * t * (1 + rng.uniform(-0.15, 0.15) * t / seconds)
    y = sum(rng.uniform(0.2, 1) / k * np.sin(k * phase) for k in range(1, 12))
    y *= np.sin(np.pi * t / seconds)
    return 0.05 * y / np.sqrt(np.mean(y**2))


def noisy_voice(seed: int = 0, *, seconds: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Return a `voice`, and the same in white noise at -8 dB SNR."""
    clean = voice(seed, seconds=seconds)
    return clean, mix_at_snr(clean, white_noise(len(clean), np.random.default_rng(seed)), -8.0)


def spoken_word(seed: int, *, noise: float = 1e-4, seconds: float = 0.4) -> np.ndarray:
    """Return one second at `FILE_RATE`: a centred `voice` in white noise of RMS `noise`."""
    y = np.random.default_rng(seed).normal(0, noise, FILE_RATE)
    sound = voice(seed, seconds=seconds, rate=FILE_RATE)
    start = (len(y) - len(sound)) // 2
    y[start : start + len(sound)] += sound
    return y


def speak_words(folder: Path, *, people: int = 6, words=("yes", "no"), suffix: str = "wav") -> None:
    """Write one clip per word and speaker, in the layout of Speech Commands."""
    for i, word in enumerate(words):
        (folder / word).mkdir(parents=True, exist_ok=True)
        for number in range(people):
            path = folder / word / f"{number:08x}_nohash_0.{suffix}"
            soundfile.write(path, spoken_word(people * i + number), FILE_RATE, subtype="PCM_16")


def hum(hz: float, seconds: float = 0.4) -> np.ndarray:
    """Return ten harmonics that fall by 6 dB per octave."""
    t = np.arange(round(seconds * RATE)) / RATE
    return sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 11))


def configure(config: Config = Config(), **sections: dict) -> Config:
    """Change single settings: ``configure(training={"epochs": 2})``."""
    changed = {k: dataclasses.replace(getattr(config, k), **v) for k, v in sections.items()}
    return dataclasses.replace(config, **changed)


def supplied_store(config: Config, **of_whom: int) -> SuppliedStore:
    """Return a `voice_store` with supplied noisy files: white noise at 0 dB SNR."""
    config = configure(config, noise={"kind": "supplied"})
    store = voice_store(config, **of_whom)
    noisy = np.zeros_like(store.clips)
    for row, n in enumerate(store.index["samples"]):
        noise = white_noise(n, np.random.default_rng(row))
        noisy[row, :n] = mix_at_snr(store.clean(row), noise, 0.0)
    index = store.index.assign(noisy_sha256="")
    return SuppliedStore(store.clips, index, config, ClipStore(noisy, index, config))


def voice_store(
    config: Config, *, speakers: int = 4, digits: int = 2, repetitions: int = 1
) -> ClipStore:
    """Return a clip store in memory; clips last between 0.3 and 0.5 s."""
    index = pd.MultiIndex.from_product(
        [range(digits), [f"{i:02d}" for i in range(1, speakers + 1)], range(repetitions)],
        names=["digit", "speaker", "repetition"],
    ).to_frame(index=False)
    index["clip_id"] = index.astype(str).agg("_".join, axis=1)
    sounds = [voice(i, seconds=0.3 + 0.2 * (i % 7) / 7) for i in range(len(index))]
    clips = np.stack([fix_length(y, config.audio.clip_samples) for y in sounds])
    index["samples"] = [len(y) for y in sounds]
    return ClipStore(clips.astype(np.float32), index, config)


FILE_RATE = 16_000  # of the files written here; differs from the working sample rate
SNRS_DB = {"0_01_0": -9.0, "0_02_0": -3.0, "1_01_0": 5.0, "1_02_0": None, "1_03_0": -9.0}


def supply(folder: Path) -> None:
    """Write 16-bit clips and, unless their SNR is None, their noisy files; none is clipped."""
    for seed, (clip_id, snr_db) in enumerate(SNRS_DB.items()):
        clean = voice(seed, rate=FILE_RATE)
        soundfile.write(folder / f"{clip_id}.wav", clean, FILE_RATE)
        if snr_db is not None:
            noise = np.random.default_rng(seed).normal(size=len(clean))
            noise *= np.linalg.norm(clean) / np.linalg.norm(noise) * 10 ** (-snr_db / 20)
            soundfile.write(folder / f"{clip_id}_noisy.wav", clean + noise, FILE_RATE)


def measured(folder: Path) -> pd.DataFrame:
    """Return the manifest of the clips in `folder`, from last to first."""
    rows = []
    for path in sorted(folder.glob("?_??_?.wav"))[::-1]:
        digit, speaker, repetition = path.stem.split("_")
        noisy = path.with_stem(path.stem + "_noisy")
        noisy = noisy if noisy.exists() else None
        columns = {"clip_id": path.stem, "speaker": speaker, "digit": int(digit)}
        columns |= {"repetition": int(repetition), "path": path.name}
        columns |= {"noisy_path": noisy.name if noisy else None}
        rows.append(columns | measure_clip(path, noisy, Config().audio))
    return pd.DataFrame(rows)
