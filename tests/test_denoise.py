"""Anyone's recording: length, rate, channels and format stay; errors say what to do."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from lib import denoise
from lib.artifacts import PROJECT_ROOT
from lib.config import Config
from lib.errors import InputError, MissingArtifactError
from lib.models import build_ours

RATE, WINDOW = 8000, 8000
SETTINGS = {"rate": RATE, "window": WINDOW}


def identity(noisy, sample_rate):
    assert sample_rate == RATE and len(noisy) <= WINDOW
    return noisy


def tone(n, sample_rate, hz=440.0):
    return 0.1 * np.sin(2 * np.pi * hz * np.arange(n) / sample_rate)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An untrained network in a folder like that of a run."""
    folder = tmp_path_factory.mktemp("sample-smoke")
    (folder / "models").mkdir()
    (folder / "config.json").write_text(json.dumps(Config().to_dict()), encoding="utf-8")
    path = folder / "models" / "ours-fold0.keras"
    build_ours(Config().audio).save(path)
    return path


@pytest.mark.parametrize("n", [1, 100, 7999, 8000, 8001, 12_000, 20_001, 40_000])
def test_windows_leave_no_seam(n):
    y = np.random.default_rng(n).standard_normal(n)
    out = denoise.denoise_signal(y, RATE, identity, **SETTINGS)
    assert out.shape == y.shape
    np.testing.assert_allclose(out, y, atol=1e-12)


def test_a_wrong_fade_would_be_seen():
    y = np.ones(20_000)
    out = denoise.denoise_signal(y, RATE, lambda x, rate: 0.5 * x, **SETTINGS)
    np.testing.assert_allclose(out, 0.5, atol=1e-12)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000])
def test_other_rates_keep_what_the_model_can_carry(rate):
    y = tone(3 * rate, rate)
    out = denoise.denoise_signal(y, rate, identity, **SETTINGS)
    assert out.shape == y.shape
    middle = slice(rate // 2, -rate // 2)  # resampling has transients at the ends
    np.testing.assert_allclose(out[middle], y[middle], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "subtype", "channels"),
    [("a.wav", "PCM_16", 1), ("b.wav", "FLOAT", 2), ("c.flac", "PCM_24", 2), ("d.ogg", None, 1)],
)
def test_file_keeps_rate_channels_length_and_format(tmp_path, model, name, subtype, channels):
    source, target = tmp_path / name, tmp_path / f"out {name}"
    y = np.stack([tone(20_000, 16_000, 300 + 200 * c) for c in range(channels)], axis=1)
    soundfile.write(source, y, 16_000, subtype=subtype)
    assert denoise.denoise_file(source, target, model) == model
    before, after = soundfile.info(source), soundfile.info(target)
    for fact in ("samplerate", "channels", "frames", "format", "subtype"):
        assert getattr(before, fact) == getattr(after, fact), fact
    assert np.isfinite(soundfile.read(target)[0]).all()


def write_text(path):
    path.write_text("this is no sound", encoding="utf-8")


def write_nothing(path):
    soundfile.write(path, np.zeros(0), 8000)


def write_nan(path):
    soundfile.write(path, np.array([0.0, np.nan]), 8000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "cannot be read as audio"),
        (write_text, "cannot be read as audio"),
        (write_nothing, "no samples"),
        (write_nan, "NaN or infinite"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, model, write, message):
    source = tmp_path / "in.wav"
    write(source)
    with pytest.raises(InputError, match=message):
        denoise.denoise_file(source, tmp_path / "out.wav", model)
    assert not (tmp_path / "out.wav").exists()


def test_unknown_output_format_is_refused_before_work(tmp_path):
    soundfile.write(tmp_path / "in.wav", tone(100, RATE), RATE)
    with pytest.raises(InputError, match="unknown audio format 'XYZ'"):
        denoise.denoise_file(tmp_path / "in.wav", tmp_path / "out.xyz")


def test_without_a_model_it_says_what_to_run(tmp_path):
    with pytest.raises(MissingArtifactError, match="make report"):
        denoise.newest_model(tmp_path)


def test_the_most_thorough_run_is_preferred(tmp_path):
    for age, run in enumerate(["fsdd-smoke", "sample-quick", "fsdd-full", "fsdd-quick"]):
        path = tmp_path / run / "models" / "ours-fold0.keras"
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (age, age))
    assert denoise.newest_model(tmp_path).parent.parent.name == "fsdd-full"


def test_command_line_explains_in_one_line(tmp_path):
    command = [sys.executable, "-m", "lib.denoise", str(tmp_path / "no.wav"), "out.wav"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr
