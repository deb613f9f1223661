"""How our network learns the speakers of a fold: from where the general network stopped.

Where that cannot serve (`lib.training.shipped`), it starts from nothing, and takes the time for it.
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
    """Return the section of the configuration that has the budget."""
    return "scratch" if unfit(config.audio) else "tuning"


def optimiser(config: Config) -> keras.Optimizer:
    """As for other waveforms."""
    return waveform.optimiser(config, section=section(config))


def rate(config: Config, steps: int) -> Callable:
    """As for other waveforms."""
    return waveform.rate(config, steps, section=section(config))


def budget(config: Config) -> Budget:
    """As for other waveforms."""
    return waveform.budget(config, section=section(config))
