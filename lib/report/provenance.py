"""Provenance of the numbers: code, machine, packages, corpus, settings and run time.

It does not name the host, a user or a folder of the machine.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import nbformat
import pandas as pd

from lib.errors import InputError, MissingArtifactError
from lib.report.tables import table_html
from lib.workspace.folder import PROJECT_ROOT, Run
from lib.workspace.origin import origin

__all__ = ["collect", "executed_notebooks", "loaded", "sections"]

TOLD = ("code", "processor", "Python")  # of each origin, in the table


def executed_notebooks(folder: str | Path) -> list[Path]:
    """Return the executed notebooks ``NN_*.ipynb`` of a build folder, in order."""
    paths = sorted(p for p in Path(folder).glob("*.ipynb") if re.match(r"\d\d[\w-]*$", p.stem))
    if not paths:
        raise InputError(f"No executed notebooks NN_*.ipynb in {folder}: run `make report`.")
    return paths


def collect(run: Run) -> dict:
    """Return the provenance of a report, ready for JSON.

    Returns
    -------
    dict
        ``code``, ``machine``, ``python`` and ``packages`` are those of the most recent network or
        score; ``made`` gives the origins of all of them; ``seconds`` maps notebook -> s;
        ``earlier_training_seconds`` is the training time of networks that this run reused, and
        ``total_seconds`` counts both, or is None if scores were reused, too; ``peers`` says
        whether `make compare` was run.
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
    made = _origins(run)
    every = [each for origins in made.values() for each in origins]
    begun = metadata.get("04_evaluation", {}).get("start_time", "")
    reused = any(each["time"] < begun for each in made["tables of scores"])  # ISO format, in UTC
    last = max(every, key=lambda each: each["time"], default=origin())
    return {
        "date": datetime.fromisoformat(max(ends)).date().isoformat() if ends else "",
        "profile": run.config.profile,
        "seed": run.config.seed,
        "config": run.config.to_dict(),
        "peers": run.path("peers.json").is_file(),
        "corpus": {"name": run.corpus, **_without_paths(loaded(run, "corpus", {}), run)},
        "code": last["code"],
        "machine": last["machine"] | {"gpus": loaded(run, "gpus", [])},
        "python": last["python"],
        "packages": last["packages"],
        "made": [_together(what, origins) for what, origins in made.items() if origins],
        "seconds": seconds,
        "earlier_training_seconds": earlier,
        "total_seconds": None if reused else round(sum(seconds.values()) + earlier, 1),
    }


def _origins(run: Run) -> dict[str, list[dict]]:
    """Return the origins of networks and scores, as far as they were recorded."""
    files = sorted(run.path("models").glob("*.json"))
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {
        "networks": [record["origin"] for record in records if "origin" in record],
        "tables of scores": [o for part in ("scores", "sweep") for o in run.origins(part)],
    }


def _together(what: str, origins: list[dict]) -> dict:
    """Summarise origins: their number, first and last time, and all values of each fact."""
    facts = [
        {
            "code": _commit_text(each["code"]),
            "processor": f"{each['machine']['cpu']}, {each['machine']['cores']} cores",
            "Python": each["python"],
            **each["packages"],
        }
        for each in origins
    ]
    names = dict.fromkeys(name for each in facts for name in each)
    values = {n: sorted({str(each.get(n, "missing")) for each in facts}) for n in names}
    times = sorted(each["time"] for each in origins)
    return {"what": what, "n": len(origins), "first": times[0], "last": times[-1], "facts": values}


def loaded(run: Run, name: str, default):
    """Return a JSON file of the run, or `default` if there is none."""
    try:
        return run.load_json(name)
    except MissingArtifactError:
        return default


def _without_paths(facts: dict, run: Run) -> dict:
    """Drop every text that names a folder of this machine."""
    private = [p for p in (str(Path.home()), str(PROJECT_ROOT), run.data_dir) if len(p) > 1]

    def is_path(value):
        return value.startswith("/") or any(p in value for p in private)

    return {k: v for k, v in facts.items() if not (isinstance(v, str) and is_path(v))}


def sections(facts: dict) -> list[tuple[str, str, str]]:
    """Return the tables of the last section as (identifier, caption, HTML)."""
    machine = facts["machine"]
    run = {
        "Code": _commit_text(facts["code"]),
        "Date": facts["date"],
        "Profile": facts["profile"],
        "Root seed": facts["seed"],
        "Processor": f"{machine['cpu']}, {machine['cores']} cores used",
        "GPUs": ", ".join(machine["gpus"]) or "none used",
        "Memory": f"{machine['memory_gb']} GiB" if machine["memory_gb"] else None,
        "System": machine["platform"],
        "Python": facts["python"],
    }
    seconds = {stem.partition("_")[0]: f"{s:.0f} s" for stem, s in facts["seconds"].items()}
    run["Time for the notebooks"] = _listed(seconds)
    run["Time for networks trained earlier"] = f"{facts['earlier_training_seconds']:.0f} s"
    if facts["total_seconds"] is not None:
        run["Total time"] = f"{facts['total_seconds']:.0f} s"
    run["Packages"] = _listed(facts["packages"])
    config = {k: _listed(v) for k, v in facts["config"].items() if isinstance(v, dict)}
    counts = {k: v for k, v in facts["corpus"].items() if k.startswith("n_")}
    corpus = {k: v for k, v in facts["corpus"].items() if k not in counts and v != ""}
    corpus["counts"] = _listed({k[2:].replace("_", " "): v for k, v in counts.items()})
    return [
        (
            "tbl-provenance-run",
            "Commit, machine, packages and run time.",
            _two_columns(run, "Fact"),
        ),
        ("tbl-provenance-made", _alike(facts["made"]), _made_table(facts["made"])),
        ("tbl-provenance-corpus", "Corpus.", _two_columns(corpus, "Fact")),
        ("tbl-provenance-config", "All settings.", _two_columns(config, "Section", "Settings")),
    ]


def _listed(values: dict) -> str:
    """Return names and values as one comma-separated line."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _alike(made: list[dict]) -> str:
    """Return a caption that says whether all networks and scores have the same origin.

    Values are listed unless they are in the table, as those of `TOLD` are.
    """
    values: dict = {}
    for name, found in (fact for each in made for fact in each["facts"].items()):
        values.setdefault(name, set()).update(found)
    several = [
        name if name in TOLD else f"{name}: {', '.join(sorted(found))}"
        for name, found in sorted(values.items())
        if len(found) > 1
    ]
    if not several:
        return "Origin of networks and scores: one commit, one machine, one set of packages."
    listed = "; ".join(several)
    return f"Origin of networks and scores, which differ in {listed}."


def _made_table(made: list[dict]) -> str:
    rows = [
        (
            each["what"],
            each["n"],
            *(each[end][:16].replace("T", " ") for end in ("first", "last")),
            *(", ".join(each["facts"][name]).replace(", commit ", ", ") for name in TOLD),
        )
        for each in made
    ]
    columns = ["what", "number", "first", "last", *TOLD]
    headers = {"what": "artifact", "first": "first (UTC)"}
    return table_html(pd.DataFrame(rows, columns=columns), headers=headers)


def _commit_text(code: dict) -> str:
    if not code["commit"]:
        return "not under version control"
    return f"commit {code['commit']}" + (" with uncommitted changes" if code["modified"] else "")


def _two_columns(values: dict, first: str, second: str = "Value") -> str:
    rows = [(str(k).replace("_", " "), None if v is None else str(v)) for k, v in values.items()]
    return table_html(pd.DataFrame(rows, columns=[first, second]))
