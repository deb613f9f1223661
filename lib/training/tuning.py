"""How our network is fine-tuned on the training speakers of a fold, from the general network.

Where that cannot be used (`lib.training.shipped`), it is trained from scratch, with the budget for
that.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from lib.config import Config
from lib.training import waveform
from lib.training.recipe import Budget
from lib.training.shipped import unfit

__all__ = ["budget", "optimiser", "rate", "section"]


def section(config: Config) -> str:
    """Return the section of the configuration that holds the budget."""
    return "scratch" if unfit(config.audio) else "tuning"


def optimiser(config: Config) -> keras.Optimizer:
    """Return the optimiser of `lib.training.waveform` with the settings of `section`."""
    return waveform.optimiser(config, section=section(config))


def rate(config: Config, steps: int) -> Callable:
    """Return the learning-rate schedule of `lib.training.waveform`, likewise."""
    return waveform.rate(config, steps, section=section(config))


def budget(config: Config) -> Budget:
    """Return the budget in the settings of `section`."""
    return waveform.budget(config, section=section(config))
