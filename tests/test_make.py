"""The Makefile with a stand-in for Python: what runs when, and what an interrupted run leaves.

The stand-in logs each notebook that it is asked to run; lib.workspace and lib.config are the real
ones, run without third-party packages as in a fresh clone.  The name of the project's folder
contains a space and a quote.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.workspace.folder import PROJECT_ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")

SERIES = [
    "01_data_exploration",
    "02_spectrogram_preparation",
    "03_model_training",
    "04_evaluation",
    "05_speaker_analysis",
]

OUTER = ("MAKE", "MFLAGS", "CORPUS", "PROFILE", "DATA_DIR", "VOICES_DIR", "PARAMS", "PLAYERS",
         "IN", "OUT", "MODEL", "PYTHON", "VENV")  # fmt: skip # variables of an outer `make test`

FAKE_PYTHON = f"""#!/bin/bash
trap 'exit 130' INT  # else bash goes on if Ctrl-C comes while it waits for a command that ends well
case "$*" in
    "-m lib.workspace.execute "*)
        echo "$(basename "$3" .ipynb) ${{*:5}}" >> log
        if [[ $3 == *"$SLOW"* && -n $SLOW ]]; then exec sleep 30; fi
        if [[ $3 == *"$BROKEN"* && -n $BROKEN ]]; then exit 1; fi
        touch "$4" ;;
    "-m lib.workspace."*) exec "{sys.executable}" -S "$@" ;;
    "-m lib.report.export "*)
        echo "render ${{*:6}}" >> log
        mkdir -p "$5" && touch "$5/report.html"
        if [[ -n $SLOW_RENDERING ]]; then exec sleep 30; fi
        if [[ -n $BROKEN_RENDERING ]]; then exit 1; fi
        touch "$5/report.pdf" ;;
    "-m lib.evaluation.peers "*)
        echo "peers ${{*:3}}" >> log
        [[ -f build/$3-$4/peers.json ]] || touch "build/$3-$4/peers.json" ;;
    "-m venv "*)
        echo "venv" >> log
        mkdir -p "${{@: -1}}/bin" && cp "$0" "${{@: -1}}/bin/python" ;;
    "-m pip install "*)
        echo "pip ${{*: -1}}" >> log
        if [[ $PIP_STATUS == killed ]]; then kill -9 $PPID; fi
        exit "${{PIP_STATUS:-0}}" ;;
    "-m lib.denoise "*) printf '<%s>' "${{@:2}}" >> log && echo >> log ;;
    "-m lib.publish.index "*) touch "$3/index.html" ;;
    "-m lib.publish.verify "*) echo "── compared ${{*:3}}" ;;
    "-m lib.publish."* | "-m lib.corpora "*) echo "${{*:2}}" >> log ;;
    "-c import lib, jupyterlab"*) echo "jupyterlab ${{*:3}}" >> log ;;
esac
"""
OPENED = """
import pathlib, sys
pathlib.Path("log").open("a").write("open " + " ".join(sys.argv[1:]) + "\\n")
pathlib.Path("data", "fsdd").mkdir(parents=True, exist_ok=True)
"""


TOY = """
from lib.config import LOUD


def step1():
    return level() + LOUD


def step2():
    return 2


def step3():
    return level(0.2)


def step4():
    return 4


def step5():
    return 5


def level(gain: float = 0.1):
    return gain
