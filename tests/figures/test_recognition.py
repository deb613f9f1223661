"""lib.figures.scores: the figures on digit recognition show what the tables hold."""

import numpy as np
import pandas as pd

from lib.figures import scores, style
from lib.methods import METHODS


def test_accuracy_in_percent_between_noisy_and_clean():
    table = pd.DataFrame(
        {"method": ["clean", "noisy", "ours"], "estimate": [0.9, 0.2, 0.7],
         "low": [0.8, np.nan, 0.6], "high": [0.95, np.nan, 0.8]}
    )  # fmt: skip
    ax = scores.accuracy(table).axes[0]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose([dot.get_xdata()[0] for dot in dots], [20, 70, 90])
    names = ["noisy", "ours", "clean"]
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    assert [dot.get_color() for dot in dots] == [
        METHODS["noisy"].colour,
        METHODS["ours"].colour,
        style.CLEAN,
    ]
    intervals = [bar.get_segments() for bar in ax.collections]
    np.testing.assert_allclose(intervals[1], [[[60, 1], [80, 1]]])
    assert not np.isfinite(intervals[0]).any()  # noisy has none
    bounds = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(bounds, [20, 90])
    assert [text.get_text() for text in ax.texts] == ["20", "70", "90"]


def test_confusions_write_their_counts_and_shade_shares_of_the_digit():
    cells = np.zeros((10, 10), int)
    cells[3, 3], cells[3, 8], cells[5, 5] = 30, 10, 1234
    fig = scores.confusions({"noisy": cells, "ours": 2 * cells})
    first, second = fig.axes
    written = {text.get_position(): text.get_text() for text in first.texts}
    assert written == {(3.5, 3.5): "30", (8.5, 3.5): "10", (5.5, 5.5): "1234"}
    assert first.get_title(loc="left") == "noisy (n = 1,274)"
    assert [first.get_ylabel(), first.get_xlabel()] == ["digit spoken", "digit recognised"]
    shown = first.collections[0].get_array().reshape(10, 10)
    assert shown[3, 3] == 0.75
    assert shown[0].mask.all()  # empty cells are not drawn
    np.testing.assert_array_equal(shown, second.collections[0].get_array().reshape(10, 10))
    for ax in fig.axes:
        assert ax.get_ylim() == (10, 0)  # digit 0 on top in both
        assert [label.get_text() for label in ax.get_xticklabels()] == list("0123456789")
