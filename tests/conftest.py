"""What all tests share: lib comes first, as in the notebooks, and no test leaves a figure open."""

import lib  # noqa: F401  # before other libraries read their settings

import matplotlib.pyplot as plt  # isort: skip
import pytest


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")
