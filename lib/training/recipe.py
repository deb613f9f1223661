"""The definition of a recipe: everything needed to train a network."""

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
    """Sequence of (inputs, targets) batches."""

    def __len__(self) -> int: ...

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True)
class Budget:
    """How long a network is trained.

    Attributes
    ----------
    epochs : int
    patience : int
        Epochs without a lower validation loss after which training stops.
    plateau_rate : float or None
        Initial learning rate, halved on a plateau; None if the recipe has a `rate`.
    """

    epochs: int
    patience: int
    plateau_rate: float | None = None


def cosine(highest: float, steps: int, *, warm_up: int, last: float) -> Callable:
    """Return a learning-rate schedule: warm-up to `highest`, cosine decay to `last` times it."""
    return keras.optimizers.schedules.CosineDecay(
        highest / 20,
        max(1, steps - warm_up),
        alpha=last,
        warmup_target=highest,
        warmup_steps=max(1, warm_up),
    )


@dataclass(frozen=True)
class Lessons:
    """Training and validation data of a network in one fold.

    Attributes
    ----------
    batches : callable
        ``batches(epoch=0)`` returns the (inputs, targets) batches of that epoch, which depend only
        on its number.
    validation : tuple of np.ndarray
        Inputs and targets on which the best epoch is selected; never the test speakers'.
    clips : int
        Number of clips per epoch.
    facts : dict
        Entries for the record of the network, JSON-serialisable.
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


def _whole(config: Config) -> float:
    return 1.0


@dataclass(frozen=True)
class Recipe:
    """Everything needed to train a network; a variant is `dataclasses.replace` of a recipe.

    Its parts are functions, so that a recipe costs nothing until it is used; each is defined in the
    module of what it creates, because this code determines whether a network is retrained.

    Attributes
    ----------
    name : str
        Also the name of the method in the tables, if it is a denoiser.
    build : callable
        ``build(audio)`` returns the network.
    lessons : callable
        ``lessons(store, training, validation)``, with two lists of speakers, returns `Lessons`.
    loss, optimiser, budget : callable
        ``loss(config)``, ``optimiser(config)`` and ``budget(config)``, which returns a `Budget`.
    wrap : callable
        ``wrap(network, record)`` makes it usable: a denoiser is ``denoise(noisy, sample_rate)``.
    one_second : callable
        ``one_second(audio)`` returns the shape of one second of input.
    rate : callable
        ``rate(config, steps)`` returns the learning rate of each step, ``step -> rate``; None
        leaves it to the optimiser and the budget.
    start : callable
        ``start(audio)`` returns the initial weights, as from `keras.Model.get_weights`; None for
        random initialisation.
    share : callable
        ``share(config)`` returns how far the final weights are from `start`, 0, to the trained
        ones, 1.
    judge : callable
        ``judge(network, lessons)`` returns further entries for the record, JSON-serialisable.
    settings : tuple of str
        The sections of the configuration that it depends on.
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
    share: Callable[[Config], float] = _whole
    judge: Callable[[keras.Model, Lessons], dict] = _nothing
    settings: tuple[str, ...] = ("seed", "audio", "noise", "training")

    def needs(self) -> list:
        """Return everything that determines the trained weights, for a fingerprint."""
        code = (self.build, self.lessons, self.loss, self.optimiser, self.rate, self.budget)
        return [self.name, *code, self.start, self.share, self.judge]
