"""The whole report in one picture: what goes in, what comes out, how it is judged."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import FancyArrowPatch

from lib.figures import style
from lib.signals.stft import level_db, stft

__all__ = ["overview"]

RANGE_DB = 60.0
ARROWS = [  # from panel, to panel, what happens on the way
    ("clean", "noise", "+"),
    ("noise", "noisy", "="),
    ("noisy", "spectrogram", "STFT"),
    ("spectrogram", "mask", "mask network"),
    ("mask", "masked", "× noisy"),
    ("masked", "denoised", "inverse\nSTFT"),
    ("denoised", "how alike?", ""),
    ("clean", "how alike?", ""),
]
PANELS = ["clean", "noise", "noisy", "spectrogram", "how alike?", "denoised", "masked", "mask"]


def overview(
    clean: np.ndarray,
    noisy: np.ndarray,
    denoised: np.ndarray,
    *,
    n_fft: int,
    hop_length: int,
    judges: list[str],
):
    """Draw one clip on its way: mixed, transformed, masked, transformed back, and judged.

    Waveforms [shape=(n,)] share one scale, and so do the two spectrograms; the mask is the ratio of
    their magnitudes, from 0 (black) to 1 (white).  `judges` compare clean and denoised.
    """
    room = {"left": 0, "right": 1, "bottom": 0, "top": 0.93, "wspace": 0.52, "hspace": 0.7}
    fig, axes = style.new(3.2, nrows=2, ncols=4, gridspec_kw=room)
    fig.set_layout_engine("none")  # the arrows stay where the panels are
    panels = dict(zip(PANELS, axes.flat))
    for name, ax in panels.items():
        ax.set(title=name, xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
    waves = {"clean": clean, "noise": noisy - clean, "noisy": noisy, "denoised": denoised}
    loudest = max(np.abs(y).max() for y in waves.values())
    for name, y in waves.items():
        panels[name].plot(y, color=style.NEUTRAL, linewidth=0.4)
        panels[name].set_ylim(-loudest, loudest)
    X, Y, D = (stft(y, n_fft=n_fft, hop_length=hop_length) for y in (clean, noisy, denoised))
    image: dict = {"origin": "lower", "aspect": "auto", "interpolation": "none"}
    for name, S in {"spectrogram": Y, "masked": D}.items():
        level = level_db(S, peak=np.abs(X).max(), range_db=RANGE_DB)
        panels[name].imshow(level, vmin=-RANGE_DB, vmax=0, **image)
    mask = np.abs(D) / np.maximum(np.abs(Y), np.finfo(float).tiny)
    panels["mask"].imshow(mask, vmin=0, vmax=1, cmap="gray", **image)
    middle = {"ha": "center", "va": "center"}
    panels["how alike?"].text(0.5, 0.5, "\n".join(judges), linespacing=1.5, **middle)
    for start, end, text in ARROWS:
        _arrow(fig, panels[start].get_position(), panels[end].get_position(), text)
    return fig


def _arrow(fig, start, end, text: str) -> None:
    """Draw an arrow from box to box, sideways or down, with a text beside it."""
    (x, y), (to_x, to_y) = ((b.x0 + b.width / 2, b.y0 + b.height / 2) for b in (start, end))
    gap = 0.008
    if abs(to_x - x) > 0.01:
        x, to_x = (start.x1 + gap, end.x0 - gap) if to_x > x else (start.x0 - gap, end.x1 + gap)
        place = {"x": (x + to_x) / 2, "y": y + 0.035, "ha": "center", "va": "bottom"}
    else:
        y, to_y = start.y0 - gap, end.y1 + 0.09
        place = {"x": x - 0.012, "y": (y + to_y) / 2, "ha": "right", "va": "center"}
    arrow = {"arrowstyle": "-|>", "mutation_scale": 11, "color": "black"}
    arrow |= {"shrinkA": 0, "shrinkB": 0, "transform": fig.transFigure}
    fig.add_artist(FancyArrowPatch((x, y), (to_x, to_y), **arrow))
    fig.text(s=text, fontsize=9, **place)
