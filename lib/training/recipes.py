"""The recipes: every network that this project trains, by name.

A new network is one file in ``lib/models``, one recipe here and, for a denoiser, one line in
`METHODS` of ``lib/methods/__init__.py``.
"""

from __future__ import annotations

import dataclasses
import functools

from lib.clips.examples import equalised_example
from lib.errors import InputError
from lib.models.conv_tasnet import build_conv_tasnet
from lib.models.mask import build_ours
from lib.models.published import RelativeMagnitude, ZScore
from lib.models.recogniser import build_recogniser
from lib.training import recogniser, reference, shipped, tuning, waveform
from lib.training.recipe import Recipe

__all__ = ["RECIPES", "recipe_of"]


# The few speakers of a fold were recorded by few microphones, which random equalisers multiply.
EQUALISED = functools.partial(waveform.lessons, example=equalised_example)


def _waveform(
    name: str, build, *, lessons=EQUALISED, section: str = "scratch", wrap=waveform.in_windows
) -> Recipe:
    """Return the recipe of a network from waveforms to waveforms; all are trained alike.

    Their budgets are sections of the configuration.
    """
    return Recipe(
        name,
        build=build,
        lessons=lessons,
        loss=waveform.loss,
        optimiser=functools.partial(waveform.optimiser, section=section),
        rate=functools.partial(waveform.rate, section=section),
        budget=functools.partial(waveform.budget, section=section),
        wrap=wrap,
        one_second=waveform.one_second,
        settings=("seed", "audio", "noise", "training", section),
    )


def _reference(name: str, scale) -> Recipe:
    """Return the recipe of the published autoencoder, with one of its two targets."""
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


def _tuned(recipe: Recipe, name: str) -> Recipe:
    """Return a recipe that fine-tunes the general network where that is compatible."""
    return dataclasses.replace(
        recipe,
        name=name,
        build=tuning.build,
        start=shipped.start,
        optimiser=tuning.optimiser,
        rate=tuning.rate,
        share=tuning.share,
        budget=tuning.budget,
        settings=(*recipe.settings, "tuning"),
    )


RECIPES = {
    "reference as published": _reference("reference as published", ZScore),
    "reference repaired": _reference("reference repaired", RelativeMagnitude),
    "ours": _tuned(_waveform("ours from scratch", build_ours), "ours"),
    "ours from scratch": _waveform("ours from scratch", build_ours),
    "general": _waveform("general", build_ours, lessons=waveform.lessons, section="general"),
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
    ),
}


def recipe_of(name: str) -> Recipe:
    """Return the recipe of this name.

    Raises
    ------
    InputError
        There is no such recipe.
    """
    if name not in RECIPES:
        raise InputError(
            f"There is no recipe for {name!r}: a network that METHODS of lib/methods/__init__.py "
            "names needs one in RECIPES of lib/training/recipes.py, which has "
            f"{', '.join(RECIPES)}."
        )
    return RECIPES[name]
