"""An index page of rendered reports: ``report/index.html``, and that of the published ones.

::

    python -m lib.publish.index report

lists every report in the folder, followed by those in its subfolder ``published``.  Only the
standard library is needed, so that a workflow can run it without installing anything.
"""

from __future__ import annotations

import html
import sys
from pathlib import Path

from lib.errors import end
from lib.publish.verify import PUBLISHED, RUNS, read_facts
from lib.workspace.stamps import remember
from lib.workspace.variables import PROJECT_ROOT

__all__ = ["index_page", "main"]

STYLE = PROJECT_ROOT / "lib" / "report" / "assets" / "report.css"
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Denoising Audio MNIST: reports</title>
<style>
{style}
body {{ display: block; }}
h1 {{ margin-top: 1rem; border: 0; }}
.reports {{ padding: 0; list-style: none; }}
.reports li {{ margin-bottom: 1rem; padding: .9rem 1.1rem; background: var(--wash); }}
.reports li {{ border-radius: 8px; }}
.reports h3, .reports p {{ margin: 0 0 .3rem; }}
</style>
</head>
<body>
<main>
<h1>Denoising Audio MNIST</h1>
{body}
</main>
</body>
</html>
"""


def _number(facts: dict, key: str, spec: str) -> str:
    value = facts.get(key)
    shown = "–" if value is None else format(value, spec).replace("%", "\N{NO-BREAK SPACE}%")
    return shown.replace("-", "\N{MINUS SIGN}")


def _entry(folder: Path, root: Path) -> str:
    facts = read_facts(folder)
    headline, provenance = facts["headline"], facts["provenance"]
    corpus, code = provenance["corpus"], provenance["code"]
    title = corpus.get("title") or corpus["name"]
    title += " (synthetic)" if corpus.get("synthetic") else ""
    made = f"{corpus['name']}, {RUNS[provenance['profile']]}, {provenance['date']}, "
    made += f"commit {code['commit'] or 'unknown'}"
    gain, *ends = (
        _number(headline, f"ours_si_sdr_improvement_db{end_}", ".1f")
        for end_ in ("", "_low", "_high")
    )
    before, after = (_number(headline, f"{key}_accuracy", ".0%") for key in ("noisy", "ours"))
    place = html.escape(folder.relative_to(root).as_posix())
    links = [
        f'<a href="{place}/report.{kind}">{name}</a>'
        for kind, name in (("html", "Read the report"), ("pdf", "PDF"))
        if (folder / f"report.{kind}").is_file()
    ]
    return (
        f"<li><h3>{html.escape(title)}</h3>\n"
        f'<p class="note">{html.escape(made)}</p>\n'
        f"<p>SI-SDR improvement {gain} dB (95 % CI {' to '.join(ends)}); recognition accuracy "
        f"{before} noisy, {after} denoised.</p>\n"
        f"<p>{', '.join(links)}</p></li>"
    )


def _entries(folder: Path, root: Path) -> str:
    entries = [_entry(path.parent, root) for path in sorted(folder.glob("*/headline.json"))]
    if not entries:
        return "<p>No reports yet; create one with <code>make report</code>.</p>"
    return '<ul class="reports">\n' + "\n".join(entries) + "\n</ul>"


def index_page(root: Path) -> str:
    """Return the index page of the reports in a folder; links are relative to the folder."""
    published = root / PUBLISHED.name
    parts = {"Local reports": root, "Published reports": published}
    if not published.is_dir():
        parts = {"Published reports": root}
    body = "\n".join(f"<h2>{name}</h2>\n{_entries(folder, root)}" for name, folder in parts.items())
    return PAGE.format(style=STYLE.read_text(encoding="utf-8"), body=body)


def main(folder: str) -> None:
    """Command-line entry point."""
    root = Path(folder).resolve()
    remember(root / "index.html", index_page(root))


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
