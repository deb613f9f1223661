"""A small digit recogniser that asks whether denoised speech is easier to understand.

One network per fold, trained on the *clean* speech of the fold's training speakers; the
validation speakers choose the epoch, the test speakers are never heard.  It has no part in
making a denoiser, so it judges all of them alike.

What it sees, and how few speakers are made to sound like many, is in `lib.hearing`.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from keras import layers, ops

from lib.artifacts import Run
from lib.config import AudioConfig
from lib.errors import InputError
from lib.fitting import fit
from lib.hearing import BANDS, augmented, log_mel
from lib.networks import fingerprint, load_trained, train_once
from lib.noise import clip_rng
from lib.pairs import equal_batches, split_speakers
from lib.store import ClipStore

__all__ = [
    "build_recogniser",
    "HeardFrames",
    "RecognitionExamples",
    "train_recogniser",
    "train_recognisers",
    "Recogniser",
    "load_recogniser",
]

DIGITS = 10
VALIDATION_CLIPS = 500  # in all


@keras.saving.register_keras_serializable(package="denoising")
class HeardFrames(layers.Layer):
    """(values over time, `log_mel`) -> mean and maximum over the frames that hold sound.

    Shapes: (batch, frames / 2, channels) and (batch, frames, BANDS, 1) -> (batch, 2 channels).
    """

    def call(self, inputs):
        """Pool a batch."""
        x, features = inputs
        heard = ops.max(features, axis=2)  # (batch, frames, 1)
        heard = ops.max_pool(heard, 2, 2, padding="same") > 0
        x = ops.where(heard, x, 0.0)
        count = ops.maximum(ops.sum(ops.cast(heard, x.dtype), axis=1), 1.0)
        return ops.concatenate([ops.sum(x, axis=1) / count, ops.max(x, axis=1)], axis=-1)

    def compute_output_shape(self, shapes):
        """Twice the channels, no time axis."""
        return (shapes[0][0], 2 * shapes[0][-1])


def build_recogniser(audio: AudioConfig, *, width: int = 12) -> keras.Model:
    """Return the network: `log_mel` in, probabilities of the ten digits out.

    Four convolutions that halve the bands, one that listens along time, and the mean and the
    maximum over the frames that hold sound.
    """
    frames = log_mel(np.zeros(1), audio).shape[0]
    inputs = x = keras.Input((frames, BANDS, 1), name="log_mel")
    for channels, pool in zip((1, 2, 3, 4), ((1, 2), (2, 2), (1, 2), (1, 2))):
        x = layers.Conv2D(channels * width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D(pool, padding="same")(x)
    x = layers.Reshape((x.shape[1], -1))(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Conv1D(8 * width, 5, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(0.3)(HeardFrames(name="heard_frames")([x, inputs]))
    return keras.Model(inputs, layers.Dense(DIGITS, activation="softmax")(x), name="recogniser")


class RecognitionExamples:
    """Batches of (augmented clips, digits) for one epoch, shuffled.

    Parameters
    ----------
    rows : np.ndarray
        Rows of the store to learn from.
    epoch : int
        Decides the order of the clips and how each is changed.
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


def _stacked(clips, audio: AudioConfig) -> np.ndarray:
    """Features of clips [shape=(n, frames, BANDS, 1)]."""
    return np.stack([log_mel(y, audio) for y in clips])[..., None]


def _probabilities(model: keras.Model, features: np.ndarray, size: int = 64) -> np.ndarray:
    parts = [features[i : i + size] for i in range(0, len(features), size)]
    return np.concatenate([np.asarray(model.predict_on_batch(part)) for part in parts])


