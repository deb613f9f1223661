"""Figures of our network: its architecture, and its mask next to the ideal one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.patches import FancyArrowPatch, Rectangle

from lib.figures import style
from lib.figures.signals import IMAGE, RANGE_DB
from lib.methods.oracles import mask_of
from lib.signals.stft import level_db, stft

__all__ = ["autoencoder", "masks"]

COLOURS = {"encoder": "#56B4E9", "recurrent": "#E69F00", "decoder": "#009E73"}
GAP = 0.55  # between two boxes, and the width of a box with 48 channels


def autoencoder(stages: pd.DataFrame, *, bins: int):
    """Draw our network, left to right: boxes are taller for more bins, wider for more channels.

    `stages` come from `lib.models.size.stages`; `bins` counts the frequency bins of input and mask.
    """
    fig, ax = style.new(2.4)
    ends = {"bins": bins, "channels": 1}
    boxes = [
        {"part": "log magnitude", **ends},
        *stages.to_dict("records"),
        {"part": "mask", **ends},
    ]
    right, middles = 0.0, []
    for box in boxes:
        width, tall = GAP * max(box["channels"], 8) / 48, np.log2(box["bins"])
        looks = {"facecolor": COLOURS.get(box["part"], "#bbbbbb"), "edgecolor": "black", "lw": 0.6}
        ax.add_patch(Rectangle((right, -tall / 2), width, tall, **looks))
        middles.append(right + width / 2)
        size = f"{box['bins']}\n×{box['channels']}" if box["channels"] > 1 else f"{bins}"
        below = {"ha": "center", "va": "top", "fontsize": 7.5}
        ax.text(middles[-1], -tall / 2 - 0.25, size, **below)
        right += width + GAP
    depth = int((stages["part"] == "encoder").sum())
    for i in range(1, depth):  # the last stage of the encoder has no skip connection
        _skip(ax, middles[i], middles[-2 - i], np.log2(boxes[i]["bins"]) / 2)
    for place, side, name in ((0, "right", "log magnitude"), (-1, "left", "mask")):
        ax.text(middles[place], np.log2(bins) / 2 + 0.25, name, ha=side, fontsize=8.5)
    height = np.log2(boxes[depth]["bins"]) / 2 + 0.25
    ax.text(middles[depth + 1], height, "bidirectional\nGRU", ha="center", fontsize=8.5)
    _sides(ax, middles[0], middles[-1])
    ax.set(xlim=(-2.4, right + 2.1), ylim=(-7.2, 8.4))
    ax.axis("off")
    return fig


def _skip(ax, start: float, end: float, height: float) -> None:
    """Draw a skip connection above the boxes in between."""
    top = 4.2 + height
    ax.plot([start, start, end], [height, top, top], color="#595959", lw=0.8)
    arrow = {"arrowstyle": "-|>", "mutation_scale": 8, "color": "#595959", "lw": 0.8}
    ax.add_patch(FancyArrowPatch((end, top), (end, height), shrinkA=0, shrinkB=0, **arrow))


def _sides(ax, first: float, last: float) -> None:
    """Annotate the steps before the network and those after the mask."""
    arrow = {"arrowstyle": "-|>", "mutation_scale": 10, "color": "black"}
    for start, end in ((first - 0.9, first - 0.15), (last + 0.15, last + 0.9)):
        ax.add_patch(FancyArrowPatch((start, 0), (end, 0), shrinkA=0, shrinkB=0, **arrow))
    ax.text(first - 1.0, 0, "noisy\nwaveform,\nSTFT", ha="right", va="center", fontsize=8.5)
    ax.text(last + 1.0, 0, "× noisy\nSTFT,\ninverse\nSTFT", ha="left", va="center", fontsize=8.5)


def masks(
    clips: dict[str, dict[str, np.ndarray]], sample_rate: int, *, n_fft: int, hop_length: int
):
    """Draw the noisy spectrogram, the learned mask and the ideal ratio mask, one row per clip.

    `clips` maps label -> {"clean", "noisy", "denoised": waveform [shape=(n,)]}.  The learned mask
    is the ratio of the magnitudes after and before denoising; white is 1 or more.
    """
    fig, axes = style.new(
        1.75 * len(clips) + 0.5, nrows=len(clips), ncols=3, sharey=True, squeeze=False
    )
    for ax, title in zip(axes[0], ("noisy", "learned mask", "ideal ratio mask")):
        ax.set_title(title)
    for line, (label, sounds) in zip(axes, clips.items()):
        X, Y, D = (
            stft(sounds[name], n_fft=n_fft, hop_length=hop_length)
            for name in ("clean", "noisy", "denoised")
        )
        learned = np.abs(D) / np.maximum(np.abs(Y), np.finfo(float).tiny)
        extent = (0, len(sounds["noisy"]) / sample_rate, 0, sample_rate / 2000)
        level = level_db(Y, peak=np.abs(Y).max(), range_db=RANGE_DB)
        line[0].imshow(level, vmin=-RANGE_DB, vmax=0, extent=extent, **IMAGE)
        for ax, mask in zip(line[1:], (learned, mask_of(X, Y, kind="ratio"))):
            image = ax.imshow(mask, vmin=0, vmax=1, cmap="gray", extent=extent, **IMAGE)
        line[0].set_ylabel(f"{label}\nfrequency (kHz)")
    for ax in axes[-1]:
        ax.set_xlabel("time (s)")
    fig.colorbar(image, ax=axes[:, 1:], label="mask", shrink=min(1.0, 2 / len(clips)))
    return fig
