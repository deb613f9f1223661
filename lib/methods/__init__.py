"""The methods: one entry per row of the report's tables, with the function that denoises.

A method is a function ``denoise(noisy, sample_rate)``; an oracle also takes the clean signal.  To
add one, write that function and add an entry to `METHODS`; a network also needs a recipe in
``lib/training/recipes.py``.  Notebooks, figures and tables take names, order, colours and markers
from here.

The colours come from the Okabe-Ito palette and similar ones, which remain distinguishable under
the common forms of colour blindness; grey marks what is not a denoiser.  The markers distinguish
methods in greyscale print.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib.config import Config
from lib.errors import InputError
from lib.methods import classical, oracles, pretrained
from lib.workspace.folder import Run

__all__ = ["METHODS", "Method", "always", "look_up", "reported"]

Denoise = Callable[..., np.ndarray]


def _always(config: Config) -> bool:
    return True


def _in_full_runs(config: Config) -> bool:
    return config.profile == "full" and _where_it_serves(config)


def _where_it_serves(config: Config) -> bool:
    from lib.training.shipped import unfit

    return not unfit(config.audio)


@dataclass(frozen=True)
class Method:
    """A method: one row of the tables.

    Attributes
    ----------
    name : str
    denoiser : callable
        ``denoiser(run, fold)`` returns the function that denoises the test clips of a fold.
    colour, marker : str
        Matplotlib colour and marker.
    source : str
        Reference or origin.
    oracle : bool
        Whether it receives the clean signal.
    recipe : str
        Name of the recipe, if it is a network trained in this project.
    trained : bool
        Whether the network is trained on each fold, with the recipe of the method's name.
    variant : bool
        Whether it is our network, trained differently.
    applies : callable
        ``applies(config)``: whether it is scored in a run with these settings.
    compared : bool
        Whether it is scored by `make compare` only.
    """

    name: str
    denoiser: Callable[[Run, int], Denoise]
    colour: str
    marker: str = "o"
    source: str = ""
    oracle: bool = False
    recipe: str = ""
    trained: bool = False
    variant: bool = False
    applies: Callable[[Config], bool] = _always
    compared: bool = False

    def open(self, run: Run, fold: int) -> Denoise:
        """Return ``denoise(noisy, sample_rate, clean)``; only an oracle uses `clean`."""
        denoise = self.denoiser(run, fold)
        return denoise if self.oracle else lambda noisy, rate, clean: denoise(noisy, rate)


def _fixed(denoise: Denoise, run: Run, fold: int) -> Denoise:
    return denoise


def _configured(make: Callable[[Config], Denoise], run: Run, fold: int) -> Denoise:
    return make(run.config)


def _network(name: str, run: Run, fold: int) -> Denoise:
    from lib.training.train import open_trained  # slow: imports TensorFlow

    return open_trained(run, name, fold)


def _general(run: Run, fold: int) -> Denoise:
    from lib.training.train import open_shipped

    return open_shipped(run)


def always(name: str, denoise: Denoise, colour: str, **facts) -> Method:
    """Return a method that is the same in every run and fold."""
    return Method(name, functools.partial(_fixed, denoise), colour, **facts)


def network(name: str, colour: str, **facts) -> Method:
    """Return a network as a method, trained on each fold with the recipe of the same name."""
    opened = functools.partial(_network, name)
    return Method(name, opened, colour, recipe=name, trained=True, **facts)


def peer(name: str, colour: str, source: str) -> Method:
    """Return a published denoiser with its own weights as a method."""
    return always(name, pretrained.PEERS[name], colour, source=source, compared=True)


def ideal(name: str, kind: str, colour: str, source: str) -> Method:
    """Return an ideal mask as a method (an oracle)."""
    mask = functools.partial(oracles.ideal_mask, kind=kind)
    return always(name, mask, colour, marker="D", source=source, oracle=True)


METHODS = {
    method.name: method
    for method in [
        always("noisy", classical.unchanged, "#8c8c8c", source="the input itself"),
        always("silence", classical.silence, "#b3b3b3", source="zeros"),
        Method("constant gain", functools.partial(_configured, classical.constant_gain),
               "#595959", source="the best gain for the configured SNR, the same for all clips"),
        always("spectral gating", classical.spectral_gating, "#56B4E9", marker="P",
               source="library noisereduce, stationary (Sainburg 2019)"),
        always("Wiener", classical.wiener, "#0072B2", marker="s",
               source="decision-directed (Scalart and Vieira Filho 1996)"),
        ideal("ideal ratio mask", "ratio", "#009E73", "sqrt(S / (S + N)) on power spectra"),
        ideal("oracle Wiener mask", "Wiener", "#00795a", "S / (S + N) on power spectra"),
        ideal("phase-sensitive mask", "phase-sensitive", "#004d3a",
              "Re(X / Y), clipped to 0..1 (Erdogan et al. 2015)"),
        network("reference as published", "#CC79A7", marker="v", source="lib.models.published"),
        network("reference repaired", "#E69F00", marker="^", source="lib.models.published"),
        Method("general network", _general, "#F0A868", marker="X", recipe="general", variant=True,
               applies=_where_it_serves,
               source="ours, trained on Speech Commands only, not on this corpus"),
        network("ours from scratch", "#A03C00", marker="p", variant=True, applies=_in_full_runs,
                source="ours, trained on this corpus only"),
        network("ours", "#D55E00",
                source="lib.models.mask: the general network, fine-tuned in each fold"),
        peer("log-MMSE", "#88CCEE", "Ephraim and Malah (1985), library logmmse"),
        peer("RNNoise", "#AA9955", "Valin (2018), arXiv:1709.08243"),
        peer("DeepFilterNet3", "#885522", "Schröter et al. (2023), arXiv:2305.08227"),
        peer("GTCRN", "#6655AA", "Rong et al. (2024)"),
        peer("DTLN", "#882255", "Westhausen and Meyer (2020), arXiv:2005.07551"),
        network("Conv-TasNet", "#117733", source="Luo and Mesgarani (2019)", compared=True),
    ]
}  # fmt: skip


def look_up(name: str) -> Method:
    """Return the method called `name`.

    Raises
    ------
    InputError
        No method has this name.
    """
    if name not in METHODS:
        raise InputError(
            f"Unknown method {name!r}: a method needs an entry in METHODS of "
            "lib/methods/__init__.py, and a recipe in RECIPES of lib/training/recipes.py if it is "
            "a network trained in this project."
        )
    return METHODS[name]


def reported(config: Config, *, trained: bool = False) -> list[Method]:
    """Return the methods of a report in table order, or only those trained on each fold."""
    methods = [m for m in METHODS.values() if not m.compared and m.applies(config)]
    return [method for method in methods if method.trained or not trained]
