"""The recipes: every network that this project trains, by name.

A new network is one file in ``lib/models``, one recipe here and, as a denoiser, one line in
`METHODS` of ``lib/methods/__init__.py``.
"""

from __future__ import annotations

import dataclasses
import functools

from lib.errors import InputError
from lib.models.conv_tasnet import build_conv_tasnet
from lib.models.mask import build_ours
from lib.models.published import RelativeMagnitude, ZScore
from lib.models.recogniser import build_recogniser
from lib.training import recogniser, reference, waveform
from lib.training.recipe import Recipe

__all__ = ["RECIPES", "recipe_of"]


def _waveform(name: str, build, wrap=waveform.in_windows) -> Recipe:
    """A network from waveforms to waveforms: all these learn alike."""
    return Recipe(
        name,
        build=build,
        lessons=waveform.lessons,
        loss=waveform.loss,
        optimiser=waveform.optimiser,
        rate=waveform.rate,
        budget=waveform.budget,
        wrap=wrap,
        one_second=waveform.one_second,
    )


def _reference(name: str, scale) -> Recipe:
    """The published autoencoder, with one of its two targets."""
    return Recipe(
        name,
        build=reference.build,
        lessons=functools.partial(reference.lessons, scale=scale),
        loss=reference.loss,
        optimiser=reference.optimiser,
        budget=reference.budget,
        wrap=functools.partial(reference.denoiser, scale=scale),
        one_second=reference.one_second,
    )


def _general(recipe: Recipe) -> Recipe:
    """The same network with the budget of one that learns from the voices of many people."""
    of_voices = {"section": "general"}
    return dataclasses.replace(
        recipe,
        name="general",
        optimiser=functools.partial(recipe.optimiser, **of_voices),
        rate=functools.partial(recipe.rate, **of_voices),
        budget=functools.partial(recipe.budget, **of_voices),
        settings=(*recipe.settings, "general"),
    )


RECIPES = {
    "reference as published": _reference("reference as published", ZScore),
    "reference repaired": _reference("reference repaired", RelativeMagnitude),
    "ours": _waveform("ours", build_ours),
    "general": _general(_waveform("ours", build_ours)),
    "Conv-TasNet": _waveform("Conv-TasNet", build_conv_tasnet, wrap=waveform.alone),
    "recogniser": Recipe(
        "recogniser",
        build=build_recogniser,
        lessons=recogniser.lessons,
        loss=recogniser.loss,
        optimiser=recogniser.optimiser,
        rate=recogniser.rate,
        budget=recogniser.budget,
        wrap=recogniser.listener,
        one_second=recogniser.one_second,
        judge=recogniser.accuracy,
        settings=("seed", "audio", "recognition"),
        xla=False,
    ),
}


def recipe_of(name: str) -> Recipe:
    """Return a recipe.

    Raises
    ------
    InputError
        There is none of this name.
    """
    if name not in RECIPES:
        raise InputError(
            f"Nobody knows how to train {name!r}: a network that METHODS of "
            "lib/methods/__init__.py names needs a recipe in RECIPES of lib/training/recipes.py, "
            "where there are "
            f"{', '.join(RECIPES)}."
        )
    return RECIPES[name]
