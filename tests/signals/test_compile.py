"""Everything that numba compiles is compiled at installation."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lib.environment
from lib.workspace.folder import PROJECT_ROOT

USE = """
import lib, numpy as np
from lib.clips.voices import pitch_hz
from lib.metrics import evaluate
from lib.signals.audio import word_bounds
from lib.signals.stft import round_trip_error_db
rng = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    clean, noise = rng.normal(size=(2, 8000)).astype(dtype)
    assert round_trip_error_db(clean, n_fft=2048, hop_length=512) < -100
    word_bounds(clean, 8000, 0.0)
    pitch_hz(np.sin(np.arange(len(clean), dtype=dtype)), 8000)
    assert evaluate(clean, clean + noise, 8000)["log_spectral_distance_db"] > 0
"""


def compiled():
    return sorted(Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nb[ci]"))


def test_no_function_is_compiled_by_processes_that_work_at_a_time():
    run = {"check": True, "cwd": PROJECT_ROOT}
    subprocess.run([sys.executable, "-m", "lib.signals.compile"], **run)
    before = compiled()
    assert before
    subprocess.run([sys.executable, "-c", USE], **run)
    assert compiled() == before


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="this is no virtual environment")
def test_what_was_compiled_stays_with_the_packages():
    assert lib.environment._virtual_environment() == Path(sys.prefix)
    assert os.environ["NUMBA_CACHE_DIR"] == str(Path(sys.prefix) / ".numba")
