"""lib.figures.{scores,signals}: figures show what the tables hold."""

import numpy as np
import pandas as pd
import pytest
from voices import RATE, voice

from lib.errors import InputError
from lib.figures import scores, signals, style
from lib.methods import METHODS

DRAWN = ["constant gain", "ours", "phase-sensitive mask"]


@pytest.fixture
def table():
    """As from `lib.evaluation.compare`: two methods, and an oracle without an interval."""
    columns = {"method": DRAWN, "oracle": [False, False, True], "milliseconds": [0.0, 3.0, 1.0]}
    limits = {"snr_db": [-0.001, 3.5, 8.0], "snr_db_low": [-0.5, 3.0, np.nan],
              "snr_db_high": [0.5, 4.0, np.nan]}  # fmt: skip
    return pd.DataFrame(columns | limits)


def colours(lines):
    return [line.get_color() for line in lines]


def test_comparison_draws_every_method_at_its_value(table):
    ax = scores.method_comparison(table, {"snr_db": "SNR (dB)"}).axes[0]
    dots = [line for line in ax.lines if line.get_marker() != "None"]
    assert [line.get_xdata()[0] for line in dots] == [-0.001, 3.5, 8.0]
    assert colours(dots) == [METHODS[method].colour for method in DRAWN]
    intervals = [bar.get_segments()[0][:, 0].tolist() for bar in ax.collections[:2]]
    assert intervals == [[-0.5, 0.5], [3.0, 4.0]]
    assert [line.get_markerfacecolor() for line in dots][2] == "white"  # an oracle is hollow
    assert [label.get_text() for label in ax.get_yticklabels()] == DRAWN
    assert [text.get_text() for text in ax.texts] == ["0.0", "3.5", "8.0"]
    assert ax.get_xlabel() == "SNR (dB)"


def test_comparison_marks_floor_and_ceiling(table):
    floor = pd.DataFrame({"method": ["silence", "noisy"], "oracle": False, "snr_db": [0.5, -8.0],
                          "estoi": [np.nan, 0.1]})  # fmt: skip
    oracle = table.iloc[[2]].assign(method="ideal ratio mask", snr_db=6.0)
    table = pd.concat([floor, table, oracle], ignore_index=True)
    table = table.fillna({"estoi": 0.3}).assign(estoi_low=0.2, estoi_high=0.4)
    table.loc[table["method"] == "silence", "estoi"] = np.nan
    fig = scores.method_comparison(table, {"snr_db": "SNR", "estoi": "ESTOI"})
    left, right = fig.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [*DRAWN, "ideal ratio mask"]
    lines = [line for line in left.lines if line.get_linestyle() == ":"]
    assert [line.get_xdata() for line in lines] == [[0.5, 0.5]]
    assert not [line for line in right.lines if line.get_linestyle() == ":"]  # silence has no ESTOI
    (band,) = left.patches
    assert [band.get_x(), band.get_x() + band.get_width()] == [6.0, 8.0]
    named = [text.get_text() for text in fig.legends[0].texts]
    assert named == ["silence", "noisy input", "oracle masks"]


def test_methods_differ_in_colour_and_the_compared_ones_in_shape():
    compared = ["reference as published", "reference repaired", "spectral gating", "Wiener", "ours"]
    assert len({style.marker(method) for method in [*compared, "ideal ratio mask"]}) == 6
    assert len({method.colour for method in METHODS.values()}) == len(METHODS)


def test_clean_speech_has_a_look_and_what_is_no_method_none():
    assert (style.colour("clean"), style.marker("clean")) == (style.CLEAN, "o")
    with pytest.raises(InputError, match="Unknown method 'ourz'"):
        style.colour("ourz")


def test_distribution_falls_from_all_clips_to_none():
    gains = pd.DataFrame({"method": ["ours"] * 4 + ["noisy"], "gain": [1.0, 2.0, 3.0, 4.0, 9.0]})
    ax = scores.distribution(gains, ["ours"], "gain", "gain (dB)").axes[0]
    line, _ = ax.lines
    assert line.get_xdata().tolist() == [-np.inf, 1, 2, 3, 4]  # only the requested methods
    assert line.get_ydata().tolist() == [100, 75, 50, 25, 0]
    assert line.get_drawstyle() == "steps-post"  # 75 % exceed any value from 1 to below 2
    assert line.get_color() == style.colour("ours")


def test_sweep_has_a_panel_for_each_noise_and_a_line_for_each_method():
    rows = [
        {"noise": noise, "method": method, "input_snr_db": snr, "estimate": gain - snr,
         "low": gain - snr - 1, "high": gain - snr + 2}
        for noise in ("white", "babble")
        for method, gain in (("Wiener", 5.0), ("ours", 9.0))
        for snr in (-5.0, 10.0)
    ]  # fmt: skip
    fig = scores.sweep(pd.DataFrame(rows), "gain (dB)")
    assert [ax.get_title("left") for ax in fig.axes] == ["white noise", "babble"]
    for ax in fig.axes:
        zero, *lines = ax.lines
        assert zero.get_ydata() == [0, 0]
        assert colours(lines) == [METHODS["Wiener"].colour, METHODS["ours"].colour]
        assert [line.get_ydata().tolist() for line in lines] == [[10, -5], [14, -1]]
        assert ax.collections[1].get_datalim(ax.transData).intervaly.tolist() == [-2, 16]
    assert [text.get_text() for text in fig.legends[0].texts] == ["noisy", "Wiener", "ours"]


