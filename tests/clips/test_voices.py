"""lib.clips.voices: measured once per store; pitch and tilt of sounds with known values."""

import numpy as np
import pandas as pd
import pytest
from voices import RATE, hum

from lib.clips import voices
from lib.clips.store import ClipStore
from lib.config import load_config
from lib.workspace.folder import Run

pytestmark = pytest.mark.usefixtures("one_process")


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

    measured = []

    def pretend(function, tasks, **options):
        measured.append(len(tasks))
        return [[1.0, 2.0] for _ in tasks]

    monkeypatch.setattr(voices, "in_parallel", pretend)
    assert voices.measure_voices(run, ClipStore(clips, index, config)).equals(table)
    assert not measured
    clips[3, :2400] = hum(150, 0.3)
    changed = voices.measure_voices(run, ClipStore(clips, index, config))
    assert measured == [4] and (changed["f0_hz"] == 1).all()
    assert len(list(tmp_path.rglob("*.parquet"))) == 1


@pytest.mark.parametrize("hz", [90, 140, 220])
def test_the_pitch_of_a_hum_is_found(hz):
    assert voices.pitch_hz(hum(hz), RATE) == pytest.approx(hz, rel=0.02)
    assert voices.pitch_hz(0.001 * hum(hz), RATE) == pytest.approx(hz, rel=0.02)


def test_noise_and_silence_have_no_tilt_or_no_pitch():
    noise = np.random.default_rng(0).normal(size=20 * RATE)
    assert voices.tilt_db_per_octave(noise, RATE) == pytest.approx(0, abs=0.3)
    integrated = np.cumsum(noise)
    assert voices.tilt_db_per_octave(integrated, RATE) == pytest.approx(-6, abs=1)
    for silent in (np.zeros(4000), np.zeros(10)):
        assert np.isnan(voices.pitch_hz(silent, RATE))
        assert np.isnan(voices.tilt_db_per_octave(silent, RATE))
