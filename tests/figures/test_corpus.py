"""lib.figures.corpus: what is drawn is what the tables hold, also where they hold little."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd

from lib.corpora.metadata import clean_speakers
from lib.corpora.sample import people
from lib.figures import corpus as figures


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
    for ax in figures.durations_and_levels(clips, 1.0).axes:
        assert sum(bar.get_height() for bar in ax.patches) == 4


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
