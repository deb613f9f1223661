"""One look for all figures: sizes, fonts, and one colour and one marker per method.

The colours are from the Okabe-Ito palette, which stays apart in the common kinds of colour
blindness; grey is for what is not a denoiser.  The markers tell methods apart in grey print.
"""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt

__all__ = ["COLOURS", "MARKERS", "WIDTH", "NEUTRAL", "colour", "marker", "apply", "new"]

WIDTH = 7.2  # inches: the text width of the report

COLOURS = {
    "noisy": "#8c8c8c",
    "silence": "#b3b3b3",
    "constant gain": "#595959",
    "spectral gating": "#56B4E9",
    "Wiener": "#0072B2",
    "log-MMSE": "#88CCEE",
    "RNNoise": "#AA9955",
    "DeepFilterNet3": "#885522",
    "GTCRN": "#6655AA",
    "DTLN": "#882255",
    "Conv-TasNet": "#117733",
    "reference as published": "#CC79A7",
    "reference repaired": "#E69F00",
    "ours": "#D55E00",
    "ideal ratio mask": "#009E73",
    "oracle Wiener mask": "#00795a",
    "phase-sensitive mask": "#004d3a",
    "clean": "#009E73",
}
MARKERS = {
    "spectral gating": "P",
    "Wiener": "s",
    "reference as published": "v",
    "reference repaired": "^",
    "ideal ratio mask": "D",
    "oracle Wiener mask": "D",
    "phase-sensitive mask": "D",
}
NEUTRAL = "#0072B2"  # data that belongs to no method


def colour(method: str) -> str:
    """Colour of a method; black for one that has none in `COLOURS`."""
    return COLOURS.get(method, "black")


def marker(method: str) -> str:
    """Marker of a method; a dot for one that has none in `MARKERS`."""
    return MARKERS.get(method, "o")


def apply() -> None:
    """Set the look of the report, whatever a matplotlibrc or a style set before."""
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
            "text.parse_math": False,  # a dollar in the metadata is a dollar
            "image.cmap": "magma",
        }
    )


def new(height: float = 3.2, *, width: float = WIDTH, **subplots):
    """Return ``fig, axes`` in the report's style; `height` and `width` in inches."""
    apply()
    return plt.subplots(figsize=(width, height), **subplots)
