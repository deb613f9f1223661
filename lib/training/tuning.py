"""How our network is fine-tuned on the training speakers of a fold, from the general network.

The encoder stays as it is, because the general network has heard many more speakers than a fold
has.  Where the general network cannot be used (`lib.training.shipped`), all of ours is trained from
scratch, with the budget for that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import keras

from lib.config import AudioConfig, Config
from lib.models.mask import build_ours
from lib.training import waveform
from lib.training.recipe import Budget
from lib.training.shipped import unfit

__all__ = ["about_weights", "build", "budget", "optimiser", "rate", "section", "share"]


def build(audio: AudioConfig) -> keras.Model:
    """Return our network; where it is fine-tuned, its encoder cannot be trained."""
    ours = build_ours(audio)
    if not unfit(audio):
        for layer in itertools.takewhile(_encodes, ours.layers):
            layer.trainable = False
    return ours


def _encodes(layer: keras.Layer) -> bool:
    return not isinstance(layer, keras.layers.Bidirectional)


def section(config: Config) -> str:
    """Return the section of the configuration that holds the budget."""
    return "scratch" if unfit(config.audio) else "tuning"


def optimiser(config: Config) -> keras.Optimizer:
    """Return the optimiser of `lib.training.waveform` with the settings of `section`."""
    return waveform.optimiser(config, section=section(config))


def rate(config: Config, steps: int) -> Callable:
    """Return the learning-rate schedule of `lib.training.waveform`, likewise."""
    return waveform.rate(config, steps, section=section(config))


def share(config: Config) -> float:
    """Return how much of the change of the weights is kept."""
    return config.tuning.share


def budget(config: Config) -> Budget:
    """Return the budget in the settings of `section`."""
    return waveform.budget(config, section=section(config))


def about_weights(config: Config) -> str:
    """State how far the final weights are from the general network's; "" if from scratch."""
    if unfit(config.audio):
        return ""
    return (
        "The final weights are means of these, weighted by "
        f"{config.tuning.share:g}, and those of the general network; the losses below are those "
        "before."
    )
