"""How the digit recogniser is trained: on the *clean* speech of the training speakers.

The epoch is selected on the validation speakers; the test speakers remain unseen.  The recogniser
plays no part in training a denoiser, so it judges all of them alike.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np

from lib.clips.examples import equal_batches
from lib.clips.store import ClipStore
from lib.config import AudioConfig, Config
from lib.models.recogniser import DIGITS, Recogniser, augmented, log_mel, probabilities, stacked
from lib.signals.noise import clip_rng
from lib.training.recipe import Budget, Lessons, cosine

__all__ = [
    "RecognitionExamples",
    "accuracy",
    "budget",
    "lessons",
    "listener",
    "loss",
    "one_second",
    "optimiser",
]

VALIDATION_CLIPS = 500  # in total


class RecognitionExamples:
    """Shuffled batches of (augmented clips, digits) for one epoch.

    Parameters
    ----------
    rows : np.ndarray
        Rows of the store to train on.
    epoch : int
        Determines the order of the clips and how each is augmented.
    """

    def __init__(self, store: ClipStore, rows: np.ndarray, *, epoch: int):
        self.store, self.epoch = store, epoch
        order = np.random.default_rng([store.config.seed, epoch]).permutation(rows)
        self.batches = equal_batches(order, store.config.recognition.batch_size)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        config, rows = self.store.config, self.batches[batch]
        ids = self.store.index["clip_id"].iloc[rows]
        rngs = [clip_rng(config.seed, clip_id, f"recognition {self.epoch}") for clip_id in ids]
        features = [
            augmented(self.store.clean(row), config.audio, rng) for row, rng in zip(rows, rngs)
        ]
        return np.stack(features)[..., None], _one_hot(self.store, rows)


def _one_hot(store: ClipStore, rows: np.ndarray) -> np.ndarray:
    return np.eye(DIGITS, dtype=np.float32)[store.index["digit"].to_numpy()[rows]]


def lessons(store: ClipStore, training: list[str], validation: list[str]) -> Lessons:
    """Return clean clips: augmented for the training speakers, as they are for validation."""
    config = store.config
    rows = store.rows_of(training, about=config.recognition.clips)
    held = store.rows_of(validation, about=VALIDATION_CLIPS)
    inputs = stacked(map(store.clean, held), config.audio)
    batches = functools.partial(RecognitionExamples, store, rows)
    return Lessons(batches, (inputs, _one_hot(store, held)), clips=len(rows))


def loss(config: Config) -> keras.Loss:
    """Return the cross-entropy with label smoothing."""
    return keras.losses.CategoricalCrossentropy(label_smoothing=0.1)


def optimiser(config: Config) -> keras.Optimizer:
    """Return Adam with weight decay and gradient clipping."""
    rate = config.recognition.learning_rate
    return keras.optimizers.AdamW(rate, weight_decay=1e-3, clipnorm=5.0)


def rate(config: Config, steps: int) -> Callable:
    """Return a schedule: warm-up over a tenth of the steps, then cosine decay."""
    return cosine(config.recognition.learning_rate, steps, warm_up=steps // 10, last=0.01)


def budget(config: Config) -> Budget:
    """Return the configured epochs, without early stopping."""
    return Budget(config.recognition.epochs, patience=config.recognition.epochs)


def accuracy(network: keras.Model, lessons: Lessons) -> dict:
    """Return ``validation_accuracy``, the accuracy on the validation speakers' clean digits."""
    inputs, targets = lessons.validation
    heard = probabilities(network, inputs).argmax(axis=1)
    return {"validation_accuracy": float(np.mean(heard == targets.argmax(axis=1)))}


def one_second(audio: AudioConfig) -> tuple[int, ...]:
    """Return the shape of an input: a spectrogram always covers one window."""
    return (*log_mel(np.zeros(1), audio).shape, 1)


def listener(network: keras.Model, record: dict) -> Recogniser:
    """Return the network as a recogniser of waveforms."""
    return Recogniser(network, AudioConfig(**record["audio"]))
