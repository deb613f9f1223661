"""lib.figures.recognition: what is drawn is what the tables hold."""

import numpy as np
import pandas as pd

from lib.figures import recognition, style
from lib.methods import METHODS


def test_accuracy_in_percent_between_noisy_and_clean():
    table = pd.DataFrame(
        {"method": ["clean", "noisy", "ours"], "estimate": [0.9, 0.2, 0.7],
         "low": [0.8, np.nan, 0.6], "high": [0.95, np.nan, 0.8]}
    )  # fmt: skip
    ax = recognition.accuracy(table).axes[0]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose([dot.get_xdata()[0] for dot in dots], [20, 70, 90])
    names = ["noisy", "ours", "clean"]
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    assert [dot.get_color() for dot in dots] == [
        METHODS["noisy"].colour,
        METHODS["ours"].colour,
        style.CLEAN,
    ]
    bounds = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(bounds, [20, 90])
    assert [text.get_text() for text in ax.texts] == ["20", "70", "90"]


def test_confusions_write_their_counts_and_shade_shares_of_the_digit():
    cells = np.zeros((10, 10), int)
    cells[3, 3], cells[3, 8], cells[5, 5] = 30, 10, 1234
    fig = recognition.confusions({"noisy": cells, "ours": 2 * cells})
    first, second = fig.axes
    written = {text.get_position(): text.get_text() for text in first.texts}
    assert written == {(3, 3): "30", (8, 3): "10", (5, 5): "1234"}
    assert first.get_title(loc="left") == "noisy (n = 1,274)"
    shown = first.images[0].get_array()
    assert shown[3, 3] == 0.75
    assert shown[0].max() == 0
    np.testing.assert_array_equal(shown, second.images[0].get_array())
