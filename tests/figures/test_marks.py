"""lib.figures.marks: dots at the values, bars from low to high, legible text."""

import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from lib.figures import marks, scores, signals, style

NAN = float("nan")


def bars(ax):
    return [bar.tolist() for bar in ax.collections[0].get_segments()]


def test_dots_stand_at_their_values_on_bars_from_low_to_high():
    _, (lying, standing) = style.new(ncols=2)
    numbers = ([0, 1], [5.0, 7.0], [4.0, 6.5], [6.0, 9.0])
    marks.dots(lying, *numbers, colour="#123456", marker="s", size=6, label="x")
    marks.dots(standing, *numbers, colour="#123456", upright=True)
    assert bars(lying) == [[[4, 0], [6, 0]], [[6.5, 1], [9, 1]]]
    assert bars(standing) == [[[0, 4], [0, 6]], [[1, 6.5], [1, 9]]]
    (dots,) = lying.lines
    assert dots.get_xydata().tolist() == [[5, 0], [7, 1]]
    assert standing.lines[0].get_xydata().tolist() == [[0, 5], [1, 7]]
    assert [dots.get_marker(), dots.get_linestyle(), dots.get_label()] == ["s", "None", "x"]
    assert dots.get_color() == dots.get_markerfacecolor() == "#123456"
    assert mpl.colors.to_hex(lying.collections[0].get_color()[0]) == "#123456"
    assert lying.collections[0].get_linewidth().tolist() == [2]


def test_hollow_dots_hide_their_bar():
    _, ax = style.new()
    marks.dots(ax, 0, 5.0, 4.0, 6.0, hollow=True, colour="#123456")
    (dot,) = ax.lines
    assert [dot.get_markerfacecolor(), dot.get_markeredgecolor()] == ["white", "#123456"]
    drawn = sorted(ax.get_children(), key=lambda artist: artist.zorder)
    assert drawn.index(dot) > drawn.index(ax.collections[0])


@pytest.mark.parametrize(
    "value, low, high, at", [(5.0, 4.0, 6.0, 6.0), (5.0, NAN, NAN, 5.0), (NAN, NAN, NAN, None)]
)
@pytest.mark.filterwarnings("error")
def test_a_text_stands_right_of_what_there_is(value, low, high, at):
    fig, ax = style.new()
    marks.dots(ax, 3, value, low, high, colour="black", text="5")
    fig.canvas.draw()
    assert [text.xy for text in ax.texts] == ([] if at is None else [(at, 3)])


@pytest.mark.filterwarnings("error")
def test_no_values_are_no_marks():
    fig, ax = style.new()
    marks.dots(ax, [0, 1], [NAN, NAN], [NAN, NAN], [NAN, NAN], colour="black")
    marks.dots(ax, [], [], [], [], colour="black")
    fig.canvas.draw()


def luminance(colour):
    """Return the relative luminance of an sRGB colour, as defined in WCAG 2."""
    rgb = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """Return the contrast ratio, from 1 to 21; 4.5 is enough for small text."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("cmap", ["cividis", "Blues", "Greys"])
def test_the_text_of_every_cell_can_be_read_and_no_value_is_no_text(cmap):
    values = pd.DataFrame(np.linspace(0, 1, 60).reshape(6, 10), index=list("abcdef"))
    values.iloc[2, 3] = NAN
    texts = values.map("{:.2f}".format)
    _, ax = style.new()
    marks.cells(ax, values, texts, cmap=cmap, cbar=False)
    shown = [text for text in texts.to_numpy().flat if text != "nan"]
    assert [text.get_text() for text in ax.texts] == shown
    drawn = {text.get_position(): text for text in ax.texts}
    assert (3.5, 2.5) not in drawn
    mesh = ax.collections[0]
    for (x, y), text in drawn.items():
        cell = mesh.to_rgba(values.iloc[int(y), int(x)])
        assert contrast(text.get_color(), cell[:3]) >= 4.5
    assert [label.get_text() for label in ax.get_yticklabels()] == list("abcdef")
    assert ax.get_ylim() == (6, 0)  # the first row on top


def test_names_that_the_fonts_lack_are_not_drawn_before_the_report_replaces_them():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        signals.folds_chart(pd.DataFrame({"speaker": ["王伟", "김민준"], "fold": [0, 1]}))


def test_rows_are_named_from_top_to_bottom():
    _, ax = style.new()
    marks.rows(ax, ["first", "second"], fontsize=8)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]
    assert ax.get_ylim() == (1.5, -0.5) and ax.get_yticks().tolist() == [0, 1]


def test_seaborn_draws_in_our_look():
    style.apply()
    ours = dict(mpl.rcParams)
    clips = pd.DataFrame({"method": "ours", "gain": [1.0, 2.0]})
    scores.distribution(clips, ["ours"], "gain", "gain (dB)")
    assert dict(mpl.rcParams) == ours


def test_seaborn_is_not_loaded_before_it_draws():
    modules = "confounders, corpus, marks, scores, signals"
    code = f"import sys; from lib.figures import {modules}; sys.exit('seaborn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
