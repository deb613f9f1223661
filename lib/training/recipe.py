"""What a recipe is: all that is to be known about a network that is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np

from lib.clips.store import ClipStore
from lib.config import AudioConfig, Config

__all__ = ["Batches", "Budget", "Lessons", "Recipe", "cosine"]


class Batches(Protocol):
    """A sequence of (inputs, targets)."""

    def __len__(self) -> int: ...

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True)
class Budget:
    """How long a network learns.

    Attributes
    ----------
    epochs : int
    patience : int
        Epochs without a lower validation loss that end the training.
    plateau_rate : float or None
        First learning rate, halved on a plateau; None where the recipe has a `rate`.
    """

    epochs: int
    patience: int
    plateau_rate: float | None = None


def cosine(highest: float, steps: int, *, warm_up: int, last: float) -> Callable:
    """Learning rate of each step: up to the `highest`, then along a cosine to `last` times it."""
    return keras.optimizers.schedules.CosineDecay(
        highest / 20,
        max(1, steps - warm_up),
        alpha=last,
        warmup_target=highest,
        warmup_steps=max(1, warm_up),
    )


@dataclass(frozen=True)
class Lessons:
    """What a network learns from, in one fold.

    Attributes
    ----------
    batches : callable
        ``batches(epoch=0)`` returns the sequence of (inputs, targets) of that epoch, which depends
        on its number only.
    validation : tuple of np.ndarray
        Inputs and targets on which the best epoch is chosen; never the test speakers'.
    clips : int
        How many clips an epoch takes.
    facts : dict
        What the record of the network keeps of them, ready for JSON.
    """

    batches: Callable[..., Batches]
    validation: tuple[np.ndarray, np.ndarray]
    clips: int
    facts: dict = field(default_factory=dict)


def _nothing(network: keras.Model, lessons: Lessons) -> dict:
    return {}


def _constant(config: Config, steps: int) -> None:
    return None


def _anew(audio: AudioConfig) -> None:
    return None


@dataclass(frozen=True)
class Recipe:
    """All about a network that is trained; a variant is `dataclasses.replace` of a recipe.

    Functions, so that a recipe costs nothing until it is used; each lies in the module of what it
    makes, because the code of these modules decides whether a network is trained again.

    Attributes
    ----------
    name : str
        Also that of the method in the tables, where it is a denoiser.
    build : callable
        ``build(audio)`` returns the network.
    lessons : callable
        ``lessons(store, training, validation)``, two lists of speakers, returns its `Lessons`.
    loss, optimiser, budget : callable
        ``loss(config)``, ``optimiser(config)`` and ``budget(config)``, a `Budget`.
    wrap : callable
        ``wrap(network, record)`` makes it useful: a denoiser is ``denoise(noisy, sample_rate)``.
    one_second : callable
        ``one_second(audio)``: shape of the input that is one second of sound.
    rate : callable
        ``rate(config, steps)`` returns the learning rate of each step, ``step -> rate``; None
        leaves it to the optimiser and the budget.
    start : callable
        ``start(audio)`` returns the weights from which training goes on, as from
        `keras.Model.get_weights`; None where it begins anew.
    judge : callable
        ``judge(network, lessons)``: what else the record keeps, ready for JSON.
    settings : tuple of str
        The sections of the configuration on which it depends.
    """

    name: str
    build: Callable[[AudioConfig], keras.Model]
    lessons: Callable[[ClipStore, list[str], list[str]], Lessons]
    loss: Callable[[Config], Callable]
    optimiser: Callable[[Config], keras.Optimizer]
    budget: Callable[[Config], Budget]
    wrap: Callable[[keras.Model, dict], Any]
    one_second: Callable[[AudioConfig], tuple[int, ...]]
    rate: Callable[[Config, int], Callable | None] = _constant
    start: Callable[[AudioConfig], list[np.ndarray] | None] = _anew
    judge: Callable[[keras.Model, Lessons], dict] = _nothing
    settings: tuple[str, ...] = ("seed", "audio", "noise", "training")

    def needs(self) -> list:
        """Return what decides over the trained weights, for a fingerprint."""
        code = (self.build, self.lessons, self.loss, self.optimiser, self.rate, self.budget)
        return [self.name, *code, self.start, self.judge]
