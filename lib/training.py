"""Fit one model on one fold, and come back after an interruption.

Every fold and kind of model leaves two files under ``models/``: the network (``.keras``) and
a record (``.json``) with its history and a *fingerprint* of everything it depends on: the
settings, the clips, the speakers it learned from and the source code of the floors below.  A
fold whose fingerprint still holds is not trained again.

Within a fold, each epoch ends in a checkpoint folder that holds the network with its
optimiser, the best network so far and the history.  An interrupted run goes on after the last
whole epoch and ends with the same weights as an undisturbed one, because the examples of an
epoch depend on its number only.

Early stopping (best weights restored) and the reduction of the learning rate on a plateau are
functions of the history, which is what lets them survive an interruption.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import ops

from lib.artifacts import Run, atomic_path, write_json
from lib.audio import fix_length
from lib.errors import InputError, MissingArtifactError
from lib.features import (
    REFERENCE_RATE,
    ReferenceScale,
    absolute_magnitude,
    reference_features,
    reference_waveform,
    relative_magnitude,
)
from lib.models import MODELS, build_ours, build_reference
from lib.pairs import TrainingPairs, equal_batches, split_speakers, validation_pairs
from lib.store import ClipStore

__all__ = ["negative_snr", "train_fold", "train_all", "load_denoiser", "model_name"]

PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.5, 3  # as published
REFERENCE_BATCH = 8
VALIDATION_CLIPS = 100  # per speaker, for our model
VALIDATION_SPECTROGRAMS = 16  # in all, for the reference, whose full forward pass is slow


@keras.saving.register_keras_serializable(package="denoising")
def negative_snr(clean, estimate):
    """Negative SNR in dB of each waveform, saturating at 30 dB; the loss of our model.

    Unlike SI-SDR it also asks for the right level.
    """
    speech = ops.sum(ops.square(clean), axis=-1) + 1e-8
    error = ops.sum(ops.square(clean - estimate), axis=-1) + 1e-8
    return -10 * ops.log10(speech / (error + 1e-3 * speech))


def model_name(method: str, fold: int) -> str:
    """File stem of a method's network in one fold, e.g. ``ours-fold0``."""
    return f"{method.replace(' ', '-')}-fold{fold}"


def learning_rate_on_plateau(base: float, losses: list[float]) -> float:
    """`base`, halved each time the loss has not improved for three epochs."""
    best, waited, rate = np.inf, 0, base
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == PLATEAU_PATIENCE:
            rate, waited = rate * PLATEAU_FACTOR, 0
    return rate


def epochs_since_best(losses: list[float]) -> int:
    """Epochs that have passed since the lowest loss."""
    return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def _load(path: Path) -> keras.Model:
    return keras.saving.load_model(path, safe_mode=True)


def _newest_checkpoint(folder: Path) -> Path | None:
    return max(folder.glob("epoch[0-9]*"), default=None) if folder.is_dir() else None


def _save_checkpoint(folder: Path, model, history: list[dict], best: Path | None) -> Path:
    """Write one epoch's checkpoint under a temporary name, then let it replace the last."""
    epoch = folder / f"epoch{len(history):04d}"
    part = folder / f"part{len(history):04d}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    model.save(part / "last.keras")
    if epochs_since_best([h["validation_loss"] for h in history]) == 0 or best is None:
        model.save(part / "best.keras")
    else:
        shutil.copyfile(best / "best.keras", part / "best.keras")
    write_json(part / "history.json", history)
    part.rename(epoch)
    for old in folder.iterdir():
        if old != epoch:
            shutil.rmtree(old)
    return epoch


def fit(
    model: keras.Model,
    batches,
    validation: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    patience: int,
    checkpoints: Path,
    plateau_rate: float | None = None,
    title: str = "",
) -> tuple[keras.Model, list[dict]]:
    """Train a compiled model epoch by epoch and return its best state and its history.

    Parameters
    ----------
    batches : callable
        ``batches(epoch)`` returns the data of that epoch.
    validation : (inputs, targets)
        Data on which the best epoch is chosen; never the test speakers'.
    checkpoints : Path
        Folder of the checkpoint; a run that was interrupted is taken up from there.
    plateau_rate : float, optional
        First learning rate, halved on a plateau; None leaves the optimiser's own schedule.
    """
    history: list[dict] = []
    checkpoint = _newest_checkpoint(checkpoints)
    if checkpoint:
        history = json.loads((checkpoint / "history.json").read_text(encoding="utf-8"))
        model = _load(checkpoint / "last.keras")
        print(f"{title}: resumed after epoch {len(history)}", file=sys.stderr, flush=True)
    for epoch in range(len(history), epochs):
        losses = [h["validation_loss"] for h in history]
        if epochs_since_best(losses) >= patience:
            break
        if plateau_rate:
            model.optimizer.learning_rate = learning_rate_on_plateau(plateau_rate, losses)
        start = time.perf_counter()
        loss = model.fit(batches(epoch), verbose=0).history["loss"][0]
        validation_loss = model.evaluate(*validation, batch_size=32, verbose=0)
        history.append(
            {
                "epoch": epoch + 1,
                "loss": float(loss),
                "validation_loss": float(validation_loss),
                "learning_rate": float(ops.convert_to_numpy(model.optimizer.learning_rate)),
                "seconds": time.perf_counter() - start,
            }
        )
        print(
            f"{title}: epoch {epoch + 1}/{epochs}, loss {loss:.3f}, validation "
            f"{validation_loss:.3f}, {history[-1]['seconds']:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        checkpoint = _save_checkpoint(checkpoints, model, history, checkpoint)
    return _load(checkpoint / "best.keras"), history


def _fit_ours(store, training, validation, seed, checkpoints, title):
    settings = store.config.training
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
    model = build_ours(store.config.audio)
    model.compile(keras.optimizers.Adam(schedule, clipnorm=5.0), negative_snr)
    model, history = fit(
        model,
        lambda epoch: TrainingPairs(store, rows, epoch=epoch),
        validation_pairs(store, store.rows_of(validation, limit=VALIDATION_CLIPS)),
        epochs=settings.epochs,
        patience=settings.patience,
        checkpoints=checkpoints,
        title=title,
    )
    return model, history, {}


class ReferenceCrops(keras.utils.PyDataset):
    """Batches of spectrogram crops for one epoch of the reference model.

    A full spectrogram costs 9 GMAC forwards, so each clip gives `crops` crops of `bins`
    neighbouring frequencies per epoch, at random places below `top`, the highest bin that the
    working rate fills.
    """

    def __init__(self, noisy, target, *, bins: int, crops: int, top: int, rng):
        super().__init__(workers=1, use_multiprocessing=False)
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
    return model, history, asdict(scale)


def _fingerprint(store: ClipStore, method: str, speakers: tuple[list[str], list[str]]) -> str:
    """Hash of everything a trained fold depends on."""
    here = Path(__file__).parent
    sources = ["noise", "features", "store", "pairs", "models", "training"]
    config = store.config.to_dict()
    settings = [config[part] for part in ("seed", "audio", "noise", "training")]
    digest = hashlib.sha256(json.dumps([method, speakers, settings]).encode())
    for name in sources:
        digest.update((here / f"{name}.py").read_bytes())
    digest.update(pd.util.hash_pandas_object(store.index).to_numpy().tobytes())
    for start in range(0, len(store), 1000):  # piecewise: the store may exceed memory
        digest.update(np.ascontiguousarray(store.clips[start : start + 1000]).data)
    return digest.hexdigest()


def train_fold(run: Run, store: ClipStore, folds: pd.DataFrame, method: str, fold: int) -> dict:
    """Train `method` on one fold, unless that was done already, and return its record.

    Leaves ``models/<method>-fold<k>.keras`` and ``.json``, each whole or not at all.

    Returns
    -------
    dict
        ``history`` (list of epochs), ``scale`` (reference only), ``fingerprint``, speakers.
    """
    if method not in MODELS:
        raise InputError(f"Unknown model {method!r}; choose one of {', '.join(MODELS)}.")
    training, validation, test = split_speakers(folds, fold)
    name = model_name(method, fold)
    network, record = run.path(f"models/{name}.keras"), run.path(f"models/{name}.json")
    fingerprint = _fingerprint(store, method, (training, validation))
    if network.is_file() and record.is_file():
        known = json.loads(record.read_text(encoding="utf-8"))
        if known["fingerprint"] == fingerprint:
            return known
    checkpoints = run.path(f"checkpoints/{name}-{fingerprint[:12]}")
    title = f"{method}, fold {fold + 1} of {folds['fold'].max() + 1}"
    arguments = (store, training, validation, store.config.seed, checkpoints, title)
    if method == "ours":
        model, history, scale = _fit_ours(*arguments)
    else:
        repaired = method == "reference repaired"
        model, history, scale = _fit_reference(*arguments, repaired=repaired)
    with atomic_path(network) as part:
        model.save(part)
    result = {
        "method": method,
        "fold": fold,
        "fingerprint": fingerprint,
        "training_speakers": training,
        "validation_speakers": validation,
        "test_speakers": test,
        "history": history,
        "scale": scale,
    }
    write_json(record, result)
    shutil.rmtree(checkpoints)
    return result


def train_all(run: Run, store: ClipStore, folds: pd.DataFrame) -> pd.DataFrame:
    """Train every model on every fold; return the histories as one table.

    Returns
    -------
    pd.DataFrame
        One row per model, fold and epoch: losses, learning rate, seconds, whether the epoch's
        weights were kept.
    """
    rows = []
    for fold in sorted(folds["fold"].unique()):
        for method in MODELS:
            record = train_fold(run, store, folds, method, int(fold))
            keras.backend.clear_session()
            best = int(np.argmin([h["validation_loss"] for h in record["history"]]))
            for i, epoch in enumerate(record["history"]):
                rows.append({"model": method, "fold": int(fold), **epoch, "kept": i == best})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Denoiser:
    """A trained network as a function of a waveform: ``denoise(noisy, sample_rate)``.

    Attributes
    ----------
    model : keras.Model
    sample_rate, clip_samples : int
        Working rate in Hz and window in samples.
    scale : ReferenceScale or None
        For the reference model, which works on magnitude spectrograms.
    repaired : bool
        Which target the reference was trained on.
    """

    model: keras.Model
    sample_rate: int
    clip_samples: int
    scale: ReferenceScale | None = None
    repaired: bool = False

    def spectrogram(self, noisy: np.ndarray) -> np.ndarray:
        """Estimate of the clean magnitudes by the reference network [shape=(1024, 44, 1)]."""
        features = reference_features(noisy, self.sample_rate)
        if self.repaired:
            output = self._run(relative_magnitude(features, features)[None])[0]
            return absolute_magnitude(output, features)
        return self.scale.undo_z_score(self._run(self.scale.inputs(features)[None])[0])

    def _run(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.predict_on_batch(batch.astype(np.float32)))

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Denoise one clip [shape=(n,)]; the result has the same length and rate."""
        if sample_rate != self.sample_rate:
            raise InputError(f"This denoiser works at {self.sample_rate} Hz, got {sample_rate} Hz.")
        if len(noisy) > self.clip_samples:
            raise InputError(
                f"A clip has at most {self.clip_samples} samples, got {len(noisy)}; longer "
                "recordings go through lib.denoise."
            )
        if self.scale is not None:
            return reference_waveform(self.spectrogram(noisy), noisy, sample_rate)
        return self._run(fix_length(noisy, self.clip_samples)[None])[0, : len(noisy)]


def load_denoiser(run: Run, method: str, fold: int) -> Denoiser:
    """Load the network of `method` that never heard the test speakers of `fold`."""
    name = model_name(method, fold)
    network, record = run.path(f"models/{name}.keras"), run.path(f"models/{name}.json")
    if not network.is_file() or not record.is_file():
        raise MissingArtifactError(
            f"{network.name} is not in {network.parent}: run 03_model_training.ipynb first, or "
            f"all with `make report CORPUS={run.corpus} PROFILE={run.config.profile}`."
        )
    scale = json.loads(record.read_text(encoding="utf-8"))["scale"]
    return Denoiser(
        _load(network),
        run.config.audio.sample_rate,
        run.config.audio.clip_samples,
        ReferenceScale(**scale) if scale else None,
        repaired=method == "reference repaired",
    )
