"""lib.figures.corpus: figures show what the tables hold, even where they hold little."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba

from lib.corpora.metadata import clean_speakers
from lib.corpora.sample import people
from lib.figures import corpus as figures
from lib.figures import style


def _bars(ax):
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    return dict(zip(labels, (bar.get_width() for bar in ax.patches), strict=True))


def test_bars_count_every_speaker_once():
    speakers, _ = clean_speakers(people.metadata(20))
    axes = figures.metadata_bars(speakers).axes
    assert [sum(_bars(ax).values()) for ax in axes] == [20] * 6
    assert _bars(axes[0]) == {"German": 7, "British": 5, "Spanish": 5, "American": 3}
    assert _bars(axes[1])["not given"] == 1  # the age 1234


def test_bars_of_a_corpus_without_metadata():
    speakers, _ = clean_speakers({}, ["a", "b"])
    assert [_bars(ax) for ax in figures.metadata_bars(speakers).axes] == [{"not given": 2}] * 6


def test_rare_levels_share_a_bar():
    raw = {f"{k:02d}": {"accent": f"accent {k:02d}"} for k in range(15)}
    bars = _bars(figures.metadata_bars(clean_speakers(raw)[0]).axes[0])
    assert len(bars) == 10 and bars["6 others"] == 6


def test_every_clip_is_in_the_histograms():
    clips = pd.DataFrame({"duration_s": [0.33, 0.5, 0.97, 2.3], "rms_dbfs": [-60.0, -50, -43, -40]})
    for ax, column in zip(figures.durations_and_levels(clips, 1.0).axes, clips):
        bars = [bar for bar in ax.patches if bar.get_height()]
        assert sum(bar.get_height() for bar in bars) == 4
        for bar, value in zip(bars, clips[column]):
            assert bar.get_x() <= value <= bar.get_x() + bar.get_width()
            assert bar.get_x() + bar.get_width() < ax.get_xlim()[1] + 1e-9  # fully visible
            assert bar.get_facecolor() == to_rgba(style.NEUTRAL)


def test_a_grid_of_durations_falls_into_bars_of_one_height():
    clips = pd.DataFrame({"duration_s": np.arange(50, 90) / 100, "rms_dbfs": -40.0})
    clips = pd.concat([clips] * 6, ignore_index=True)
    bars = figures.durations_and_levels(clips, 1.0).axes[0].patches
    assert {bar.get_height() for bar in bars} == {0, 12}


def test_faults_of_one_clip_each_and_digital_silence():
    clips = pd.DataFrame(
        {
            "speaker": ["a", "b", "c"],
            "dc_share": [0.1, 0, 0],
            "rumble_share": [0, 0.2, 0],
            "noise_floor_db": [-20, -30, -np.inf],
        }
    )
    figure = figures.speaker_faults(clips)
    assert [tick.get_text() for tick in figure.axes[1].get_xticklabels()] == ["a", "b", "c"]
    figure.canvas.draw()
    offset = figure.axes[0].collections[0].get_segments()[0]
    np.testing.assert_allclose(offset, [[-0.15, 10], [-0.15, 10]])


def test_snr_of_the_pairs_with_its_range():
    table = pd.DataFrame({"digit": ["all", "3"], "n_pairs": [1200, 40], "mean_db": [-8.0, -7.0]})
    table = table.assign(min_db=[-9.0, -7.5], max_db=[-6.0, -6.5])
    left, right = figures.measured_snr(table, table.rename(columns={"digit": "accent"}), -8.0).axes
    for ax in (left, right):
        labels = [label.get_text() for label in ax.get_yticklabels()]
        assert labels == ["all (n = 1,200)", "3 (n = 40)"]
        nominal, dots = ax.lines
        assert nominal.get_xdata() == [-8, -8] and dots.get_xdata().tolist() == [-8, -7]
        bars = [bar[:, 0].tolist() for bar in ax.collections[0].get_segments()]
        assert bars == [[-9, -6], [-7.5, -6.5]]
