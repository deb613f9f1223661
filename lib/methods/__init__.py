"""The methods: every row of the report's tables, in one table, and how each denoises.

A method is a function ``denoise(noisy, sample_rate)``; an oracle takes the clean signal, too.  A
new one is that function and a line in `METHODS`; a network has a recipe in
``lib/training/recipes.py``, too.  Notebooks, figures and tables read names, order and looks from
here.

The colours are from the Okabe-Ito palette and others like it, which stay apart in the common kinds
of colour blindness; grey is for what is not a denoiser.  The markers tell methods apart in grey
print.
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
    """A row of the tables.

    Attributes
    ----------
    name : str
    denoiser : callable
        ``denoiser(run, fold)`` returns the function that denoises the test clips of a fold.
    colour, marker : str
        Of Matplotlib.
    source : str
        Who described it.
    oracle : bool
        Whether it is shown the clean signal.
    recipe : str
        Of the network, if it is one of this project.
    trained : bool
        Whether that is trained on each fold, by the recipe of the method's name.
    variant : bool
        Whether it is our network, trained in another way.
    applies : callable
        ``applies(config)``: whether a run with these settings scores it.
    compared : bool
        Whether `make compare` scores it, and no other run.
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
        """Return ``denoise(noisy, sample_rate, clean)``; only an oracle looks at `clean`."""
        denoise = self.denoiser(run, fold)
        return denoise if self.oracle else lambda noisy, rate, clean: denoise(noisy, rate)


def _fixed(denoise: Denoise, run: Run, fold: int) -> Denoise:
    return denoise


def _configured(make: Callable[[Config], Denoise], run: Run, fold: int) -> Denoise:
    return make(run.config)


def _network(name: str, run: Run, fold: int) -> Denoise:
    from lib.training.train import open_trained  # TensorFlow takes seconds

    return open_trained(run, name, fold)


def _general(run: Run, fold: int) -> Denoise:
    from lib.training.train import open_shipped

    return open_shipped(run)


def always(name: str, denoise: Denoise, colour: str, **facts) -> Method:
    """A method that is the same in every run and fold."""
    return Method(name, functools.partial(_fixed, denoise), colour, **facts)


def network(name: str, colour: str, **facts) -> Method:
    """A method that is a network, trained on each fold by the recipe of its name."""
    opened = functools.partial(_network, name)
    return Method(name, opened, colour, recipe=name, trained=True, **facts)


def peer(name: str, colour: str, source: str) -> Method:
    """A published denoiser with its own weights."""
    return always(name, pretrained.PEERS[name], colour, source=source, compared=True)


def ideal(name: str, kind: str, colour: str, source: str) -> Method:
    """An oracle."""
    mask = functools.partial(oracles.ideal_mask, kind=kind)
    return always(name, mask, colour, marker="D", source=source, oracle=True)


METHODS = {
    method.name: method
    for method in [
        always("noisy", classical.unchanged, "#8c8c8c", source="the input itself"),
        always("silence", classical.silence, "#b3b3b3", source="zeros"),
        Method("constant gain", functools.partial(_configured, classical.constant_gain),
               "#595959", source="the best gain for the stated SNR, the same for all clips"),
        always("spectral gating", classical.spectral_gating, "#56B4E9", marker="P",
               source="library noisereduce, stationary (Sainburg 2019)"),
        always("Wiener", classical.wiener, "#0072B2", marker="s",
               source="decision-directed (Scalart and Vieira Filho 1996)"),
        ideal("ideal ratio mask", "ratio", "#009E73", "sqrt(S / (S + N)) on power spectra"),
        ideal("oracle Wiener mask", "Wiener", "#00795a", "S / (S + N) on power spectra"),
        ideal("phase-sensitive mask", "phase-sensitive", "#004d3a",
              "Re(X / Y), cut to 0..1 (Erdogan et al. 2015)"),
        network("reference as published", "#CC79A7", marker="v", source="lib.models.published"),
        network("reference repaired", "#E69F00", marker="^", source="lib.models.published"),
        Method("general network", _general, "#F0A868", marker="X", recipe="general", variant=True,
               applies=_where_it_serves,
               source="ours, learned from Speech Commands: it never heard this corpus"),
        network("ours from scratch", "#A03C00", marker="p", variant=True, applies=_in_full_runs,
                source="ours, learned from this corpus alone"),
        network("ours", "#D55E00",
                source="lib.models.mask: the general network, tuned to each fold's speakers"),
        peer("log-MMSE", "#88CCEE", "Ephraim and Malah (1985), library logmmse"),
        peer("RNNoise", "#AA9955", "Valin (2018), arXiv:1709.08243"),
        peer("DeepFilterNet3", "#885522", "Schröter et al. (2023), arXiv:2305.08227"),
        peer("GTCRN", "#6655AA", "Rong et al. (2024)"),
        peer("DTLN", "#882255", "Westhausen and Meyer (2020), arXiv:2005.07551"),
        network("Conv-TasNet", "#117733", source="Luo and Mesgarani (2019)", compared=True),
    ]
}  # fmt: skip


def look_up(name: str) -> Method:
    """Return a method.

    Raises
    ------
    InputError
        There is none of this name.
    """
    if name not in METHODS:
        raise InputError(
            f"{name!r} is no method: what is scored and shown needs a line in METHODS of "
            "lib/methods/__init__.py, and a recipe in RECIPES of lib/training/recipes.py if it is "
            "a network that is trained here."
        )
    return METHODS[name]


def reported(config: Config, *, trained: bool = False) -> list[Method]:
    """The methods of a report, in the order of its tables; or those that are trained."""
    methods = [m for m in METHODS.values() if not m.compared and m.applies(config)]
    return [method for method in methods if method.trained or not trained]
