"""The Makefile with a stand-in for Python: what is run when, and what is left when it is stopped.

The stand-in writes down each notebook that it is asked to run; only `lib.lock` is the real one.
The project lies in a folder whose name holds a space.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.artifacts import PROJECT_ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")

SERIES = [
    "01_data_exploration",
    "02_spectrogram_preparation",
    "03_model_training",
    "04_evaluation",
    "05_speaker_analysis",
]
LOCK = ("__init__", "environment", "errors", "lock")  # what the lock imports

FAKE_PYTHON = f"""#!/bin/bash
case "$*" in
    "-m lib.lock "*) exec "{sys.executable}" "$@" ;;
    "-m lib.report.execute "*)
        echo "$(basename "$3" .ipynb) ${{*:5}}" >> log
        if [[ $3 == *"$SLOW"* && -n $SLOW ]]; then exec sleep 30; fi
        if [[ $3 == *"$BROKEN"* && -n $BROKEN ]]; then exit 1; fi
        touch "$4" ;;
    "-m lib.report.export "*)
        echo "render ${{*:6}}" >> log
        mkdir -p "$5" && touch "$5/report.pdf" "$5/report.html" ;;
    "-m lib.contest "*)
        echo "contest ${{*:3}}" >> log
        [[ -f build/$3-$4/peers.json ]] || touch "build/$3-$4/peers.json" ;;
    "-m venv "*)
        echo "venv" >> log
        mkdir -p "${{@: -1}}/bin" && cp "$0" "${{@: -1}}/bin/python" ;;
    "-m pip install "*)
        echo "pip ${{*: -1}}" >> log
        if [[ $PIP_STATUS == killed ]]; then kill -9 $PPID; fi
        exit "${{PIP_STATUS:-0}}" ;;
    "-m lib.denoise "* | "-m lib.report."*) echo "${{*:2}}" >> log ;;
esac
"""


class Project:
    """A copy of the Makefile with empty notebooks."""

    def __init__(self, root: Path):
        self.root = root
        (root / "lib" / "report").mkdir(parents=True)
        (root / "notebooks").mkdir()
        for name in ("Makefile", *(f"lib/{n}.py" for n in LOCK)):
            shutil.copy(PROJECT_ROOT / name, root / name)
        for name in ("export", "markdown", "provenance", "display"):
            (root / "lib" / "report" / f"{name}.py").touch()
        for name in SERIES:
            (root / "notebooks" / f"{name}.ipynb").touch()
        (root / "requirements.txt").touch()
        (root / "requirements-compare.txt").touch()
        self.python = root / "python"
        self.python.write_text(FAKE_PYTHON)
        self.python.chmod(0o755)

    def start(self, *arguments, **environment):
        outer = ("MAKE", "MFLAGS", "VENV", "PYTHON")  # of a `make test` that runs this
        clean = {k: v for k, v in os.environ.items() if not k.startswith(outer)}
        return subprocess.Popen(
            ["make", *arguments, "PYTHON=./python"],
            cwd=self.root,
            env=clean | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def make(self, *arguments, **environment):
        """Run make to its end; return what the stand-in was asked to do."""
        (self.root / "log").unlink(missing_ok=True)
        process = self.start(*arguments, **environment)
        self.output, self.errors = process.communicate(timeout=30)
        self.status = process.returncode
        return [line.split()[0] for line in self.log()]

    def log(self):
        log = self.root / "log"
        return log.read_text().splitlines() if log.exists() else []

    def touch(self, name):
        """Make `name` newer than everything else, whatever the clock's resolution."""
        for path in [path for path in self.root.rglob("*") if path.is_file()]:
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 60))
        (self.root / name).touch()

    def wait_for(self, text):
        deadline = time.monotonic() + 20
        while not any(text in line for line in self.log()):
            assert time.monotonic() < deadline, f"{text} did not start: {self.log()}"
            time.sleep(0.05)

    def files(self, folder):
        return {path.name for path in (self.root / folder).iterdir()}


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path / "a project")
    project.make("report")
    return project


def test_first_run_makes_everything(tmp_path):
    project = Project(tmp_path / "a project")
    assert project.make("report") == ["venv", "pip", *SERIES, "render"]
    assert project.status == 0, project.errors
    assert "-p corpus sample -p profile quick" in project.log()[2]
    assert project.files("report/sample") == {"report.html", "report.pdf"}


def test_second_run_does_nothing_and_says_where_the_report_is(project):
    assert project.make("report") == []
    last = "── report/sample/report.html and report/sample/report.pdf are up to date\n"
    assert project.output == last


@pytest.mark.parametrize(
    ("touched", "runs"),
    [
        ("notebooks/05_speaker_analysis.ipynb", [SERIES[4], "render"]),
        ("notebooks/03_model_training.ipynb", [*SERIES[2:], "render"]),
        ("lib/report/display.py", [*SERIES, "render"]),
        ("lib/report/export.py", ["render"]),
        ("requirements.txt", ["pip"]),
    ],
)
def test_a_change_runs_what_follows_from_it(project, touched, runs):
    project.touch(touched)
    assert project.make("report") == runs


