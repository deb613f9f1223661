"""Reproduced or not: the headline of a run beside the published one of the same corpus.

::

    python -m lib.publish.verify sample --line

prints one line, as the last of ``make report``; without ``--line`` the table of ``make verify``,
whose exit status is 1 where a number differs by more than it may.  The standard library is enough.

Runs of one code on one machine give the same numbers.  Between two kinds of processor (Intel Xeon
and AMD EPYC, sample corpus, quick) trained networks differ: SI-SDR improvement by 0.001 dB for
ours, 0.04 dB for the published autoencoder and 0.13 dB for its repaired variant, which trains for
two epochs; recognition accuracy by 2 points; what is not trained by less than 1e-6 dB.  `CHECKED`
allows about twice as much, and no less than the last digit that the report shows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lib.errors import InputError, end
from lib.workspace.variables import PROJECT_ROOT

__all__ = ["CHECKED", "PUBLISHED", "REPORTS", "compared", "line", "read_facts", "reasons", "table"]

REPORTS = PROJECT_ROOT / "report"  # what runs leave
PUBLISHED = REPORTS / "published"  # what is committed
GAIN = "si_sdr_improvement_db"
CHECKED = {  # key of the headline -> what it is, and by how much it may differ
    f"ours_{GAIN}": ("SI-SDR improvement, ours (dB)", 0.05),
    "ours_snr_improvement_db": ("SNR improvement, ours (dB)", 0.05),
    "ours_estoi": ("ESTOI, ours", 0.01),
    f"best_peer_{GAIN}": ("SI-SDR improvement, best other (dB)", 0.05),
    f"irm_{GAIN}": ("SI-SDR improvement, oracle mask (dB)", 0.05),
    f"published_{GAIN}": ("SI-SDR improvement, published (dB)", 0.1),
    f"repaired_{GAIN}": ("SI-SDR improvement, repaired (dB)", 0.3),
    "noisy_accuracy": ("recognition accuracy, noisy", 0.04),
    "ours_accuracy": ("recognition accuracy, denoised", 0.04),
    "clean_accuracy": ("recognition accuracy, clean", 0.04),
    "n_clips": ("clips", 0),
    "n_speakers": ("speakers", 0),
    "claims_supported": ("published claims supported", 0),
}


def read_facts(folder: Path) -> dict:
    """Return ``headline`` and ``provenance`` of a rendered report, or raise InputError."""
    facts = {}
    for name in ("headline", "provenance"):
        path = folder / f"{name}.json"
        if not path.is_file():
            shown = folder.relative_to(PROJECT_ROOT) if PROJECT_ROOT in folder.parents else folder
            raise InputError(
                f"{shown} holds no whole report (there is no {path.name}); make one with "
                f"`make report CORPUS={folder.name}`."
            )
        facts[name] = json.loads(path.read_text(encoding="utf-8"))
    return facts


def compared(run: dict, published: dict) -> list[tuple[str, float, float, float, bool]]:
    """Compare two headlines: what it is, published, this run, allowed difference, whether it holds.

    What either of them lacks is left out.
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
    """Say why the numbers of two runs may differ, from their provenance, most telling first.

    Of the settings and of the packages that differ at most `most` are named.
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
            found.append(f"other {what} ({'; '.join(other[:most])}{more})")
    here, there = (facts.get("corpus", {}).get("content_sha256") for facts in (run, published))
    if here != there:
        found.append("other clips")
    pairs = {
        "another processor": [facts.get("machine", {}).get("cpu") for facts in (run, published)],
        "another Python": [facts.get("python") for facts in (run, published)],
        "other code": [facts.get("code", {}).get("commit") for facts in (run, published)],
    }
    found += [
        f"{k} ({here}, published {there})" for k, (here, there) in pairs.items() if here != there
    ]
    if run.get("code", {}).get("modified"):
        found.append("uncommitted changes of the code")
    return found


def _why_not(corpus: str, run: dict) -> str:
    """Say why there is nothing to compare a run with, or ""."""
    if not (PUBLISHED / corpus / "headline.json").is_file():
        return f"no report on {corpus} is published, so there is nothing to compare this run with"
    profile = run["headline"].get("profile")
    there = read_facts(PUBLISHED / corpus)["headline"].get("profile")
    if profile != there:
        return (
            f"a {profile} run is not compared: the published report on {corpus} is of a {there} run"
        )
    return ""


def line(corpus: str) -> str:
    """Return one line on whether the last run on a corpus reproduces the published report."""
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
            f"({here:.3f}, published {there:.3f}), and so does all else within its tolerance"
        )
    name, there, here, allowed, _ = off[0]
    more = f" and {len(off) - 1} more" if len(off) > 1 else ""
    why = "; ".join(reasons(run["provenance"], published["provenance"], most=1))
    return (
        f"not reproduced: {name} is {here:.4g}, published {there:.4g} (±{allowed}){more}, see "
        f"`make verify`; it may be {why or 'chance: nothing that is recorded differs'}"
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
    lines += [f"What else differs: {else_ or 'nothing that is recorded'}."]
    return "\n".join(lines), all(row[-1] for row in rows)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lib.publish.verify", description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--line", action="store_true", help="one line, and no verdict by status")
    arguments = parser.parse_args(argv)
    if arguments.line:
        print(f"── {line(arguments.corpus)}")
        return 0
    text, agrees = table(arguments.corpus)
    print(text)
    return 0 if agrees else 1


if __name__ == "__main__":
    end(main)
