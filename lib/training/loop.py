"""Train one network by its recipe, and resume after an interruption.

Each epoch ends with a checkpoint folder that holds the state of network and optimiser, the best
weights so far and the history.  An interrupted run resumes after the last complete epoch and ends
with the same weights as an uninterrupted one, provided that the data of an epoch depend only on
its number.

Early stopping (best weights restored) and the reduction of the learning rate on a plateau are
functions of the history, so they survive an interruption.
"""

from __future__ import annotations

import functools
import itertools
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
from keras import ops

from lib.config import Config
from lib.errors import DenoisingError
from lib.training.recipe import Budget, Lessons, Recipe
from lib.workspace.folder import write_json

__all__ = ["epochs_since_best", "fit", "learn", "learning_rate_on_plateau"]

PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.5, 3  # as published


def learning_rate_on_plateau(base: float, losses: list[float]) -> float:
    """Return `base`, halved each time the loss has not improved for three epochs."""
    best, waited, rate = np.inf, 0, base
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == PLATEAU_PATIENCE:
            rate, waited = rate * PLATEAU_FACTOR, 0
    return rate


def epochs_since_best(losses: list[float]) -> int:
    """Return the number of epochs since the lowest loss."""
    return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def _newest_checkpoint(folder: Path) -> Path | None:
    return max(folder.glob("epoch[0-9]*"), default=None) if folder.is_dir() else None


def _save_checkpoint(
    folder: Path, model: keras.Model, history: list[dict], last: Path | None
) -> Path:
    """Write one epoch's checkpoint under a temporary name, then replace the previous one."""
    epoch = folder / f"epoch{len(history):04d}"
    part = folder / f"part{len(history):04d}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    np.savez(part / "last.npz", *_values(_variables(model)))
    if epochs_since_best([h["validation_loss"] for h in history]) == 0 or last is None:
        np.savez(part / "best.npz", *_values(model.variables))
    else:
        shutil.copyfile(last / "best.npz", part / "best.npz")
    write_json(part / "history.json", history)
    part.rename(epoch)
    for old in folder.iterdir():
        if old != epoch:
            shutil.rmtree(old)
    return epoch


def _made_ahead(batches):
    """Yield every batch; the next one is prepared while the network computes."""
    with ThreadPoolExecutor(max_workers=1) as maker:
        upcoming = maker.submit(batches.__getitem__, 0)
        for i in range(1, len(batches) + 1):
            batch = upcoming.result()
            if i < len(batches):
                upcoming = maker.submit(batches.__getitem__, i)
            yield batch


def _mean_loss(step: Callable, batches) -> float:
    """Return the mean loss of a step over batches.

    Keras' own `fit` and `evaluate` use tf.data, whose iterators can take 20 s to be released after
    an epoch (seen with TensorFlow 2.21).
    """
    losses, sizes = [], []
    for inputs, targets in _made_ahead(batches):
        losses.append(step(inputs, targets))
        sizes.append(len(inputs))
    return float(np.average(losses, weights=sizes))


def _step(model: keras.Model, rates: Iterator | None, inputs, targets) -> float:
    if rates:
        model.optimizer.learning_rate = next(rates)
    return model.train_on_batch(inputs, targets)


def _cut(arrays: tuple[np.ndarray, ...], most: int = 32) -> list[tuple[np.ndarray, ...]]:
    """Split into batches of at most `most`, as equal as possible: each size is compiled once."""
    parts = -(-len(arrays[0]) // most)
    return list(zip(*(np.array_split(array, parts) for array in arrays)))


def fit(
    model: keras.Model,
    lessons: Lessons,
    budget: Budget,
    *,
    checkpoints: Path,
    rate: Callable | None = None,
    title: str = "",
) -> list[dict]:
    """Train a compiled model epoch by epoch, restore its best state and return the history.

    Parameters
    ----------
    rate : callable, optional
        Learning rate of each step, ``step -> rate``.
    checkpoints : Path
        Folder of the checkpoints; an interrupted run resumes from there.
    """
    history: list[dict] = []
    checkpoint = _newest_checkpoint(checkpoints)
    if checkpoint:
        history = json.loads((checkpoint / "history.json").read_text(encoding="utf-8"))
        model.optimizer.build(model.trainable_variables)
        _give(_variables(model), _read(checkpoint / "last.npz"))
        print(f"{title}: resumed after epoch {len(history)}", file=sys.stderr, flush=True)
    for epoch in range(len(history), budget.epochs):
        losses = [h["validation_loss"] for h in history]
        if epochs_since_best(losses) >= budget.patience:
            break
        if budget.plateau_rate:
            lowered = learning_rate_on_plateau(budget.plateau_rate, losses)
            model.optimizer.learning_rate = lowered
        start = time.perf_counter()
        batches = lessons.batches(epoch=epoch)
        rates = map(rate, itertools.count(epoch * len(batches))) if rate else None
        loss = _mean_loss(functools.partial(_step, model, rates), batches)
        validation_loss = _mean_loss(model.test_on_batch, _cut(lessons.validation))
        if not np.isfinite(validation_loss):
            raise DenoisingError(
                f"{title}: the validation loss of epoch {epoch + 1} is {validation_loss}; try a "
                "lower learning_rate."
            )
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
            f"{title}: epoch {epoch + 1}/{budget.epochs}, loss {loss:.3f}, validation "
            f"{validation_loss:.3f}, {history[-1]['seconds']:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        checkpoint = _save_checkpoint(checkpoints, model, history, checkpoint)
    _give(model.variables, _read(checkpoint / "best.npz"))  # type: ignore[operator] # one epoch or more
    return history


def _variables(model: keras.Model) -> list:
    """Return the weights and the states of random generators and optimiser, in order."""
    return [*model.variables, *model.optimizer.variables]


def _values(variables: list) -> list[np.ndarray]:
    return [ops.convert_to_numpy(variable) for variable in variables]


def _read(file: Path) -> list[np.ndarray]:
    with np.load(file, allow_pickle=False) as arrays:
        return list(arrays.values())


def _give(variables: list, values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


@functools.lru_cache(maxsize=4)
def _compiled(
    build: Callable, make_optimiser: Callable, make_loss: Callable, config: Config
) -> tuple[keras.Model, list[np.ndarray]]:
    """Return a network that is ready to be trained, and its state before any training.

    All folds share it, since its first steps, which include compilation, take longer than an epoch;
    `learn` resets it for each fold.
    """
    optimiser = make_optimiser(config)
    keras.utils.set_random_seed(config.seed)
    model = build(config.audio)
    # Without XLA, which slows ours and Conv-TasNet down on a CPU.
    model.compile(optimiser, make_loss(config), jit_compile=False)
    optimiser.build(model.trainable_variables)
    return model, _values(_variables(model))


def _begin(model: keras.Model, start: list[np.ndarray]) -> None:
    """Initialise a network with the weights of another of the same architecture."""
    try:
        model.set_weights(start)
    except ValueError as error:
        raise DenoisingError(
            f"The network {model.name!r} is not built like the one from which its training goes on "
            f"({error}); `make voices` trains that anew."
        ) from error


def learn(
    recipe: Recipe, config: Config, lessons: Lessons, checkpoints: Path, title: str
) -> tuple[keras.Model, list[dict]]:
    """Build a network and train it by its recipe; return it in its best state, and its history.

    If the training began with the weights of another network, the final weights are interpolated
    between those and the trained ones (`Recipe.share`; Wortsman et al. 2022, arXiv:2109.01903); the
    losses in the history are those before.  The next training by this recipe overwrites the same
    network: save or copy it first.
    """
    budget = recipe.budget(config)
    steps = len(lessons.batches(epoch=0)) * budget.epochs
    model, untrained = _compiled(recipe.build, recipe.optimiser, recipe.loss, config)
    keras.utils.set_random_seed(config.seed)
    _give(_variables(model), untrained)
    if start := recipe.start(config.audio):
        _begin(model, start)
    rate = recipe.rate(config, steps)
    history = fit(model, lessons, budget, checkpoints=checkpoints, rate=rate, title=title)
    if start:
        model.set_weights(_between(start, model.get_weights(), recipe.share(config)))
    return model, history


def _between(start: list[np.ndarray], end: list[np.ndarray], share: float) -> list[np.ndarray]:
    """Return linear interpolations of weights: `start` at a share of 0, `end` at 1."""
    return [(1 - share) * a + share * b for a, b in zip(start, end, strict=True)]
