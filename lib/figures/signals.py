"""Figures of the signals and the task: overview, spectrograms, and folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.patches import FancyArrowPatch, Patch

from lib.figures import marks, style
from lib.signals.stft import level_db, stft

__all__ = ["spectrograms", "folds_chart", "overview"]

RANGE_DB = 60.0
IMAGE: dict = {"origin": "lower", "aspect": "auto", "interpolation": "none"}  # 1 pixel per bin
ARROWS = [  # from panel, to panel, label
    ("clean", "noise", "+"),
    ("noise", "noisy", "="),
    ("noisy", "spectrogram", "STFT"),
    ("spectrogram", "mask", "mask network"),
    ("mask", "masked", "× noisy"),
    ("masked", "denoised", "inverse\nSTFT"),
    ("denoised", "evaluation", ""),
    ("clean", "evaluation", ""),
]
PANELS = ["clean", "noise", "noisy", "spectrogram", "evaluation", "denoised", "masked", "mask"]


def spectrograms(
    rows: dict[str, dict[str, np.ndarray]], sample_rate: int, *, n_fft: int, hop_length: int
):
    """Draw a grid of spectrograms, one row per clip and one column per signal.

    `rows` maps row label -> column label -> waveform [shape=(n,)].  Each row has one colour scale:
    dB relative to the peak of its first signal.
    """
    columns = list(next(iter(rows.values())))
    fig, axes = style.new(
        1.75 * len(rows) + 0.5, nrows=len(rows), ncols=len(columns), sharey=True, squeeze=False
    )
    for top, bottom, column in zip(axes[0], axes[-1], columns):
        top.set_title(column)
        bottom.set_xlabel("time (s)")
    for line, (label, signals) in zip(axes, rows.items()):
        spectra = {k: stft(y, n_fft=n_fft, hop_length=hop_length) for k, y in signals.items()}
        peak = np.abs(spectra[columns[0]]).max()
        for ax, column in zip(line, columns):
            level = level_db(spectra[column], peak=peak, range_db=RANGE_DB)
            extent = (0, len(signals[column]) / sample_rate, 0, sample_rate / 2000)
            image = ax.imshow(level, vmin=-RANGE_DB, vmax=0, extent=extent, **IMAGE)
        line[0].set_ylabel(f"{label}\nfrequency (kHz)")
    shrink = min(1.0, 2 / len(rows))
    fig.colorbar(image, ax=axes, label="dB re clean peak", shrink=shrink)
    return fig


def folds_chart(folds: pd.DataFrame):
    """Draw the training, validation and test speakers of each fold."""
    speakers = folds.sort_values(["fold", "speaker"])["speaker"].tolist()
    k = int(folds["fold"].max()) + 1
    fold_of = folds.set_index("speaker")["fold"]
    role = pd.DataFrame({s: [{0: 2, 1: 1}.get((fold_of[s] - f) % k, 0) for f in range(k)]
                         for s in speakers}, index=[f"fold {f + 1}" for f in range(k)])  # fmt: skip
    colours = ["#d9e6ef", "#E69F00", "#D55E00"]
    fig, ax = style.new(0.28 * k + 1.2)
    marks.cells(ax, role, cmap=ListedColormap(colours), vmin=0, vmax=2, cbar=False)
    ax.tick_params(axis="x", labelrotation=90 if len(speakers) > 8 else 0, labelsize=8)
    ax.set_xlabel("speaker")
    names = ["training", "validation", "test"]
    patches = [Patch(color=c) for c in colours]
    ax.legend(patches, names, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def overview(
    clean: np.ndarray,
    noisy: np.ndarray,
    denoised: np.ndarray,
    *,
    n_fft: int,
    hop_length: int,
    judges: list[str],
):
    """Draw the processing of one clip: mixing, STFT, masking, inverse STFT, and evaluation.

    Waveforms [shape=(n,)] share one scale, and so do the two spectrograms; the mask is the ratio of
    their magnitudes, from 0 (black) to 1 (white).  `judges` names what compares clean and denoised.
    """
    room = {"left": 0, "right": 1, "bottom": 0, "top": 0.93, "wspace": 0.52, "hspace": 0.7}
    fig, axes = style.new(3.2, nrows=2, ncols=4, gridspec_kw=room)
    fig.set_layout_engine("none")  # keeps the arrows aligned with the panels
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
    for name, S in {"spectrogram": Y, "masked": D}.items():
        level = level_db(S, peak=np.abs(X).max(), range_db=RANGE_DB)
        panels[name].imshow(level, vmin=-RANGE_DB, vmax=0, **IMAGE)
    mask = np.abs(D) / np.maximum(np.abs(Y), np.finfo(float).tiny)
    panels["mask"].imshow(mask, vmin=0, vmax=1, cmap="gray", **IMAGE)
    middle = {"ha": "center", "va": "center"}
    panels["evaluation"].text(0.5, 0.5, "\n".join(judges), linespacing=1.5, **middle)
    for start, end, text in ARROWS:
        _arrow(fig, panels[start].get_position(), panels[end].get_position(), text)
    return fig


def _arrow(fig, start, end, text: str) -> None:
    """Draw an arrow between two boxes, sideways or downwards, with text next to it."""
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
