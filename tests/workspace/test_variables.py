"""lib.workspace.variables and lib.errors.end: wrong variables of `make`, refused in one line.

Tests that need `make` are in `test_make`.
"""

import subprocess
import sys

import pytest

from lib import config, corpora
from lib.errors import InputError, MissingArtifactError, end
from lib.workspace import variables
from lib.workspace.folder import PROJECT_ROOT

GIVEN = {"GOALS": "report", "CORPUS": "sample", "PROFILE": "quick", "PLAYERS": "1"}


def test_the_names_are_those_of_the_tables():
    assert variables._choices("CORPUS") == list(corpora.CORPORA)
    assert variables._choices("PROFILE") == list(config.PROFILES)


def test_all_variables_of_the_makefile_are_known():
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    (line,) = [line for line in makefile.splitlines() if line.startswith("VARIABLES := ")]
    assert set(line.split()[2:]) == set(variables.VARIABLES)


def test_the_content_of_params_is_refused_before_a_notebook_starts(tmp_path):
    params = tmp_path / "my.yaml"
    for text in ("tuning: {epochs: 3}", ""):
        params.write_text(text)
        variables.check(GIVEN | {"PARAMS": str(params)})
    for text in ("tuning: {epoch: 3}", "training: [", "7", "\0"):
        params.write_text(text)
        with pytest.raises(InputError, match=r"my\.yaml"):
            variables.check(GIVEN | {"PARAMS": str(params)})


def test_a_target_is_content_with_what_it_does_not_read():
    variables.check({"GOALS": "test check lab", "CORPUS": "foo", "PROFILE": "tiny"})
    variables.check({"GOALS": "data", "CORPUS": "sample", "PROFILE": "tiny", "PLAYERS": "maybe"})


@pytest.mark.parametrize("name", ["PROFIL", "profile", "CORPUSS", "DATADIR", "PARAM", "PLAYER"])
def test_a_misspelt_name_is_refused(name):
    with pytest.raises(
        InputError, match=f"^{name} is not a variable of this Makefile; did you mean"
    ):
        variables.check(GIVEN | {"UNKNOWN": name})


def test_other_variables_are_none_of_its_business():
    variables.check(GIVEN | {"UNKNOWN": "DASK_SCHEDULER_ADDRESS PYTEST_ADDOPTS PYTHONPATH CC"})


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "tree").mkdir()
    assert variables.data_place("~/tree") == (tmp_path / "tree").resolve()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("two\nlines"), "error: two lines"),
        (MissingArtifactError("a is missing"), "error: a is missing"),
        (OSError(28, "No space left on device"), "error: [Errno 28] No space left on device"),
    ],
)
def test_an_error_is_one_line(error, line):
    def main():
        raise error

    with pytest.raises(SystemExit) as caught:
        end(main)
    assert caught.value.code == line


def test_an_interruption_says_nothing(capsys):
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        end(main)
    assert caught.value.code == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lib.corpora", "audiomnist", "none"], "error: DATA_DIR=none is not a folder"),
        (["lib.corpora", "audiomnist", "tests"], "error: No clip was found in "),
        (["lib.workspace.stamps", "README.md/build"], "error: [Errno 20] Not a directory"),
        (["lib.workspace.lock", "README.md/x.lock", "true"], "error: README.md/x.lock cannot"),
        (["lib.workspace.lock", "{tmp}/x.lock", "no such"], "error: [Errno 2] No such file"),
    ],
)
def test_commands_end_in_one_line(arguments, message, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", *(part.replace("{tmp}", str(tmp_path)) for part in arguments)],
        cwd=PROJECT_ROOT, capture_output=True, text=True,
        env=GIVEN | {"DATA_DIR": "", "PARAMS": ""},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
