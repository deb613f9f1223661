"""Publish a report: copy it to the folder that is committed, and update the README's table.

::

    python -m lib.publish.published fsdd

copies ``report/fsdd`` to ``report/published/fsdd``, if a fresh clone would reproduce it with the
same command and the corpus permits publication.
"""

from __future__ import annotations

import sys

from lib.errors import InputError, end
from lib.publish import readme
from lib.publish.verify import PUBLISHED, REPORTS, read_facts
from lib.workspace.folder import write_all

__all__ = ["FILES", "main", "refusals"]

FILES = ("report.html", "report.pdf", "headline.json", "provenance.json", "spectrograms.png")


def refusals(facts: dict, page: str) -> list[str]:
    """Return the reasons why a report must not be published, each with its remedy.

    Parameters
    ----------
    facts : dict
        ``headline`` and ``provenance`` of the report.
    page : str
        HTML of the report.
    """
    headline, provenance = facts["headline"], facts["provenance"]
    corpus, found = provenance["corpus"]["name"], []
    again = f"CORPUS={corpus} PROFILE={provenance['profile']}"
    if "<audio" in page and not provenance["corpus"].get("redistributable"):
        found.append(
            f"it contains audio of {corpus}, which may not be redistributed: render it with "
            f"`make report {again} PLAYERS=0`"
        )
    if "ours_pesq" in headline and not provenance.get("peers"):
        found.append(
            "it has PESQ scores, which `make report` computes only if the optional package pesq is "
            "installed: run `.venv/bin/python -m pip uninstall pesq`, remove "
            f"build/{corpus}-{provenance['profile']}/scores and run `make report {again}`, or "
            f"publish the report of `make compare {again}`"
        )
    if provenance["profile"] == "smoke":
        found.append("it is a smoke run, which is not a result: use PROFILE=quick or full")
    if not provenance["code"]["commit"] or provenance["code"]["modified"]:
        found.append(
            "its networks or scores were computed with uncommitted code: commit it, remove "
            f"build/{corpus}-{provenance['profile']} and run `make report {again}` again"
        )
    return found


def main(corpus: str) -> None:
    """Command-line entry point."""
    source, target = REPORTS / corpus, PUBLISHED / corpus
    facts = read_facts(source)
    missing = [name for name in FILES if not (source / name).is_file()]
    if missing:
        raise InputError(
            f"report/{corpus} lacks {', '.join(missing)}; run `make report CORPUS={corpus}` again."
        )
    why = refusals(facts, (source / "report.html").read_text(encoding="utf-8"))
    if why:
        raise InputError(f"report/{corpus} is not published: {'; '.join(why)}.")
    write_all(target, {name: (source / name).read_bytes() for name in FILES})
    readme.main()
    place = target.relative_to(REPORTS.parent)
    print(f"── report/{corpus} was copied to {place}; commit it and README.md")


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
