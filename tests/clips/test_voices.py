"""Pitch and tilt of sounds whose pitch and tilt are known, and the table that keeps them."""

import numpy as np
import pandas as pd
import pytest

from lib.clips import voices
from lib.clips.store import ClipStore
from lib.config import load_config
from lib.signals import voice
from lib.workspace.folder import Run

RATE = 8000


def hum(hz, seconds=0.4):
    """Ten harmonics that fall by 6 dB per octave."""
    t = np.arange(round(seconds * RATE)) / RATE
    return sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 11))


@pytest.mark.parametrize("hz", [90, 140, 220])
def test_the_pitch_of_a_hum_is_found(hz):
    assert voice.pitch_hz(hum(hz), RATE) == pytest.approx(hz, rel=0.02)
    assert voice.pitch_hz(0.001 * hum(hz), RATE) == pytest.approx(hz, rel=0.02)


def test_noise_and_silence_have_no_tilt_or_no_pitch():
    noise = np.random.default_rng(0).normal(size=20 * RATE)
    assert voice.tilt_db_per_octave(noise, RATE) == pytest.approx(0, abs=0.3)
    integrated = np.cumsum(noise)
    assert voice.tilt_db_per_octave(integrated, RATE) == pytest.approx(-6, abs=1)
    for silent in (np.zeros(4000), np.zeros(10)):
        assert np.isnan(voice.pitch_hz(silent, RATE))
        assert np.isnan(voice.tilt_db_per_octave(silent, RATE))


def called(calls, tasks):
    calls.append(1)
    return [[1.0, 2.0] for _ in tasks]


def test_clips_are_measured_once(tmp_path, monkeypatch):
    config = load_config("smoke")
    run = Run("toy", config, "", tmp_path)
    clips = np.zeros((4, RATE), np.float32)
    for row, hz in enumerate((100, 100, 200, 200)):
        clips[row, :2400] = hum(hz, 0.3)
    names = {"clip_id": list("abcd"), "speaker": ["x", "x", "y", "y"], "digit": [0, 1, 0, 1]}
    index = pd.DataFrame(names | {"repetition": 0, "samples": 2400})
    table = voices.measure_voices(run, ClipStore(clips, index, config))
    assert table.groupby("speaker")["f0_hz"].median().tolist() == pytest.approx(
        [100, 200], rel=0.02
    )

    calls = []
    monkeypatch.setattr(voices.joblib, "Parallel", lambda **_: lambda tasks: called(calls, tasks))
    assert voices.measure_voices(run, ClipStore(clips, index, config)).equals(table)
    assert not calls
    clips[3, :2400] = hum(150, 0.3)
    changed = voices.measure_voices(run, ClipStore(clips, index, config))
    assert calls == [1] and (changed["f0_hz"] == 1).all()
    assert len(list(tmp_path.glob("voices-*.parquet"))) == 1