@pytest.mark.parametrize(
    ("argument", "runs"),
    [
        ("PLAYERS=0", ["render"]),
        ("DATA_DIR=/a b", [*SERIES, "render"]),
        ("PROFILE=smoke", [*SERIES, "render"]),
        ("CORPUS=fsdd", [*SERIES, "render"]),
    ],
)
def test_a_parameter_runs_what_depends_on_it(project, argument, runs):
    assert project.make("report", "CORPUS=sample", argument) == runs
    assert project.make("report", "CORPUS=sample", argument) == []


def test_the_content_of_params_counts(project):
    params = project.root / "my.yaml"
    params.write_text("seed: 1")
    assert project.make("report", "PARAMS=my.yaml") == [*SERIES, "render"]
    project.touch("my.yaml")
    assert project.make("report", "PARAMS=my.yaml") == []
    params.write_text("seed: 2")
    assert project.make("report", "PARAMS=my.yaml") == [*SERIES, "render"]


def test_another_profile_renders_again_into_the_same_folder(project):
    project.make("report", "PROFILE=smoke")
    assert project.make("report") == ["render"]


def test_a_tree_on_disk_is_audiomnist_unless_said_otherwise(project):
    project.make("report", "DATA_DIR=/some/tree")
    assert "-p corpus audiomnist" in project.log()[0]
    assert "-p data_dir /some/tree" in project.log()[0]


def test_a_missing_pdf_is_made_again(project):
    (project.root / "report/sample/report.pdf").unlink()
    assert project.make("report") == ["render"]


def test_a_failure_stops_the_series_and_the_next_run_resumes(project):
    project.touch("notebooks/01_data_exploration.ipynb")
    assert project.make("report", BROKEN="03_") == SERIES[:3]
    assert project.status != 0
    assert project.make("report") == [*SERIES[2:], "render"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_resumes(project, number):
    project.touch("notebooks/03_model_training.ipynb")
    before = project.files("build/sample-quick")
    (project.root / "log").unlink()
    process = project.start("report", SLOW="03_")
    project.wait_for("03_")
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as Ctrl-C does
    else:
        process.send_signal(number)
    process.communicate(timeout=10)
    assert process.returncode != 0
    deadline = time.monotonic() + 10  # the lower processes see within a second that they are alone
    while "03_model_training" not in " ".join(runs := project.make("report")):
        assert time.monotonic() < deadline, project.errors
        time.sleep(0.2)
    assert runs == [*SERIES[2:], "render"]
    assert project.files("build/sample-quick") == before


def test_two_runs_at_once_are_refused(project):
    project.touch("notebooks/05_speaker_analysis.ipynb")
    (project.root / "log").unlink()
    process = project.start("report", SLOW="05_")
    project.wait_for("05_")
    project.make("report", "PROFILE=smoke")
    assert project.status != 0
    assert "`make report` is already at work on sample (process" in project.errors
    project.make("report", "CORPUS=fsdd")
    assert project.status == 0, "another corpus is not in the way"
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=10)


@pytest.mark.parametrize("status", ["1", "killed"])
def test_a_partial_environment_is_not_taken_for_whole(tmp_path, status):
    project = Project(tmp_path / "a project")
    assert project.make("report", PIP_STATUS=status) == ["venv", "pip"]
    assert project.status != 0
    assert project.make("report") == ["venv", "pip", *SERIES, "render"]


def test_compare_needs_the_trained_models_and_the_report_keeps_its_scores(tmp_path):
    project = Project(tmp_path / "a project")
    assert project.make("compare") == [
        "venv", "pip", "pip", *SERIES[:3], "contest", *SERIES[3:], "render"
    ]  # fmt: skip
    assert project.status == 0, project.errors
    assert "contest sample quick" in project.log()[6]
    assert project.make("report") == []
    assert project.make("compare") == ["contest"], "what was scored before renders nothing again"


def test_compare_after_a_report_runs_only_what_reads_its_scores(project):
    assert project.make("compare") == ["pip", "contest", *SERIES[3:], "render"]
    assert project.make("report") == []


def test_help_names_every_target_and_variable(project):
    project.make("help")
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    (phony,) = [line for line in makefile.splitlines() if line.startswith(".PHONY:")]
    listed = {line.split()[0] for line in project.output.splitlines() if line.startswith("  ")}
    variables = {"CORPUS", "PROFILE", "DATA_DIR", "PARAMS", "PLAYERS", "MODEL", "PYTHON", "VENV"}
    inner = {"FORCE", "rendered", "compared", "searched"}
    assert listed == set(phony.split()[1:]) - inner | variables


def test_denoise_says_what_it_needs(project):
    project.make("denoise", "IN=a.wav")
    assert project.status != 0
    assert "usage: make denoise IN=noisy.wav OUT=denoised.wav" in project.errors


def test_denoise_takes_the_shipped_network_unless_another_is_named(project):
    project.make("denoise", "IN=a b.wav", "OUT=c.wav")
    assert project.log() == ["lib.denoise a b.wav c.wav"]
    project.make("denoise", "IN=a.wav", "OUT=c.wav", "MODEL=d.keras")
    assert project.log() == ["lib.denoise a.wav c.wav --model d.keras"]


def test_publish_writes_card_and_readme(project):
    assert project.make("publish") == ["lib.report.card", "lib.report.readme"]
