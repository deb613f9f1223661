"""lib.figures.thumbnails: brightness, frequency axis and file size of small spectrograms."""

import io

import numpy as np
import pytest
from PIL import Image

from lib.figures.thumbnails import thumbnail


def levels(y):
    """Return the brightness [shape=(bins, columns)], with the lowest frequency in the last row."""
    return np.asarray(Image.open(io.BytesIO(thumbnail(y))).convert("L")).astype(int)


@pytest.mark.parametrize(("cycles", "row"), [(0.125, 96), (0.375, 32)])
def test_a_tone_is_a_bright_line_at_its_frequency(cycles, row):
    picture = levels(np.sin(2 * np.pi * cycles * np.arange(8000)))
    assert picture[:, 5:-5].mean(axis=1).argmax() == row
    assert picture[row].mean() > 10 * picture[128 - row].mean()


@pytest.mark.parametrize("n", [0, 1, 100, 8000])
def test_silence_of_any_length_is_black(n):
    assert levels(np.zeros(n)).max() < 5


def test_loudness_does_not_matter():
    y = np.random.default_rng(0).normal(size=4000)
    np.testing.assert_array_equal(levels(y), levels(1e-3 * y))


def test_the_size_does_not_grow_with_the_length():
    rng = np.random.default_rng(0)
    short, long = (levels(rng.normal(size=n)) for n in (4000, 400_000))
    assert abs(short.shape[1] - long.shape[1]) < 10
    assert len(thumbnail(rng.normal(size=400_000))) < 6000
