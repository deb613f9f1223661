"""The style of all figures; `lib.methods.METHODS` has the colour and marker of each method."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt

from lib.methods import look_up

__all__ = ["CLEAN", "NEUTRAL", "WIDTH", "apply", "colour", "look", "marker", "new"]

WIDTH = 7.2  # inches: the text width of the report

NEUTRAL = "#0072B2"  # data that belongs to no method
CLEAN = "#009E73"  # speech before any noise


def colour(method: str) -> str:
    """Return the colour of a method, or of "clean" speech."""
    return CLEAN if method == "clean" else look_up(method).colour


def marker(method: str) -> str:
    """Return the marker of a method; a dot for "clean" speech."""
    return "o" if method == "clean" else look_up(method).marker


def look(method: str) -> dict:
    """Return options of `marks.dots` for a method, or "clean" speech: oracles are hollow."""
    hollow = method != "clean" and look_up(method).oracle
    return {"colour": colour(method), "marker": marker(method), "hollow": hollow}


def apply() -> None:
    """Apply the report's style, overriding any matplotlibrc or earlier style."""
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.family": "DejaVu Sans",
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "axes.grid": False,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "svg.hashsalt": "denoising-audio-mnist",
            "svg.fonttype": "path",
            "text.parse_math": False,  # dollar signs in the metadata are literal
            "image.cmap": "magma",
        }
    )


def new(height: float = 3.2, *, width: float = WIDTH, **subplots):
    """Return ``fig, axes`` in the report's style; `height` and `width` in inches."""
    apply()
    return plt.subplots(figsize=(width, height), **subplots)
