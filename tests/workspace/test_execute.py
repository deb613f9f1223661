"""lib.workspace.execute: notebooks run with live output, and are written whole or not at all."""

import io
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from nbformat import v4

from lib.errors import InputError
from lib.workspace import execute
from lib.workspace.folder import PROJECT_ROOT

PARAMETERS = 'corpus = "sample"\nplayers = True\nn = 3'


def write_notebook(path, *cells):
    nodes = [v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
    nodes += [v4.new_code_cell(cell) for cell in cells]
    nbformat.write(v4.new_notebook(cells=nodes), path)
    return path


def run_notebook(path, *arguments, **options):
    command = [
        sys.executable,
        "-m",
        "lib.workspace.execute",
        str(path),
        str(path.parent / "out.ipynb"),
    ]
    return subprocess.Popen(
        [*command, *arguments],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_execute_streams_and_writes(tmp_path):
    path = write_notebook(tmp_path / "in.ipynb", "print(corpus, players, n, type(n))")
    process = run_notebook(path, "corpus=a b", "players=0", "n=5")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    lines = output.splitlines()
    assert lines[0] == "── in (a b)"
    assert lines[1] == "a b False 5 <class 'int'>"
    assert re.fullmatch(r"── in: \d+ s", lines[2])
    assert {p.name for p in tmp_path.iterdir()} == {"in.ipynb", "out.ipynb"}
    assert nbformat.read(tmp_path / "out.ipynb", 4).metadata.papermill.duration > 0


def test_execute_keeps_the_notebook_of_a_failed_cell(tmp_path):
    failing = "from lib.errors import CorpusError\nraise CorpusError('No clips; add some.')"
    path = write_notebook(tmp_path / "in.ipynb", failing, "print('never')")
    process = run_notebook(path)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "never" not in output
    assert "in.ipynb failed in cell 2:\nCorpusError: No clips; add some.\n" in errors
    assert "Traceback" not in errors
    assert {p.name for p in tmp_path.iterdir()} == {"in.ipynb", "out.failed.ipynb"}


def test_execute_ends_quietly_when_told_to(tmp_path):
    cell = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)"
    process = run_notebook(write_notebook(tmp_path / "in.ipynb", cell))
    process.stdout.readline()
    kernel = int(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "was interrupted" in errors
    assert "Traceback" not in errors
    assert {p.name for p in tmp_path.iterdir()} == {"in.ipynb"}
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and _alive(kernel):
        time.sleep(0.1)
    assert not _alive(kernel)


def _alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": "3"}, "no parameter epochs; its parameters are corpus, players, n"),
        ({"n": "many"}, "Parameter n must be int, got 'many'"),
        ({"players": "maybe"}, "Parameter players must be bool, got 'maybe'"),
    ],
)
def test_execute_refuses_wrong_parameters(tmp_path, parameters, message):
    path = write_notebook(tmp_path / "in.ipynb")
    with pytest.raises(InputError, match=message):
        execute.execute(path, tmp_path / "out.ipynb", parameters)
    assert not (tmp_path / "out.ipynb").exists()


def test_execute_refuses_what_is_no_notebook(tmp_path):
    (tmp_path / "in.ipynb").write_text("{")
    with pytest.raises(InputError, match="Cannot read the notebook"):
        execute.execute(tmp_path / "in.ipynb", tmp_path / "out.ipynb", {})
    with pytest.raises(InputError, match="Cannot read the notebook"):
        execute.execute(tmp_path / "absent.ipynb", tmp_path / "out.ipynb", {})
    nbformat.write(v4.new_notebook(), tmp_path / "in.ipynb")
    with pytest.raises(InputError, match="0 cells tagged 'parameters'"):
        execute.execute(tmp_path / "in.ipynb", tmp_path / "out.ipynb", {})


def test_relay_collapses_progress_when_nobody_watches(monkeypatch):
    now, stream = [0.0], io.StringIO()
    monkeypatch.setattr(execute, "QUIET_S", 10)
    monkeypatch.setattr(execute.time, "monotonic", lambda: now[0])
    relay = execute.Relay(stream)
    for second in range(25):
        now[0] = second
        relay.write(f"\r\x1b[1mstep\x1b[0m {second}")
    relay.write("\ndone\nunfinished")
    relay.close()
    lines = stream.getvalue().splitlines()
    assert lines[-3:] == ["step 24", "done", "unfinished"]
    assert len(lines) == 5
    assert "\r" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


NOISE = "I0000 00:00:1795348213.268970   23738 port.cc:153] oneDNN custom operations are on.\n"


@pytest.mark.parametrize("watched", [True, False])
def test_relay_drops_what_tensorflow_says_at_each_start(watched):
    stream = io.StringIO()
    stream.isatty = lambda: watched
    relay = execute.Relay(stream)
    relay.write(
        "WARNING: All log messages before absl::InitializeLog() is called\n" + NOISE + "epoch 1\n"
    )
    relay.write(NOISE)
    relay.close()
    assert stream.getvalue() == "epoch 1\n"


def test_execute_says_that_the_kernel_died(tmp_path):
    code = f"""import os, pathlib, subprocess
worker = subprocess.Popen(["sleep", "60"]).pid
pathlib.Path({str(tmp_path / "worker")!r}).write_text(str(worker))
os._exit(9)"""
    process = run_notebook(write_notebook(tmp_path / "in.ipynb", code))
    _, errors = process.communicate(timeout=120)
    worker = int((tmp_path / "worker").read_text())
    assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == "zombie"
    assert process.returncode == 1
    assert "Kernel died" in errors
    assert "kernel.log" in errors
    assert "Traceback" not in errors
    assert {p.name for p in tmp_path.iterdir()} == {"in.ipynb", "worker"}
