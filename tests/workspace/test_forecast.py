"""lib.workspace.forecast: the remaining time, estimated from earlier runs."""

from pathlib import Path

import pytest

from lib.workspace import forecast

LAST = forecast.NOTEBOOKS[-1]


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path, monkeypatch):
    monkeypatch.setattr(forecast, "TIMES", tmp_path / "times.json")


def output(name, run="fsdd-full"):
    return Path("build") / run / f"{name}.ipynb"


def test_what_never_ran_is_told_for_short_runs_only():
    assert forecast.remaining(output(LAST)) == ""
    assert forecast.remaining(output("other", run="sample-quick")) == ""
    typical = forecast.TYPICAL_S["quick"]
    told = forecast.remaining(output(forecast.NOTEBOOKS[0], run="sample-quick"))
    assert told.endswith(f" of {sum(typical.values()) / 60:.0f} min left")


def test_the_longest_times_of_that_run_count():
    for seconds, name in zip((20, 10, 4000, 1000, 70), forecast.NOTEBOOKS):
        forecast.remember(output(name), seconds)
        forecast.remember(output(name), seconds / 3)  # all was cached
        forecast.remember(output(name, run="fsdd-smoke"), 1)
    told = [forecast.remaining(output(name)) for name in forecast.NOTEBOOKS]
    assert told[0] == ": up to 20 s of 85 min left"
    assert told[2] == ": up to 67 min of 84 min left"
    assert told[4] == ": up to 70 s"


def test_a_broken_file_of_times_is_written_anew():
    forecast.TIMES.write_text("{")
    assert forecast.remaining(output(LAST)) == ""
    forecast.remember(output(LAST), 5)
    assert forecast.remaining(output(LAST)) == ": up to 5 s"
