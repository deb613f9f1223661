"""Train every model on every fold, once.

Every fold and kind of model leaves a network and a record of it (`lib.networks`).  A fold that
was trained with the same settings, clips, speakers and code is not trained again; one that was
interrupted is taken up after its last whole epoch (`lib.fitting`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import asdict

import keras
import numpy as np
import pandas as pd

from lib.artifacts import Run
from lib.errors import InputError
from lib.features import (
    REFERENCE_RATE,
    ReferenceScale,
    reference_features,
    relative_magnitude,
)
from lib.fitting import fit
from lib.losses import DenoisingLoss
from lib.models import MODELS, PUBLISHED, build_ours, build_reference
from lib.networks import fingerprint, train_once
from lib.pairs import (
    TrainingPairs,
    equal_batches,
    split_speakers,
    training_example,
    validation_pairs,
)
from lib.store import ClipStore

__all__ = ["fit_waveform", "train_fold", "train_all", "model_name"]

REFERENCE_BATCH = 8
VALIDATION_CLIPS = 100  # per speaker, for our model
VALIDATION_SPECTROGRAMS = 16  # in all, for the reference, whose full forward pass is slow
WAVEFORM = {"ours": build_ours} | PUBLISHED  # trained alike
REFERENCES = ("reference as published", "reference repaired")
SETTINGS = ["seed", "audio", "noise", "training"]
SOURCES = ["audio", "noise", "features", "store", "pairs", "models", "losses", "fitting",
           "training"]  # fmt: skip


def model_name(method: str, fold: int) -> str:
    """File stem of a method's network in one fold, e.g. ``ours-fold0``."""
    return f"{method.replace(' ', '-')}-fold{fold}"


def fit_waveform(
    build, store, training, validation, seed, checkpoints, title, *, loss=None,
    example=training_example,
):  # fmt: skip
    """Fit a network that maps waveforms to waveforms; return its best state and its history.

    Parameters
    ----------
    build : callable
        ``build(audio)`` returns the network.
    training, validation : list of str
        Speakers.
    loss : keras.losses.Loss, optional
        Another than `DenoisingLoss`.
    example : callable
        Makes a training example, as `lib.pairs.training_example` does.
    """
    settings, rate = store.config.training, store.config.audio.sample_rate
    rows = store.rows_of(training, limit=settings.max_clips_per_speaker)
    steps = len(TrainingPairs(store, rows, epoch=0)) * settings.epochs
    warm_up = max(1, steps // 20)
    schedule = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 20,
        max(1, steps - warm_up),
        alpha=0.02,
        warmup_target=settings.learning_rate,
        warmup_steps=warm_up,
    )
    keras.utils.set_random_seed(seed)
    model = build(store.config.audio)
    loss = loss or DenoisingLoss(rate, settings.envelope_weight)
    model.compile(keras.optimizers.Adam(schedule, clipnorm=5.0), loss)
    model, history = fit(
        model,
        lambda epoch: TrainingPairs(store, rows, epoch=epoch, example=example),
        validation_pairs(store, store.rows_of(validation, limit=VALIDATION_CLIPS)),
        epochs=settings.epochs,
        patience=settings.patience,
        checkpoints=checkpoints,
        title=title,
    )
    return model, history


class ReferenceCrops:
    """Batches of spectrogram crops for one epoch of the reference model.

    A full spectrogram costs 9 GMAC forwards, so each clip gives `crops` crops of `bins`
    neighbouring frequencies per epoch, at random places below `top`, the highest bin that the
    working rate fills.
    """

    def __init__(self, noisy, target, *, bins: int, crops: int, top: int, rng):
        self.noisy, self.target, self.bins = noisy, target, bins
        places = rng.integers(max(1, top - bins + 1), size=len(noisy) * crops)
        clips = np.tile(np.arange(len(noisy)), crops)
        order = rng.permutation(len(clips))
        self.batches = equal_batches(np.stack([clips, places], axis=1)[order], REFERENCE_BATCH)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, batch: int):
        cuts = [(clip, slice(place, place + self.bins)) for clip, place in self.batches[batch]]
        return tuple(np.stack([S[cut] for cut in cuts]) for S in (self.noisy, self.target))


@functools.lru_cache(maxsize=2)  # both variants of a fold learn from the same features
def reference_pairs(store: ClipStore, rows: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Noisy and clean reference features of clips, each [shape=(clips, 1024, 44, 1)]."""
    rate = store.config.audio.sample_rate
    noisy = np.stack([reference_features(store.noisy(row), rate) for row in rows])
    return noisy, np.stack([reference_features(store.clean(row), rate) for row in rows])


def _fit_reference(store, training, validation, seed, checkpoints, title, *, repaired):
    settings, rate = store.config.training, store.config.audio.sample_rate
    per_speaker = -(-settings.reference_clips // len(training))
    noisy, clean = reference_pairs(store, tuple(store.rows_of(training, limit=per_speaker)))
    scale = ReferenceScale.fit(noisy, clean)
    limit = -(-VALIDATION_SPECTROGRAMS // len(validation))
    held = reference_pairs(store, tuple(store.rows_of(validation, limit=limit)))

    def scaled(noisy, clean):
        if repaired:
            return relative_magnitude(noisy, noisy), relative_magnitude(clean, noisy)
        return scale.inputs(noisy), scale.z_score(clean)

    inputs, targets = scaled(noisy, clean)
    keras.utils.set_random_seed(seed)
    model = build_reference((None, *inputs.shape[2:]))
    model.compile(keras.optimizers.Adam(settings.reference_learning_rate), "mse")
    model, history = fit(
        model,
        lambda epoch: ReferenceCrops(
            inputs,
            targets,
            bins=settings.reference_crop_bins,
            crops=settings.reference_crops,
            top=min(inputs.shape[1], int(inputs.shape[1] * rate / REFERENCE_RATE)),
            rng=np.random.default_rng([seed, epoch]),
        ),
        scaled(*held),
        epochs=settings.reference_epochs,
        patience=settings.patience,
        checkpoints=checkpoints,
        plateau_rate=settings.reference_learning_rate,
        title=title,
    )
    return model, history, scale


def _require_known(methods: Iterable[str]) -> None:
    """Raise InputError unless it is said of each method how it is built and trained."""
    for method in methods:
        if method not in MODELS | PUBLISHED:
            known = ", ".join(MODELS | PUBLISHED)
            raise InputError(f"Unknown model {method!r}; choose one of {known}.")
        if method not in WAVEFORM and method not in REFERENCES:
            raise InputError(
                f"{method!r} stands in MODELS of lib/models.py, but not in WAVEFORM of "
                "lib/training.py, so that nobody knows how to train it; enter it there, too."
            )


def train_fold(run: Run, store: ClipStore, folds: pd.DataFrame, method: str, fold: int) -> dict:
    """Train `method` on one fold, unless that was done already, and return its record.

    Leaves ``models/<method>-fold<k>.keras`` and ``.json``, each whole or not at all.

    Returns
    -------
    dict
        ``history`` (list of epochs), ``scale`` (reference only), ``audio``, ``fingerprint``,
        speakers.
    """
    _require_known([method])
    training, validation, test = split_speakers(folds, fold)
    store = store.for_training()

    def train(checkpoints):
        title = f"{method}, fold {fold + 1} of {folds['fold'].max() + 1}"
        arguments = (store, training, validation, store.config.seed, checkpoints, title)
        if method in WAVEFORM:
            model, history = fit_waveform(WAVEFORM[method], *arguments)
            return model, {"history": history, "scale": {}}
        repaired = method == "reference repaired"
        model, history, scale = _fit_reference(*arguments, repaired=repaired)
        return model, {"history": history, "scale": asdict(scale)}

    facts = {
        "method": method,
        "fold": fold,
        "training_speakers": training,
        "validation_speakers": validation,
        "test_speakers": test,
        "audio": asdict(store.config.audio),
    }
    key = fingerprint(store, [method, training, validation], settings=SETTINGS, sources=SOURCES)
    return train_once(run, model_name(method, fold), key, train, facts)


def train_all(
    run: Run, store: ClipStore, folds: pd.DataFrame, methods: Iterable[str] = MODELS
) -> pd.DataFrame:
    """Train the models of the report, or other `methods`, on every fold; return the histories.

    Returns
    -------
    pd.DataFrame
        One row per model, fold and epoch: losses, learning rate, seconds, whether the epoch's
        weights were kept.

    Raises
    ------
    InputError
        It is not said of a method how it is trained; nothing is trained then.
    """
    _require_known(methods)
    rows = []
    for fold in sorted(folds["fold"].unique()):
        for method in methods:
            record = train_fold(run, store, folds, method, int(fold))
            keras.backend.clear_session()
            best = int(np.argmin([h["validation_loss"] for h in record["history"]]))
            for i, epoch in enumerate(record["history"]):
                rows.append({"model": method, "fold": int(fold), **epoch, "kept": i == best})
    return pd.DataFrame(rows)
