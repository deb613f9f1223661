"""Noisy and clean training examples, generated afresh in every epoch.

Their random streams depend only on the root seed, the clip and the epoch.
"""

from __future__ import annotations

import numpy as np

from lib.clips.store import ClipStore
from lib.config import Config
from lib.signals.audio import fix_length
from lib.signals.noise import clip_rng, coloured_noise, make_noise, mix_at_snr

__all__ = ["training_example", "equalised_example", "equal_batches", "TrainingPairs"]


def training_example(
    clean: np.ndarray, samples: int, rng: np.random.Generator, config: Config
) -> tuple[np.ndarray, np.ndarray]:
    """Make a noisy example and its target [both shape=(samples,), dtype=float32] from a clean clip.

    The clip is played at a random speed (which shifts pitch and formants, as another speaker
    would), cropped at a random position and mixed with fresh noise: mostly of the configured kind
    and SNR, sometimes of another colour at another SNR, so that the network learns what to leave
    alone.  Both are scaled so that the noisy one has an RMS of 0.1, and zero-padded to `samples`.
    """
    settings = config.training
    speed = rng.uniform(1 - settings.speed_spread, 1 + settings.speed_spread)
    positions = np.arange(0, len(clean) - 1, speed)
    clean = np.interp(positions, np.arange(len(clean)), clean)
    energy = np.sum(clean**2)
    start = rng.integers(max(len(clean) - samples, 0) + 1)
    clean = clean[start : start + samples]
    if len(clean) < 2 or np.sum(clean**2) <= 1e-8 * energy:  # a crop may fall into silence
        return np.zeros(samples, np.float32), np.zeros(samples, np.float32)
    if rng.uniform() < settings.varied_share:
        noise = coloured_noise(len(clean), rng, exponent=rng.uniform(0, 1))
        snr_db = rng.uniform(settings.varied_snr_low_db, settings.varied_snr_high_db)
    else:
        noise, snr_db = make_noise(config.noise.kind, len(clean), rng), config.noise.snr_db
    noisy = mix_at_snr(clean, noise, snr_db)
    scale = 0.1 / np.sqrt(np.mean(noisy**2))
    noisy, clean = (fix_length(scale * y, samples).astype(np.float32) for y in (noisy, clean))
    return noisy, clean


def equalised_example(
    clean: np.ndarray,
    samples: int,
    rng: np.random.Generator,
    config: Config,
    *,
    range_db: float = 6.0,
    points: int = 6,
) -> tuple[np.ndarray, np.ndarray]:
    """Make an example as `training_example` does, from a clip filtered by a random equaliser.

    The gains are up to `range_db` either way at equally spaced frequencies and interpolated in dB
    between them, as if the clip had been recorded with another microphone in another room.
    """
    spectrum = np.fft.rfft(clean, 2 * len(clean))  # zero-padded, so that nothing wraps around
    gains_db = rng.uniform(-range_db, range_db, points)
    places = np.linspace(0, points - 1, len(spectrum))
    gain_db = np.interp(places, np.arange(points), gains_db)
    filtered = np.fft.irfft(spectrum * 10 ** (gain_db / 20))[: len(clean)]
    return training_example(filtered, samples, rng, config)


def equal_batches(order: np.ndarray, size: int) -> np.ndarray:
    """Split `order` into equal batches [shape=(batches, size, ...)], dropping any remainder."""
    size = min(size, len(order))  # equal shapes avoid a second compilation
    return order[: len(order) // size * size].reshape(-1, size, *order.shape[1:])


class TrainingPairs:
    """Batches of (noisy, clean) waveforms from the given `rows` of the store, for one epoch.

    The `epoch` determines the order of the clips and their noise; `example` makes one example, as
    `training_example` does.
    """

    def __init__(self, store: ClipStore, rows: np.ndarray, *, epoch: int, example=training_example):
        self.store, self.epoch, self.example = store, epoch, example
        self.config = store.config
        order = np.random.default_rng([self.config.seed, epoch]).permutation(rows)
        self.batches = equal_batches(order, self.config.training.batch_size)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        samples = round(self.config.training.crop_s * self.config.audio.sample_rate)
        pairs = []
        for row in self.batches[batch]:
            clip_id = self.store.index["clip_id"].iat[row]
            rng = clip_rng(self.config.seed, clip_id, f"training epoch {self.epoch}")
            pairs.append(self.example(self.store.clean(row), samples, rng, self.config))
        noisy, clean = zip(*pairs)
        return np.stack(noisy), np.stack(clean)
