"""Where a result comes from: the code, the machine, the packages and the time.

Recorded when a network is trained or a table of scores is computed, and stored with it.  Nothing in
it names a host, a user or a folder of the machine.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import datetime, timezone
from pathlib import Path

from lib.workspace.variables import PROJECT_ROOT

__all__ = ["code", "machine", "origin", "packages"]

PACKAGES = [
    *("tensorflow", "keras", "numpy", "scipy", "pandas", "pyarrow", "librosa", "soundfile", "soxr"),
    *("statsmodels", "noisereduce", "matplotlib", "seaborn"),
    *("papermill", "nbconvert", "pypandoc_binary", "typst"),
]
# Not README.md, which `make publish` writes, and no settings or recordings of the user.
CODE = ["lib", "notebooks", "*.py", "Makefile", "pyproject.toml", "requirements*.txt"]


def origin() -> dict:
    """Return the current ``time``, ``code``, ``machine``, ``python`` and ``packages`` for JSON."""
    return {"time": datetime.now(timezone.utc).isoformat(timespec="seconds"), **_here()}


@functools.lru_cache  # the same for everything that one process computes
def _here() -> dict:
    return {
        "code": code(),
        "machine": machine(),
        "python": platform.python_version(),
        "packages": packages(),
    }


def _git(*arguments: str) -> str | None:
    """Return git's answer about the project, even if its files belong to another user."""
    command = ["git", "-c", f"safe.directory={PROJECT_ROOT}", *arguments]
    try:
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def code() -> dict:
    """Return the ``commit``, and whether any file of `CODE` is ``modified``, added or removed."""
    top = _git("rev-parse", "--show-toplevel")
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit or not top or Path(top).resolve() != PROJECT_ROOT:
        return {"commit": None, "modified": None}
    changes = _git("status", "--porcelain", "--", *CODE)
    return {"commit": commit, "modified": bool(changes)}


def machine() -> dict:
    """Return ``cpu``, ``cores``, ``memory_gb`` and ``platform`` of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        memory = None
    return {
        "cpu": _cpu_model(),
        "cores": cores,
        "memory_gb": memory and round(memory, 1),
        "platform": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def packages() -> dict:
    """Return the versions of the main packages that are installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