def train_recogniser(run: Run, store: ClipStore, folds: pd.DataFrame, fold: int) -> dict:
    """Train the recogniser of one fold, unless that was done already, and return its record.

    Leaves ``models/recogniser-fold<k>.keras`` and ``.json``, each whole or not at all.

    Returns
    -------
    dict
        ``history`` (list of epochs), ``fingerprint``, the speakers, and
        ``validation_accuracy`` on clean speech of the validation speakers.
    """
    training, validation, test = split_speakers(folds, fold)
    config, settings = store.config, store.config.recognition

    def train(checkpoints):
        rows = store.rows_of(training, limit=-(-settings.clips // len(training)))
        held = store.rows_of(validation, limit=-(-VALIDATION_CLIPS // len(validation)))
        inputs = _stacked(map(store.clean, held), config.audio)
        steps = len(RecognitionExamples(store, rows, epoch=0)) * settings.epochs
        schedule = keras.optimizers.schedules.CosineDecay(
            settings.learning_rate / 20,
            max(1, steps - steps // 10),
            alpha=0.01,
            warmup_target=settings.learning_rate,
            warmup_steps=max(1, steps // 10),
        )
        keras.utils.set_random_seed(config.seed)
        model = build_recogniser(config.audio)
        model.compile(
            keras.optimizers.AdamW(schedule, weight_decay=1e-3, clipnorm=5.0),
            keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        )
        model, history = fit(
            model,
            lambda epoch: RecognitionExamples(store, rows, epoch=epoch),
            (inputs, _one_hot(store, held)),
            epochs=settings.epochs,
            patience=settings.epochs,
            checkpoints=checkpoints,
            title=f"recogniser, fold {fold + 1} of {folds['fold'].max() + 1}",
        )
        heard = _probabilities(model, inputs).argmax(axis=1)
        accuracy = float(np.mean(heard == store.index["digit"].to_numpy()[held]))
        return model, {"history": history, "validation_accuracy": accuracy}

    return train_once(
        run,
        f"recogniser-fold{fold}",
        fingerprint(
            store,
            ["recogniser", (training, validation)],
            settings=["seed", "audio", "recognition"],
            sources=["audio", "noise", "hearing", "store", "pairs", "fitting", "recognition"],
        ),
        train,
        {
            "method": "recogniser",
            "fold": fold,
            "training_speakers": training,
            "validation_speakers": validation,
            "test_speakers": test,
        },
    )


def train_recognisers(run: Run, store: ClipStore, folds: pd.DataFrame) -> pd.DataFrame:
    """Train the recogniser of every fold.

    Returns
    -------
    pd.DataFrame
        One row per fold: `fold`, `validation_accuracy`, `epochs`, `seconds`.
    """
    rows = []
    for fold in sorted(folds["fold"].unique()):
        record = train_recogniser(run, store, folds, int(fold))
        keras.backend.clear_session()
        rows.append(
            {
                "fold": int(fold),
                "validation_accuracy": record["validation_accuracy"],
                "epochs": len(record["history"]),
                "seconds": sum(epoch["seconds"] for epoch in record["history"]),
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Recogniser:
    """A trained network that reads digits from waveforms at the working rate."""

    model: keras.Model
    audio: AudioConfig

    def probabilities(self, clips: list[np.ndarray]) -> np.ndarray:
        """Probability of each digit [shape=(n, 10)] for clips of any length up to a window.

        Raises
        ------
        InputError
            A clip is longer than the window of the clip store.
        """
        longest = max((len(y) for y in clips), default=0)
        if longest > self.audio.clip_samples:
            raise InputError(
                f"A clip has at most {self.audio.clip_samples} samples, got {longest}; the "
                "recogniser reads single words."
            )
        if not clips:
            return np.empty((0, DIGITS), np.float32)
        return _probabilities(self.model, _stacked(clips, self.audio))

    def digits(self, clips: list[np.ndarray]) -> np.ndarray:
        """The most probable digit of each clip [shape=(n,), dtype=int64]."""
        return self.probabilities(clips).argmax(axis=1)


def load_recogniser(run: Run, fold: int) -> Recogniser:
    """Load the recogniser that never heard the test speakers of `fold`.

    Raises
    ------
    MissingArtifactError
        It is not there, or was trained for other folds than the present ones.
    """
    model, _ = load_trained(run, f"recogniser-fold{fold}", fold)
    return Recogniser(model, run.config.audio)