"""


class Project:
    """A copy of the Makefile with one-line notebooks."""

    def __init__(self, root: Path, template: "Project | None" = None):
        self.root, self.python = root, root / "python"
        if template:
            shutil.copytree(template.root, root)
        else:
            self._make_files(root)

    def _make_files(self, root):
        for name in ("lib/report/assets", "lib/corpora/sample/data", "notebooks", "tree/01"):
            (root / name).mkdir(parents=True)
        for path in [PROJECT_ROOT / "Makefile", *(PROJECT_ROOT / "lib").glob("*.py")]:
            shutil.copy(path, root / path.relative_to(PROJECT_ROOT))
        for room in ("workspace", "config"):
            shutil.copytree(PROJECT_ROOT / "lib" / room, root / "lib" / room)
        (root / "lib/corpora/__init__.py").write_text(
            "CORPORA = {'sample': 1, 'fsdd': 2, 'audiomnist': 3}\nVOICES = {'speech-commands': 4}"
        )
        (root / "lib/corpora/__main__.py").write_text(OPENED)
        for name in ("audioMNIST_meta.txt", "01/7_01_0.wav"):
            (root / "tree" / name).write_text("1")
        (root / "lib/toy.py").write_text(TOY)
        (root / "lib/report/export.py").write_text("def export():\n    return 1\n")
        (root / "lib/report/assets/report.css").write_text("p {}")
        for number, name in enumerate(SERIES, start=1):
            source = f"from lib import toy\ntoy.step{number}()"
            cells = [{"cell_type": "markdown", "source": "# Title"},
                     {"cell_type": "code", "source": source}]  # fmt: skip
            (root / "notebooks" / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))
        for name in ("", "-dev", "-compare"):
            (root / f"requirements{name}.txt").touch()
        self.python.write_text(FAKE_PYTHON)
        self.python.chmod(0o755)

    def start(self, *arguments, **environment):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(OUTER)}
        return subprocess.Popen(
            ["make", "PYTHON=./python", *arguments],
            cwd=self.root,
            env=clean | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def make(self, *arguments, **environment):
        """Run make to completion; return what the stand-in was asked to do."""
        (self.root / "log").unlink(missing_ok=True)
        process = self.start(*arguments, **environment)
        self.output, self.errors = process.communicate(timeout=120)
        self.status = process.returncode
        return [line.split()[0] for line in self.log() if line.split()]

    def log(self):
        log = self.root / "log"
        return log.read_text().splitlines() if log.exists() else []

    def refused(self, message):
        """Check that make failed with this one-line error and at most one line of its own."""
        error, *rest = self.errors.splitlines()
        assert self.status != 0
        assert message in error
        assert "error: " in error
        assert [line for line in rest if not re.match(r"make: \*\*\* .*Error \d+$", line)] == []
        assert len(rest) <= 1

    def touch(self, name):
        """Make `name` newer than all other files, whatever the clock's resolution."""
        for path in [path for path in self.root.rglob("*") if path.is_file()]:
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 60))
        (self.root / name).touch()

    def edit(self, name, old, new):
        """Replace `old` by `new` in a file, which is then the newest."""
        text = (self.root / name).read_text()
        assert old in text
        self.touch(name)
        (self.root / name).write_text(text.replace(old, new))

    def wait_for(self, text):
        deadline = time.monotonic() + 120
        while not any(text in line for line in self.log()):
            assert time.monotonic() < deadline, f"{text} did not start: {self.log()}"
            time.sleep(0.05)

    def files(self, folder):
        return {path.name for path in (self.root / folder).iterdir()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project whose report has been built."""
    project = Project(tmp_path_factory.mktemp("finished") / "a user's project")
    project.make("report")
    return project


@pytest.fixture
def project(finished, tmp_path):
    return Project(tmp_path / finished.root.name, finished)


def test_first_run_makes_everything(tmp_path):
    project = Project(tmp_path / "a user's project")
    assert project.make("report") == ["venv", "pip", "open", *SERIES, "render"]
    assert project.status == 0, project.errors
    assert "corpus=sample profile=quick" in project.log()[3]
    assert project.files("report/sample") == {"report.html", "report.pdf"}
    assert project.files("report") == {"sample", "index.html"}


def test_second_run_does_nothing_and_says_where_the_report_is(project):
    assert project.make("report") == []
    last = "── report/sample/report.html and report/sample/report.pdf are up to date\n"
    assert project.output == last + "── compared sample --line\n"


@pytest.mark.parametrize(
    ("name", "old", "new", "runs"),
    [
        ("notebooks/05_speaker_analysis.ipynb", "Title", "Another", [SERIES[4], "render"]),
        ("notebooks/03_model_training.ipynb", "step3()", "step2()", [*SERIES[2:], "render"]),
        ("lib/toy.py", "return 5", "return 6", [SERIES[4], "render"]),
        ("lib/toy.py", "float = 0.1", "float = 0.2", [*SERIES, "render"]),
        ("lib/toy.py", "level(0.2)", "level(0.3)", [*SERIES[2:], "render"]),
        ("lib/report/export.py", "return 1", "return 2", ["render"]),
        ("lib/report/assets/report.css", "p", "li", ["render"]),
        ("lib/toy.py", "gain: float", "gain: int", []),
        ("lib/toy.py", "return 2", "return 2  # two", []),
        ("lib/toy.py", "def step1():", 'def step1():\n    """Do the first."""', []),
        ("lib/toy.py", "return 4", "return (\n        4\n    )", []),
        ("lib/workspace/lock.py", "import os", "import os, os", []),
        ("lib/config/__init__.py", '"smoke": {', '"smokes": {', []),
    ],
)
def test_a_change_of_meaning_runs_what_follows_from_it(project, name, old, new, runs):
    project.edit(name, old, new)
    assert project.make("report") == runs
    assert project.make("report") == []


@pytest.mark.parametrize("name", ["lib/toy.py", "notebooks/03_model_training.ipynb", "Makefile"])
def test_a_touched_file_runs_nothing(project, name):
    project.touch(name)
    assert project.make("report") == []


def test_other_packages_are_asked_for(project):
    project.touch("requirements.txt")
    assert project.make("report") == ["pip"]


@pytest.mark.parametrize(
    ("argument", "runs"),
    [
        ("PLAYERS=0", ["render"]),
        ("PROFILE=smoke", ["open", *SERIES, "render"]),
        ("CORPUS=fsdd", ["open", *SERIES, "render"]),
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
    project.make("report", "DATA_DIR=tree")
    assert "corpus=audiomnist" in project.log()[1]
    assert "data_dir=tree" in project.log()[1]


def test_a_missing_pdf_is_made_again(project):
    (project.root / "report/sample/report.pdf").unlink()
    assert project.make("report") == ["render"]


def test_a_failure_stops_the_series_and_the_next_run_resumes(project):
    project.edit("notebooks/01_data_exploration.ipynb", "Title", "T")
    assert project.make("report", BROKEN="03_") == SERIES[:3]
    assert project.status != 0
    assert project.make("report") == [*SERIES[2:], "render"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_resumes(project, number):
    project.edit("notebooks/03_model_training.ipynb", "Title", "T")
    before = project.files("build/sample-quick")
    (project.root / "log").unlink()
    process = project.start("report", SLOW="03_")
    project.wait_for("03_")
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as Ctrl-C does
    else:
        process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode != 0
    deadline = time.monotonic() + 120  # children notice within a second that they are orphaned
    while "03_model_training" not in " ".join(runs := project.make("report")):
        assert time.monotonic() < deadline, project.errors
        time.sleep(0.2)
    assert runs == [*SERIES[2:], "render"]
    assert project.files("build/sample-quick") == before


def test_two_runs_at_once_are_refused(project):
    project.edit("notebooks/05_speaker_analysis.ipynb", "Title", "T")
    (project.root / "log").unlink()
    process = project.start("report", SLOW="05_")
    project.wait_for("05_")
    project.make("report", "PROFILE=smoke")
    assert project.status != 0
    assert "`make` is already running for sample (process" in project.errors
    project.make("report", "CORPUS=fsdd")
    assert project.status == 0, "another corpus is not in the way"
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=120)


@pytest.mark.parametrize("status", ["1", "killed"])
def test_a_partial_environment_is_not_taken_for_whole(tmp_path, status):
    project = Project(tmp_path / "a user's project")
    assert project.make("report", PIP_STATUS=status) == ["venv", "pip"]
    assert project.status != 0
    assert project.make("report") == ["venv", "pip", "open", *SERIES, "render"]


def test_compare_needs_the_trained_models_and_the_report_keeps_its_scores(tmp_path):
    project = Project(tmp_path / "a user's project")
    assert project.make("compare") == [
        "venv", "pip", "pip", "open", *SERIES[:3], "peers", *SERIES[3:], "render"
    ]  # fmt: skip
    assert project.status == 0, project.errors
    assert "peers sample quick" in project.log()[7]
    assert project.make("report") == []
    assert project.make("compare") == ["peers"], "what was scored before renders nothing again"


def test_compare_after_a_report_runs_only_what_reads_its_scores(project):
    assert project.make("compare") == ["pip", "peers", *SERIES[3:], "render"]
    assert project.make("report") == []


def test_help_names_every_target_and_variable(project):
    project.make("help")
    makefile = (PROJECT_ROOT / "Makefile").read_text().replace("\\\n", "")
    (phony,) = [line for line in makefile.splitlines() if line.startswith(".PHONY:")]
    listed = {line.split()[0] for line in project.output.splitlines() if line.startswith("  ")}
    variables = {"CORPUS", "PROFILE", "DATA_DIR", "VOICES_DIR", "PARAMS", "PLAYERS", "MODEL"}
    variables |= {"PYTHON", "VENV"}
    inner = {"rendered", "compared", "searched", "curved", "checked", "stamped"}
    assert listed == set(phony.split()[1:]) - inner | variables


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["IN=a.wav"], "usage: make denoise IN=noisy.wav OUT=denoised.wav"),
        (["IN=none.wav", "OUT=b.wav"], "IN=none.wav is not a file"),
        (["IN=a.wav", "OUT=none/b.wav"], "OUT=none/b.wav is in a folder that does not exist"),
        (["IN=a.wav", "OUT=b.wav", "MODEL=none.keras"], "MODEL=none.keras is not a file"),
    ],
)
def test_denoise_says_what_it_needs(project, arguments, message):
    (project.root / "a.wav").touch()
    assert project.make("denoise", *arguments) == []
    project.refused(message)


def test_denoise_takes_the_shipped_network_unless_another_is_named(project):
    for name in ("a.wav", "d.keras"):
        (project.root / name).touch()
    project.make("denoise", "IN=a.wav", "OUT=c.wav")
    assert project.log() == ["<lib.denoise><--><a.wav><c.wav>"]
    project.make("denoise", "IN=a.wav", "OUT=c.wav", "MODEL=d.keras")
    assert project.log() == ["<lib.denoise><--model=d.keras><--><a.wav><c.wav>"]


# --- data ------------------------------------------------------------------------------------


def correct(root):
    (root / "tree/audioMNIST_meta.txt").write_text("2")


def replace(root):
    """Replace a clip by another of the same size and modification time."""
    path = root / "tree/01/7_01_0.wav"
    before = path.stat()
    path.write_text("2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {
    "metadata corrected": correct,
    "speaker deleted": lambda root: shutil.rmtree(root / "tree/01"),
    "noisy file added": lambda root: (root / "tree/01/7_01_0_noisy.wav").touch(),
    "clip renamed": lambda root: (root / "tree/01/7_01_0.wav").rename(root / "tree/01/3_01_0.wav"),
    "other sound": replace,
    "metadata above the tree": lambda root: (root / "audioMNIST_meta.txt").touch(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_data_run_everything_again(project, change):
    project.make("report", "DATA_DIR=tree")
    assert project.make("report", "DATA_DIR=tree") == []
    CHANGES[change](project.root)
    assert project.make("report", "DATA_DIR=tree") == ["open", *SERIES, "render"]
    assert project.make("report", "DATA_DIR=tree") == []


def test_another_archive_of_the_same_name_runs_everything_again(project):
    (project.root / "a b.zip").write_text("1")
    assert project.make("report", "DATA_DIR=a b.zip") == ["open", *SERIES, "render"]
    assert project.make("report", "DATA_DIR=a b.zip") == []
    (project.root / "a b.zip").write_text("22")
    assert project.make("report", "DATA_DIR=a b.zip") == ["open", *SERIES, "render"]


def test_the_sample_is_data_too(project):
    (project.root / "lib/corpora/sample/data/x.flac").touch()
    assert project.make("report") == ["open", *SERIES, "render"]


def test_a_download_does_not_run_the_first_notebook_twice(project):
    assert project.make("report", "CORPUS=fsdd")[:2] == ["open", SERIES[0]]
    assert (project.root / "data/fsdd").is_dir()
    assert project.make("report", "CORPUS=fsdd") == []
    (project.root / "data/fsdd/7_theo_0.wav").touch()
    assert project.make("report", "CORPUS=fsdd") == ["open", *SERIES, "render"]


def test_a_corpus_that_cannot_be_opened_starts_no_notebook(project):
    (project.root / "lib/corpora/__main__.py").write_text("raise SystemExit('error: no clips')")
    assert project.make("report", "DATA_DIR=tree") == []
    assert project.errors.startswith("error: no clips")
    (project.root / "lib/corpora/__main__.py").write_text("")
    assert project.make("report", "DATA_DIR=tree") == [*SERIES, "render"]


# --- failures keep the last good result ------------------------------------------------------


def test_a_failed_rendering_leaves_the_last_report(project):
    project.edit("lib/report/export.py", "return 1", "return 2")
    assert project.make("report", BROKEN_RENDERING="1") == ["render"]
    assert project.status != 0
    assert project.files("report/sample") == {"report.html", "report.pdf"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_rendering_leaves_the_last_report(project, number):
    project.edit("lib/report/export.py", "return 1", "return 2")
    (project.root / "log").unlink()
    process = project.start("report", SLOW_RENDERING="1")
    project.wait_for("render")
    os.killpg(process.pid, number)
    process.communicate(timeout=120)
    assert project.files("report/sample") == {"report.html", "report.pdf"}


def test_a_failed_upgrade_leaves_the_environment(project):
    project.touch("requirements.txt")
    assert project.make("report", PIP_STATUS="1") == ["pip"]
    assert project.make("report") == ["pip"]


# --- file names ------------------------------------------------------------------------------

NAMES = [
    "a`touch pwned`$(touch pwned)$(shell touch pwned)$b${HOME}$$;touch pwned;\"'#%&|<>\\*?=,(:\n",
    "-x",
    "--model",
    "~no-such-user",
    " a ",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_reach_the_commands_as_they_are(project, name):
    names = {"IN": f"{name}.wav", "OUT": f"{name}.out.wav", "MODEL": f"{name}.keras"}
    for key in ("IN", "MODEL"):
        (project.root / names[key]).touch()
    typed = [f"{key}={value}" for key, value in names.items()]
    if name != " a ":  # make itself strips blanks after `=`
        project.make("denoise", *typed)
        assert project.status == 0, project.errors
    project.make("denoise", **names)
    expected = f"<lib.denoise><--model={names['MODEL']}><--><{names['IN']}><{names['OUT']}>\n"
    assert (project.root / "log").read_text() == expected
    assert not (project.root / "pwned").exists()


@pytest.mark.parametrize("name", NAMES[:4])  # make strips blanks after `=`
def test_names_of_data_and_settings_are_taken_as_they_are(project, name):
    shutil.copytree(project.root / "tree", project.root / name)
    (project.root / f"{name}.yaml").write_text("seed: 1")
    given = [f"DATA_DIR={name}", f"PARAMS={name}.yaml"]
    assert "render" in project.make("report", *given)
    assert f"data_dir={name} params_file={name}.yaml" in (project.root / "log").read_text()
    assert project.make("report", *given) == []
    (project.root / f"{name}.yaml").write_text("seed: 2")
    project.make("compare", *given)
    assert f"peers audiomnist quick {name} {name}.yaml" in (project.root / "log").read_text()
    assert SERIES[0] in (project.root / "log").read_text()
    project.make("data", *given[:1])
    assert (project.root / "log").read_text() == f"lib.corpora audiomnist {name} compare\n"
    voices = f"VOICES_DIR={name}"
    project.make("data", "CORPUS=speech-commands", voices)
    assert (project.root / "log").read_text() == f"lib.corpora speech-commands {name} compare\n"
    project.make("voices", voices, given[1])
    assert (project.root / "log").read_text() == f"lib.publish.general {name} {name}.yaml\n"
    assert not (project.root / "pwned").exists()


def test_the_python_that_makes_the_environment_may_have_any_name(tmp_path):
    project = Project(tmp_path / "a project")
    shutil.copy(project.python, project.root / "my $python; touch pwned")
    assert project.make("report", "PYTHON=./my $python; touch pwned")[0] == "venv"
    assert not (project.root / "pwned").exists()


# --- invalid variables -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("CORPUS=foo", "CORPUS=foo is unknown; choose one of sample, fsdd, audiomnist."),
        ("CORPUS=", "CORPUS= is unknown"),
        ("CORPUS=a b", "CORPUS, PROFILE and VENV must be plain names"),
        ("CORPUS=x:;touch pwned;", "must be plain names"),
        ("CORPUS=$(shell touch pwned)", "must be plain names"),
        ("VENV=a b", "must be plain names"),
        ("VENV=", "must be plain names"),
        ("VENV=-x", "must be plain names"),
        ("PROFILE=tiny", "PROFILE=tiny is unknown; choose one of smoke, quick, full."),
        ("PROFILE=`touch pwned`", "must be plain names"),
        ("DATA_DIR=none", "DATA_DIR=none is not a folder or zip archive (looked for "),
        ("DATA_DIR=Makefile", "DATA_DIR=Makefile is not a folder"),
        ("DATA_DIR=~nobody/x", "DATA_DIR=~nobody/x is not a folder"),
        (b"DATA_DIR=\xff", "DATA_DIR='\\udcff' is not a valid path"),
        ("PARAMS=none.yaml", "PARAMS=none.yaml is not a file"),
        ("PARAMS=tree", "PARAMS=tree is not a file"),
        ("PLAYERS=maybe", "PLAYERS=maybe must be 1, or 0"),
        ("PROFIL=smoke", "PROFIL is not a variable of this Makefile; did you mean PROFILE?"),
        ("datadir=tree", "did you mean DATA_DIR?"),
        ("PYTHON=no such program", "PYTHON=no such program must be Python 3.10 to 3.13."),
    ],
)
def test_a_wrong_variable_is_refused_before_anything_is_installed(tmp_path, argument, message):
    project = Project(tmp_path / "a project")
    assert project.make("report", argument) == []
    project.refused(message)
    assert not (project.root / "build").exists()
    assert not (project.root / "pwned").exists()


@pytest.mark.parametrize("target", ["compare", "search", "curve", "data"])
def test_every_target_refuses_what_it_reads(tmp_path, target):
    project = Project(tmp_path / "a project")
    for argument in ("CORPUS=foo", "DATA_DIR=none"):
        assert project.make(target, argument) == []
        project.refused(argument)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["voices", "VOICES_DIR=none"], "VOICES_DIR=none is not a folder or zip archive"),
        (["voices", "PARAMS=none.yaml"], "PARAMS=none.yaml is not a file"),
        (
            ["voices", "VOICE_DIR=tree"],
            "VOICE_DIR is not a variable of this Makefile; did you mean V",
        ),
        (["data", "CORPUS=speech-commands", "VOICES_DIR=none"], "VOICES_DIR=none is not a folder"),
        (
            ["data", "CORPUS=speech-commands", "DATA_DIR=tree"],
            "set VOICES_DIR=tree instead of DATA_",
        ),
        (["report", "CORPUS=speech-commands"], "is for training only"),
        (["compare", "CORPUS=speech-commands"], "for a report choose one of sample, fsdd, audiomn"),
        (["search", "CORPUS=speech-commands"], "`make voices` trains on it"),
        (["curve", "CORPUS=speech-commands"], "is for training only"),
        (["curve", "CORPUS=sample", "VOICES_DIR=none"], "VOICES_DIR=none is not a folder"),
    ],
)
def test_a_corpus_to_learn_from_is_for_voices_only(tmp_path, arguments, message):
    project = Project(tmp_path / "a project")
    assert project.make(*arguments) == []
    project.refused(message)


def test_voices_read_what_they_need_only(project):
    assert project.make("voices", "CORPUS=x", "PROFILE=y", "DATA_DIR=none") == [
        "lib.publish.general"
    ]


def test_verify_and_publish_take_a_corpus_only(project):
    assert project.make("verify", "CORPUS=fsdd", "PROFILE=y", "DATA_DIR=none") == []
    assert project.output == "── compared fsdd\n"
    assert project.make("publish", "CORPUS=fsdd", "PROFILE=y") == ["lib.publish.published"]
    assert project.log() == ["lib.publish.published fsdd"]
    for target in ("verify", "publish"):
        assert project.make(target, "CORPUS=foo") == []
        project.refused("CORPUS=foo is unknown; choose one of sample, fsdd, audiomnist.")


def test_the_sample_is_not_read_from_elsewhere(project):
    assert project.make("report", "DATA_DIR=tree", "CORPUS=sample") == []
    project.refused("CORPUS=sample is part of the project and cannot be read from DATA_DIR=tree")


# --- folders and file systems ----------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["report", "compare", "search", "curve", "data", "denoise", "test"]
)
def test_a_dry_run_in_a_fresh_clone_installs_nothing(tmp_path, target):
    project = Project(tmp_path / "a project")
    before = project.files(".")
    assert project.make("-n", target) == []
    assert project.status == 0, project.errors
    assert project.files(".") == before


def test_a_build_folder_that_cannot_be_written_is_named(project):
    shutil.rmtree(project.root / "build")
    (project.root / "build").touch()
    assert project.make("report") == []
    project.refused("build/sample.lock cannot be written (File exists)")


def test_a_file_system_without_locks_is_warned_of(tmp_path):
    code = """
import errno, fcntl, os, sys
def flock(*_):
    raise OSError(getattr(errno, sys.argv[1]), os.strerror(getattr(errno, sys.argv[1])))
fcntl.flock = flock
from lib.workspace.lock import run_locked
sys.exit(run_locked("build/x.lock", ["echo", "done"]))
"""
    for name in ("ENOLCK", "EOPNOTSUPP", "ENOSYS", "EINVAL"):
        done = subprocess.run(
            [sys.executable, "-c", code, name],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
            capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
        assert re.fullmatch("warning: .*/build is on a file system without locks.*\n", done.stderr)


def test_the_lab_opens_for_root_and_in_a_folder_of_any_name(tmp_path):
    project = Project(tmp_path / 'a `touch pwned` $(touch pwned) "project')
    assert project.make("lab") == ["venv", "pip", "jupyterlab"]
    assert project.log()[-1] == "jupyterlab --allow-root notebooks"
    assert not (project.root / "pwned").exists()
