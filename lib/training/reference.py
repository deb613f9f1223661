"""How the published autoencoder is trained: on spectrogram crops, with one of its two targets."""

from __future__ import annotations

import functools
from dataclasses import asdict

import keras
import numpy as np

from lib.clips.examples import equal_batches
from lib.clips.store import ClipStore
from lib.config import AudioConfig, Config
from lib.models.published import (
    REFERENCE_SHAPE,
    ReferenceDenoiser,
    RelativeMagnitude,
    ZScore,
    build_reference,
    filled_bins,
    reference_features,
)
from lib.training.recipe import Budget, Lessons

__all__ = [
    "ReferenceCrops",
    "budget",
    "build",
    "denoiser",
    "lessons",
    "loss",
    "one_second",
    "optimiser",
]

BATCH = 8
VALIDATION_CLIPS = 60  # in total


def build(audio: AudioConfig) -> keras.Model:
    """Return the network with a variable frequency axis, for crops and whole spectrograms."""
    return build_reference((None, *REFERENCE_SHAPE[1:]))


class ReferenceCrops:
    """Batches of spectrogram crops for one epoch of the reference model.

    A forward pass over a full spectrogram costs 9 GMAC, so each clip yields `crops` crops of `bins`
    adjacent frequency bins per epoch, at random positions below `top`, the number of bins that the
    working rate fills.
    """

    def __init__(self, noisy, target, *, bins: int, crops: int, top: int, rng):
        self.noisy, self.target, self.bins = noisy, target, bins
        places = rng.integers(max(1, top - bins + 1), size=len(noisy) * crops)
        clips = np.tile(np.arange(len(noisy)), crops)
        order = rng.permutation(len(clips))
        self.batches = equal_batches(np.stack([clips, places], axis=1)[order], BATCH)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, batch: int):
        cuts = [(clip, slice(place, place + self.bins)) for clip, place in self.batches[batch]]
        return tuple(np.stack([S[cut] for cut in cuts]) for S in (self.noisy, self.target))


@functools.lru_cache(maxsize=2)  # both variants of a fold share the features
def _features(store: ClipStore, rows: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the noisy and clean features of clips, each [shape=(clips, 1024, 44, 1)]."""
    rate = store.config.audio.sample_rate
    noisy = np.stack([reference_features(store.noisy(row), rate) for row in rows])
    return noisy, np.stack([reference_features(store.clean(row), rate) for row in rows])


def lessons(
    store: ClipStore,
    training: list[str],
    validation: list[str],
    *,
    scale: type[ZScore | RelativeMagnitude],
) -> Lessons:
    """Return crops of spectrograms: random for the training speakers, fixed for validation.

    Parameters
    ----------
    scale : type
        How magnitudes are mapped to inputs and targets.
    """
    settings, rate, seed = store.config.training, store.config.audio.sample_rate, store.config.seed
    noisy, clean = _features(store, tuple(store.rows_of(training, about=settings.reference_clips)))
    held = _features(store, tuple(store.rows_of(validation, about=VALIDATION_CLIPS)))
    fitted = scale.fit(noisy, clean)
    inputs, targets = fitted.inputs(noisy), fitted.targets(clean, noisy)
    cut = functools.partial(
        ReferenceCrops,
        bins=settings.reference_crop_bins,
        crops=settings.reference_crops,
        top=filled_bins(rate),
    )

    def batches(epoch: int) -> ReferenceCrops:
        return cut(inputs, targets, rng=np.random.default_rng([seed, epoch]))

    unheard = fitted.inputs(held[0]), fitted.targets(held[1], held[0])
    fixed = cut(*unheard, rng=np.random.default_rng(seed))
    parts = zip(*(fixed[batch] for batch in range(len(fixed))))
    held_inputs, held_targets = (np.concatenate(part) for part in parts)
    facts = {"scale": asdict(fitted)}
    return Lessons(batches, (held_inputs, held_targets), clips=len(noisy), facts=facts)


def loss(config: Config) -> keras.Loss:
    """Return the mean squared error, as published."""
    return keras.losses.MeanSquaredError()


def optimiser(config: Config) -> keras.Optimizer:
    """Return Adam; its learning rate is reduced when the validation loss plateaus."""
    return keras.optimizers.Adam(config.training.reference_learning_rate)


def budget(config: Config) -> Budget:
    """Return the configured budget, with the published reduction of the rate on a plateau."""
    settings = config.training
    return Budget(
        settings.reference_epochs, settings.reference_patience, settings.reference_learning_rate
    )


def one_second(audio: AudioConfig) -> tuple[int, ...]:
    """Return the shape of an input: a spectrogram always covers one second."""
    return REFERENCE_SHAPE


def denoiser(
    network: keras.Model, record: dict, *, scale: type[ZScore | RelativeMagnitude]
) -> ReferenceDenoiser:
    """Return the network as a denoiser."""
    return ReferenceDenoiser(network, record["audio"]["sample_rate"], scale(**record["scale"]))
