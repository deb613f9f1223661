"""Reproducibility check: the headline numbers of a run against those of the published report.

::

    python -m lib.publish.verify sample --line

prints one line, the last of ``make report``; without ``--line``, the table of ``make verify``, with
exit status 1 if a number differs by more than its tolerance.  Only the standard library is needed.

The same code on the same machine gives the same numbers.  Between three kinds of processor (Intel
Xeon and two of AMD EPYC; sample corpus, PROFILE=quick, and FSDD, PROFILE=full), trained networks
differ: SI-SDR improvement by 0.001 dB for ours, and by up to 0.26 dB for the published autoencoder
and 0.20 dB for its repaired variant, which train for two or three epochs; recognition accuracy by 2
percentage points.  Untrained methods differ by less than 1e-6 dB.  The tolerances are about twice
as large, and at least the last digit shown in the report.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lib.errors import InputError, end
from lib.workspace.variables import PROJECT_ROOT

__all__ = [
    "CHECKED",
    "PUBLISHED",
    "REPORTS",
    "RUNS",
    "compared",
    "line",
    "read_facts",
    "reasons",
    "table",
]

REPORTS = PROJECT_ROOT / "report"  # of local runs
PUBLISHED = REPORTS / "published"  # committed
RUNS = {"smoke": "smoke run", "quick": "short run", "full": "full run"}  # profiles, in prose
GAIN = "si_sdr_improvement_db"
CHECKED = {  # headline key -> label and tolerance
    f"ours_{GAIN}": ("SI-SDR improvement, ours (dB)", 0.05),
    "ours_snr_improvement_db": ("SNR improvement, ours (dB)", 0.05),
    "ours_estoi": ("ESTOI, ours", 0.01),
    f"best_peer_{GAIN}": ("SI-SDR improvement, best other (dB)", 0.05),
    f"irm_{GAIN}": ("SI-SDR improvement, oracle mask (dB)", 0.05),
    f"published_{GAIN}": ("SI-SDR improvement, published (dB)", 0.5),
    f"repaired_{GAIN}": ("SI-SDR improvement, repaired (dB)", 0.5),
    "noisy_accuracy": ("recognition accuracy, noisy", 0.04),
    "ours_accuracy": ("recognition accuracy, denoised", 0.04),
    "clean_accuracy": ("recognition accuracy, clean", 0.04),
    "n_clips": ("clips", 0),
    "n_speakers": ("speakers", 0),
    "claims_supported": ("published claims supported", 0),
}


def read_facts(folder: Path) -> dict:
    """Return ``headline`` and ``provenance`` of a report; raise InputError if one is missing."""
    facts = {}
    for name in ("headline", "provenance"):
        path = folder / f"{name}.json"
        if not path.is_file():
            shown = folder.relative_to(PROJECT_ROOT) if PROJECT_ROOT in folder.parents else folder
            raise InputError(
                f"{shown} does not contain a complete report (no {path.name}); create one with "
                f"`make report CORPUS={folder.name}`."
            )
        facts[name] = json.loads(path.read_text(encoding="utf-8"))
    return facts


def compared(run: dict, published: dict) -> list[tuple[str, float, float, float, bool]]:
    """Compare two headlines: label, published value, value of this run, tolerance, agreement.

    Entries that either of them lacks are left out.
    """
    rows = []
    for key, (name, allowed) in CHECKED.items():
        if key in run and key in published:
            here, there = run[key], published[key]
            rows.append((name, there, here, allowed, abs(here - there) <= allowed))
    return rows


def _flat(values: dict, prefix: str = "") -> dict:
    flat: dict = {}
    for name, value in values.items():
        deeper = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if deeper else {prefix + name: value}
    return flat


def reasons(run: dict, published: dict, *, most: int = 3) -> list[str]:
    """Return why the numbers of two runs may differ, from their provenance, likeliest first.

    Of the differing settings and packages, at most `most` each are named.
    """
    found = []
    for what, key in (("settings", "config"), ("packages", "packages")):
        here, there = _flat(run.get(key, {})), _flat(published.get(key, {}))
        other = [
            f"{name} {here.get(name, 'missing')}, published {there.get(name, 'missing')}"
            for name in sorted({*here, *there})
            if here.get(name) != there.get(name)
        ]
        if other:
            more = f"; {len(other) - most} more" if len(other) > most else ""
            found.append(f"different {what} ({'; '.join(other[:most])}{more})")
    here, there = (facts.get("corpus", {}).get("content_sha256") for facts in (run, published))
    if here != there:
        found.append("different clips")
    pairs = {
        "different processor": [facts.get("machine", {}).get("cpu") for facts in (run, published)],
        "different Python version": [facts.get("python") for facts in (run, published)],
        "different code": [facts.get("code", {}).get("commit") for facts in (run, published)],
    }
    found += [
        f"{k} ({here}, published {there})" for k, (here, there) in pairs.items() if here != there
    ]
    if run.get("code", {}).get("modified"):
        found.append("uncommitted code changes")
    return found


def _why_not(corpus: str, run: dict) -> str:
    """Return why a run cannot be compared with a published report, or ""."""
    if not (PUBLISHED / corpus / "headline.json").is_file():
        return f"no report on {corpus} is published, so there is nothing to compare this run with"
    profile = run["headline"].get("profile")
    there = read_facts(PUBLISHED / corpus)["headline"].get("profile")
    if profile != there:
        return (
            f"this run (PROFILE={profile}) is not compared: the published report on {corpus} was "
            f"made with PROFILE={there}"
        )
    return ""


def line(corpus: str) -> str:
    """Return one line stating whether the last run on a corpus reproduces the published report."""
    run = read_facts(REPORTS / corpus)
    if why := _why_not(corpus, run):
        return why
    published = read_facts(PUBLISHED / corpus)
    rows = compared(run["headline"], published["headline"])
    name, there, here, allowed, _ = rows[0]
    off = [row for row in rows if not row[-1]]
    if not off:
        return (
            f"reproduced: {name} agrees with the published report within {allowed} dB "
            f"({here:.3f}, published {there:.3f}); all other numbers agree within their tolerances"
        )
    name, there, here, allowed, _ = off[0]
    more = f" and {len(off) - 1} more" if len(off) > 1 else ""
    why = "; ".join(reasons(run["provenance"], published["provenance"], most=1))
    return (
        f"not reproduced: {name} is {here:.4g}, published {there:.4g} (±{allowed}){more}, see "
        f"`make verify`; possible reasons: {why or 'random variation (nothing recorded differs)'}"
    )


def table(corpus: str) -> tuple[str, bool]:
    """Return the comparison as text, and whether everything agrees or nothing can be compared."""
    run = read_facts(REPORTS / corpus)
    if why := _why_not(corpus, run):
        return why, True
    published = read_facts(PUBLISHED / corpus)
    rows = compared(run["headline"], published["headline"])
    width = max(len(name) for name, *_ in rows)
    lines = [f"{'':{width}}  published   this run  difference  allowed"]
    for name, there, here, allowed, agrees in rows:
        digits = 0 if isinstance(there, int) else 3
        lines.append(
            f"{name:{width}}  {there:9.{digits}f}  {here:9.{digits}f}  {here - there:+10.{digits}f}"
            f"  {allowed:7g}  {'agrees' if agrees else 'DIFFERS'}"
        )
    else_ = "; ".join(reasons(run["provenance"], published["provenance"]))
    lines += [f"Possible reasons for differences: {else_ or 'none recorded'}."]
    return "\n".join(lines), all(row[-1] for row in rows)


def main(argv: list[str] | None = None) -> int:
    """Command-line entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lib.publish.verify", description=__doc__)
    parser.add_argument("corpus")
    told = "print one line; the exit status is 0 even if numbers differ"
    parser.add_argument("--line", action="store_true", help=told)
    arguments = parser.parse_args(argv)
    if arguments.line:
        print(f"── {line(arguments.corpus)}")
        return 0
    text, agrees = table(arguments.corpus)
    print(text)
    return 0 if agrees else 1


if __name__ == "__main__":
    end(main)
