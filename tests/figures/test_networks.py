"""lib.figures.networks: the layer sizes of our network, and its masks."""

import numpy as np
import pytest
from voices import RATE, noisy_voice

from lib.config import AudioConfig
from lib.figures import networks
from lib.methods.classical import WINDOW
from lib.methods.oracles import ideal_mask
from lib.models.mask import build_ours
from lib.models.size import stages


def test_the_picture_shows_the_sizes_of_every_step():
    table = stages(build_ours(AudioConfig(), channels=(4, 6, 8), recurrent_units=5))
    assert table["part"].tolist() == ["encoder"] * 3 + ["recurrent"] + ["decoder"] * 3
    assert table["bins"].tolist() == [128, 64, 32, 32, 64, 128, 128]
    ax = networks.autoencoder(table, bins=256).axes[0]
    texts = [text.get_text() for text in ax.texts]
    assert {"128\n×4", "64\n×6", "32\n×8", "32\n×10", "256", "mask", "log magnitude"} <= set(texts)
    assert len(ax.patches) == 9 + 2 + 2, "boxes, arrows in and out, skip connections"


def test_the_masks_are_the_ideal_one_and_what_was_let_through():
    clean, noisy = noisy_voice()
    denoised = ideal_mask(noisy, RATE, clean, kind="ratio")
    sounds = {"clean": clean, "noisy": noisy, "denoised": denoised}
    fig = networks.masks({"a word": sounds}, RATE, **WINDOW)
    learned, ideal = (np.asarray(ax.images[0].get_array()) for ax in fig.axes[1:3])
    assert learned.shape == ideal.shape
    assert ideal.min() >= 0 and ideal.max() <= 1
    assert np.corrcoef(learned.ravel(), ideal.ravel())[0, 1] > 0.8, "frames overlap"
    kept = networks.masks({"a word": sounds | {"denoised": noisy}}, RATE, **WINDOW)
    assert np.asarray(kept.axes[1].images[0].get_array()) == pytest.approx(1.0)
