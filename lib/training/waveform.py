"""How networks from waveforms to waveforms are trained: ours, Conv-TasNet, ablation variants."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np

from lib.clips.examples import TrainingPairs, training_example
from lib.clips.store import ClipStore
from lib.config import AudioConfig, Config
from lib.models.conv_tasnet import ClipDenoiser
from lib.models.mask import WindowDenoiser
from lib.signals.audio import fix_length
from lib.training.losses import DenoisingLoss
from lib.training.recipe import Budget, Lessons, cosine

__all__ = ["alone", "budget", "in_windows", "lessons", "loss", "one_second",
           "optimiser", "rate"]  # fmt: skip

VALIDATION_CLIPS = 60  # in total


def lessons(
    store: ClipStore,
    training: list[str],
    validation: list[str],
    *,
    example: Callable = training_example,
) -> Lessons:
    """Return noisy/clean pairs: examples of training speakers, whole clips of validation speakers.

    Parameters
    ----------
    example : callable
        Makes a training example, as `training_example` does.
    """
    rows = store.rows_of(training, limit=store.config.training.max_clips_per_speaker)
    held = store.rows_of(validation, about=VALIDATION_CLIPS)
    batches = functools.partial(TrainingPairs, store, rows, example=example)
    samples = store.config.audio.clip_samples
    noisy = np.stack([fix_length(store.noisy(row), samples) for row in held]).astype(np.float32)
    return Lessons(batches, (noisy, store.clips[held]), clips=len(rows))


def loss(config: Config) -> DenoisingLoss:
    """Return the loss: waveform error and correlation of band envelopes."""
    return DenoisingLoss(config.audio.sample_rate, config.training.envelope_weight)


def optimiser(config: Config, *, section: str) -> keras.Optimizer:
    """Return Adam with gradient clipping."""
    return keras.optimizers.Adam(getattr(config, section).learning_rate, clipnorm=5.0)


def rate(config: Config, steps: int, *, section: str) -> Callable:
    """Return a schedule: warm-up over a twentieth of the steps, then cosine decay."""
    warm_up = max(1, steps // 20)
    return cosine(getattr(config, section).learning_rate, steps, warm_up=warm_up, last=0.02)


def budget(config: Config, *, section: str) -> Budget:
    """Return the budget given by a section of the configuration."""
    settings = getattr(config, section)
    return Budget(settings.epochs, settings.patience)


def one_second(audio: AudioConfig) -> tuple[int, ...]:
    """Return the shape of an input: samples at the working rate."""
    return (audio.sample_rate,)


def in_windows(network: keras.Model, record: dict) -> WindowDenoiser:
    """Return the network as a denoiser that zero-pads each clip to a full window."""
    return WindowDenoiser(network, AudioConfig(**record["audio"]))


def alone(network: keras.Model, record: dict) -> ClipDenoiser:
    """Return the network as a denoiser that processes each clip without padding."""
    return ClipDenoiser(network, AudioConfig(**record["audio"]))