def test_cost_labels_every_dot(table):
    ax = scores.cost(table, "snr_db", "SNR (dB)").axes[0]
    assert [text.get_text() for text in ax.texts] == DRAWN
    assert [line.get_xdata()[0] for line in ax.lines] == [0.01, 3.0, 1.0]  # 0 ms is drawn at 0.01


def test_labels_of_neighbouring_dots_do_not_cover_each_other():
    times = {"method": ["Wiener", "DTLN", "RNNoise"], "milliseconds": [80.0, 88.0, 95.0]}
    table = pd.DataFrame(times | {"gain": [9.0, 8.9, 9.1]})
    table.loc[3] = ["ours", 1.0, 0.0]
    boxes = [text.get_window_extent() for text in scores.cost(table, "gain", "dB").axes[0].texts]
    assert len(boxes) == 4
    assert not [1 for i, box in enumerate(boxes) if box.count_overlaps(boxes[:i])]


def test_loss_curves_mark_the_kept_epoch_of_every_fold():
    history = pd.DataFrame(
        [
            {"model": model, "fold": fold, "epoch": epoch, "loss": 1.0, "validation_loss": loss,
             "kept": epoch == 2}
            for model in ("reference as published", "ours")
            for fold in (0, 1)
            for epoch, loss in ((1, 0.9), (2, 0.5 + fold))
        ]
    )  # fmt: skip
    fig = scores.loss_curves(history, {"reference as published": "MSE", "ours": "-SNR (dB)"})
    assert [ax.get_ylabel() for ax in fig.axes] == ["MSE", "-SNR (dB)"]
    *losses, kept = fig.axes[1].lines
    assert [line.get_ydata().tolist() for line in losses] == [[1, 1]] * 2 + [[0.9, 0.5], [0.9, 1.5]]
    assert [line.get_linestyle() for line in losses] == [":", ":", "-", "-"]
    assert colours(fig.axes[1].lines) == [style.colour("ours")] * 5
    assert kept.get_xydata().tolist() == [[2, 0.5], [2, 1.5]] and kept.get_marker() == "o"


def test_spectrograms_have_one_scale_relative_to_the_first_signal():
    rows = {"voice": {"clean": voice(0), "quiet": 0.1 * voice(0)}}
    fig = signals.spectrograms(rows, RATE, n_fft=256, hop_length=64)
    images = [ax.images[0] for ax in fig.axes if ax.images]
    peaks = [image.get_array().max() for image in images]
    assert peaks == pytest.approx([0, -20], abs=1e-9)
    assert {image.get_clim() for image in images} == {(-signals.RANGE_DB, 0)}


def test_overview_draws_the_way_of_a_clip():
    clean, noise = voice(0), 0.1 * np.random.default_rng(0).standard_normal(len(voice(0)))
    given = {"n_fft": 256, "hop_length": 64, "judges": ["SI-SDR", "ESTOI"]}
    fig = signals.overview(clean, clean + noise, 0.5 * (clean + noise), **given)
    panels = {ax.get_title("left"): ax for ax in fig.axes}
    waves = {name: ax.lines[0].get_ydata() for name, ax in panels.items() if ax.lines}
    assert list(waves) == ["clean", "noise", "noisy", "denoised"]
    np.testing.assert_allclose(waves["noise"], noise, atol=1e-12)
    assert len({panels[name].get_ylim() for name in waves}) == 1
    before, after = (panels[name].images[0] for name in ("spectrogram", "masked"))
    assert before.get_clim() == after.get_clim()
    assert before.get_array().max() - after.get_array().max() == pytest.approx(6.02, abs=0.01)
    np.testing.assert_allclose(panels["mask"].images[0].get_array(), 0.5)
    assert panels["evaluation"].texts[0].get_text() == "SI-SDR\nESTOI"
    assert len(fig.artists) == len(signals.ARROWS)
    assert fig.get_layout_engine() is not None  # with None, Jupyter would use its default
    assert not fig.get_layout_engine().adjust_compatible  # and that would misplace the arrows


def test_every_speaker_is_tested_once_in_the_chart_of_folds():
    folds = pd.DataFrame({"speaker": list("abcd"), "fold": [0, 1, 2, 0]})
    ax = signals.folds_chart(folds).axes[0]
    roles = ax.collections[0].get_array().reshape(3, 4)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["fold 1", "fold 2", "fold 3"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "d", "b", "c"]
    assert roles.tolist() == [[2, 2, 1, 0], [0, 0, 2, 1], [1, 1, 0, 2]]


def test_the_learning_curve_shows_every_draw_and_the_means_over_people():
    table = pd.DataFrame({"people": [4, 4, 64, 64], "gain": [9.0, 10.0, 12.0, 12.5]})
    table = table.assign(gain_mean=[9.5, 9.5, 12.25, 12.25], gain_low=3.0, gain_high=16.0)
    ax = scores.learning_curve(table, {"gain": (10, "SI-SDRi (0.1 dB)")}).axes[0]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), 10 * table["gain"])
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [95, 122.5])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["4", "64"]
    assert ax.get_xscale() == "log" and ax.get_ylabel() == "SI-SDRi (0.1 dB)"
