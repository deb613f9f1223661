"""lib.workspace.origin: provenance of results, without identifying machine or user."""

import getpass
import importlib.metadata
import json
import platform
import re
import shutil
import socket
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from lib.workspace import origin as module
from lib.workspace.origin import code, machine, origin, packages


def git(folder, *arguments):
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *name, *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A project with one committed file."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("a = 1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "a")
    monkeypatch.setattr(module, "PROJECT_ROOT", tmp_path.resolve())
    return tmp_path


def test_it_says_when_by_what_and_on_what():
    found = origin()
    assert sorted(found) == ["code", "machine", "packages", "python", "time"]
    age = datetime.now(timezone.utc) - datetime.fromisoformat(found["time"])
    assert timedelta(0) <= age < timedelta(minutes=1)
    assert found["python"] == platform.python_version()
    assert found["packages"]["numpy"] == importlib.metadata.version("numpy")
    assert found["machine"]["cores"] >= 1
    assert json.loads(json.dumps(found)) == found


def test_it_names_no_host_no_user_and_no_folder():
    words = re.findall(r"[^\s\"',;:]+", json.dumps(origin()))
    assert not {socket.gethostname(), getpass.getuser(), str(module.PROJECT_ROOT)} & set(words)


def test_the_commit_is_named_and_whether_the_code_is_another(checkout):
    commit = git(checkout, "rev-parse", "--short=12", "HEAD")
    assert code() == {"commit": commit, "modified": False}
    for folder in ("report", "build"):  # written by a run
        (checkout / folder).mkdir()
        (checkout / folder / "made.txt").touch()
    for name in ("README.md", "my.yaml", "denoised.wav"):  # by `make publish` and by the user
        (checkout / name).touch()
    assert code() == {"commit": commit, "modified": False}
    (checkout / "code.py").write_text("a = 2")
    assert code() == {"commit": commit, "modified": True}


@pytest.mark.parametrize(
    "name",
    [
        *("lib/new.py", "lib/models/general/model.keras", "notebooks/01.ipynb", "tests/new.py"),
        *("Makefile", "pyproject.toml", "requirements.txt", "sitecustomize.py"),
    ],
)
def test_what_results_depend_on_counts_as_modified_even_if_new(checkout, name):
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).touch()
    assert code()["modified"] is True


def test_a_copy_inside_another_checkout_has_no_commit(checkout, monkeypatch):
    (checkout / "copy").mkdir()
    monkeypatch.setattr(module, "PROJECT_ROOT", (checkout / "copy").resolve())
    assert code() == {"commit": None, "modified": None}


def test_without_git_there_is_no_commit(monkeypatch):
    def missing(*arguments, **options):
        raise FileNotFoundError("git")

    monkeypatch.setattr(module.subprocess, "run", missing)
    assert code() == {"commit": None, "modified": None}


def test_packages_that_are_not_installed_are_left_out(monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ["numpy", "no-such-package"])
    assert list(packages()) == ["numpy"]


def test_a_machine_without_the_files_of_linux_is_described_as_well(monkeypatch):
    def missing(*arguments, **options):
        raise OSError

    monkeypatch.setattr(module.Path, "read_text", missing)
    monkeypatch.setattr(module.os, "sysconf", missing)
    monkeypatch.delattr(module.os, "sched_getaffinity", raising=False)
    found = machine()
    assert found["memory_gb"] is None
    assert found["cpu"] == (platform.processor() or platform.machine())
    assert found["cores"] >= 1
