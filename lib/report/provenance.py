"""Where the numbers come from: code, machine, packages, corpus, choices and time.

Nothing in it names a host, a user or a folder of the machine.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import datetime
from pathlib import Path

import nbformat
import pandas as pd

from lib.artifacts import PROJECT_ROOT, Run
from lib.errors import InputError, MissingArtifactError
from lib.report.tables import table_html

__all__ = ["collect", "executed_notebooks", "sections"]

PACKAGES = [
    *("tensorflow", "keras", "numpy", "scipy", "pandas", "pyarrow", "librosa", "soundfile", "soxr"),
    *("statsmodels", "pystoi", "noisereduce", "matplotlib", "seaborn"),
    *("papermill", "nbconvert", "pypandoc_binary", "typst"),
]


def executed_notebooks(folder: str | Path) -> list[Path]:
    """Return the executed notebooks ``NN_*.ipynb`` of a build folder, in order.

    Raises
    ------
    InputError
        There is none.
    """
    paths = sorted(p for p in Path(folder).glob("*.ipynb") if re.match(r"\d\d[\w-]*$", p.stem))
    if not paths:
        raise InputError(f"No executed notebooks NN_*.ipynb in {folder}: run `make report`.")
    return paths


def collect(run: Run) -> dict:
    """Return all that is needed to say how a report came about, ready for JSON.

    Returns
    -------
    dict
        ``date``, ``profile``, ``seed``, ``config``, ``corpus``, ``code`` (commit, modified),
        ``machine`` (cpu, cores, gpus, memory_gb, platform), ``python``, ``packages``,
        ``seconds`` (notebook -> s), ``earlier_training_seconds`` (of networks that this run
        took as they were) and ``total_seconds``, which counts both, but not the scores of folds
        that were taken as they were.
    """
    metadata = {
        path.stem: nbformat.read(path, as_version=4).metadata.get("papermill", {})
        for path in executed_notebooks(run.dir)
    }
    seconds = {stem: round(m.get("duration") or 0.0, 1) for stem, m in metadata.items()}
    try:
        trained = sum(run.load(name)["seconds"].sum() for name in ("history", "recognisers"))
    except MissingArtifactError:
        trained = 0.0
    earlier = round(max(0.0, float(trained) - seconds.get("03_model_training", 0.0)), 1)
    ends = [m["end_time"] for m in metadata.values() if m.get("end_time")]
    try:
        corpus = run.load_json("corpus")
    except MissingArtifactError:
        corpus = {}
    return {
        "date": datetime.fromisoformat(max(ends)).date().isoformat() if ends else "",
        "profile": run.config.profile,
        "seed": run.config.seed,
        "config": run.config.to_dict(),
        "corpus": {"name": run.corpus, **_without_paths(corpus, run)},
        "code": _code(),
        "machine": _machine(run),
        "python": platform.python_version(),
        "packages": _packages(),
        "seconds": seconds,
        "earlier_training_seconds": earlier,
        "total_seconds": round(sum(seconds.values()) + earlier, 1),
    }


def _without_paths(facts: dict, run: Run) -> dict:
    """Drop every text that names a folder of this machine."""
    private = [str(Path.home()), str(PROJECT_ROOT), *([run.data_dir] if run.data_dir else [])]

    def is_path(value):
        return isinstance(value, str) and (
            value.startswith("/") or any(len(p) > 1 and p in value for p in private)
        )

    return {name: value for name, value in facts.items() if not is_path(value)}


def _git(*arguments: str) -> str | None:
    """Return what git answers about the project, even where its files belong to somebody else."""
    command = ["git", "-c", f"safe.directory={PROJECT_ROOT}", *arguments]
    try:
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _code() -> dict:
    """Return the commit, and whether anything but report/ and build/ differs from it."""
    top = _git("rev-parse", "--show-toplevel")
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit or not top or Path(top).resolve() != PROJECT_ROOT:
        return {"commit": None, "modified": None}
    changes = _git("status", "--porcelain", "--", ".", ":(exclude)report", ":(exclude)build")
    return {"commit": commit, "modified": bool(changes)}


def _machine(run: Run) -> dict:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        memory = None
    try:
        gpus = run.load_json("gpus")
    except MissingArtifactError:
        gpus = []
    return {
        "cpu": _cpu_model(),
        "cores": cores,
        "gpus": gpus,
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


def _packages() -> dict:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _flat(values: dict, prefix: str = "") -> dict:
    """Return nested settings as one level: ``training, epochs`` -> 10."""
    flat: dict = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}, ")
        else:
            flat[prefix + name] = value
    return flat


def sections(facts: dict) -> list[tuple[str, str, str]]:
    """Return the tables of the last section as (identifier, caption, HTML)."""
    code, machine = facts["code"], facts["machine"]
    corpus = _flat(facts["corpus"])
    run = {
        "Code": _commit_text(code),
        "Date": facts["date"],
        "Profile": facts["profile"],
        "Root seed": facts["seed"],
        "Processor": f"{machine['cpu']}, {machine['cores']} cores used",
        "GPUs": ", ".join(machine["gpus"]) or "none used",
        "Memory": f"{machine['memory_gb']} GiB" if machine["memory_gb"] else None,
        "System": machine["platform"],
        "Python": facts["python"],
    }
    run |= {f"Time for {stem}": f"{s:.0f} s" for stem, s in facts["seconds"].items()}
    run["Time for networks trained before"] = f"{facts['earlier_training_seconds']:.0f} s"
    run["Time in all, but for scores made before"] = f"{facts['total_seconds']:.0f} s"
    config = {k: v for k, v in _flat(facts["config"]).items() if k not in ("profile", "seed")}
    return [
        ("tbl-provenance-run", "How this report was made.", _two_columns(run, "Fact")),
        ("tbl-provenance-corpus", "The corpus it was made from.", _two_columns(corpus, "Fact")),
        ("tbl-provenance-config", "All settings.", _two_columns(config, "Setting")),
        (
            "tbl-provenance-packages",
            "Versions of the main packages.",
            _two_columns(facts["packages"], "Package", "Version"),
        ),
    ]


def _commit_text(code: dict) -> str:
    if not code["commit"]:
        return "not under version control"
    return f"commit {code['commit']}" + (" with uncommitted changes" if code["modified"] else "")


def _two_columns(values: dict, first: str, second: str = "Value") -> str:
    rows = [(str(k).replace("_", " "), None if v is None else str(v)) for k, v in values.items()]
    return table_html(pd.DataFrame(rows, columns=[first, second]))
