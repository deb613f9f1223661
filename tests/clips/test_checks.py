"""lib.clips.checks: the checks of notebook 02 on files with known properties."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from voices import configure, measured, supply, voice, voice_store

from lib.clips.checks import (
    band_limiting_gain,
    describe_noise,
    describe_supplied,
    mixing_error_db,
)
from lib.clips.prepare import build_store
from lib.config import Config
from lib.metrics import snr
from lib.text import plain
from lib.workspace.folder import Run

pytestmark = pytest.mark.usefixtures("one_process")


def test_low_passing_gains_what_the_bandwidth_says(tmp_path):
    """At 48 kHz one sixth of white noise, but all of a low voice, lies below 4 kHz: 7.8 dB."""
    paths = []
    for rate in (8000, 48000):
        paths.append(str(tmp_path / f"{rate}.wav"))
        soundfile.write(paths[-1], voice(0, seconds=1.0, rate=rate), rate)
    table = band_limiting_gain(paths, Config())
    assert table["sample_rate"].tolist() == [8000, 48000]
    assert table["improvement_db"].iat[0] == pytest.approx(0, abs=1e-9)
    assert table["improvement_db"].iat[1] == pytest.approx(10 * np.log10(6), abs=0.3)


def test_the_error_of_mixing_is_the_largest(monkeypatch):
    store = voice_store(Config(), speakers=2)
    assert mixing_error_db(store, np.arange(4)) < 1e-6
    people = store.index[["speaker"]].drop_duplicates()
    told = describe_noise(store, pd.DataFrame(), people)
    assert f"Over {len(store)} clips" in told and "\N{MINUS SIGN}8 dB" in told
    real = type(store).noisy

    def wrong(self, row):
        """Return the clip with noise, of twice the amplitude (6 dB) in one row."""
        clean = self.clean(row)
        return clean + (2 if row == 2 else 1) * (real(self, row) - clean)

    monkeypatch.setattr(type(store), "noisy", wrong)
    assert mixing_error_db(store, np.arange(4)) == pytest.approx(20 * np.log10(2), abs=1e-6)


def test_supplied_noise_is_described_as_it_is_in_the_files_and_at_the_working_rate(tmp_path):
    supply(tmp_path)
    for clip_id in ("1_01_0", "1_03_0"):
        (tmp_path / f"{clip_id}_noisy.wav").unlink()
    config = configure(noise={"kind": "supplied"})
    run = Run(corpus="audiomnist", config=config, data_dir="", dir=tmp_path / "build")
    manifest = measured(tmp_path)
    store = build_store(run, manifest, str(tmp_path))
    people = pd.DataFrame({"speaker": ["01", "02", "03"], "accent": ["a", "b", "b"]})
    facts = describe_supplied(store, manifest, people)
    assert (facts["n"], facts["left_out"]) == (2, 3)
    assert facts["file_mean"] == pytest.approx(-6, abs=0.1)
    assert (facts["file_low"], facts["file_high"]) == pytest.approx((-9, -3), abs=0.1)
    low, high = (snr(store.clean(row), store.noisy(row)) for row in range(2))
    assert (low, high) > (-9 + 2, -3 + 2)  # noise above half the working rate is gone
    assert (facts["low"], facts["high"], facts["mean"]) == (low, high, (low + high) / 2)
    assert (facts["digit"], facts["digit_below"]) == ("0", 0)
    assert (facts["accent"], facts["accent_below"]) == ("a", pytest.approx((high - low) / 2))
    told = describe_noise(store, manifest, people)
    assert "the 2 supplied files" in told and "3 usable clips" in told
    for value in (facts["file_mean"], facts["mean"], config.noise.snr_db):
        assert plain(value, ".1f").removesuffix(".0") in told
