"""Render executed notebooks as one report: self-contained HTML, and a tagged PDF by Typst.

::

    python -m lib.report.export build/sample-quick --output report/sample

writes all files of a report or none.  The notebooks are joined into one Markdown stream
(`lib.report.markdown`), which pandoc with ``assets/report.lua`` converts to HTML, and to PDF/UA-1
through Typst.  Pandoc and Typst come with their pip packages.  A broken reference is an error.

A single notebook: ``jupyter nbconvert --to lib.report.export.ReportPDFExporter x.ipynb``.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import matplotlib
import nbformat
import pypandoc
import typst
from nbconvert.exporters import Exporter

from lib.errors import InputError, end
from lib.report import letters, opening, provenance
from lib.report.markdown import (
    READER,
    notebook_markdown,
    reported,
    shown,
    table_block,
    without_players,
)
from lib.text import escape
from lib.workspace.folder import PROJECT_ROOT, as_json, open_run, write_all

__all__ = ["export", "render_html", "render_pdf", "ReportHTMLExporter", "ReportPDFExporter"]

ASSETS = Path(__file__).parent / "assets"
PANDOC = Path(pypandoc.__file__).parent / "files" / "pandoc"  # never one from the PATH
NOTEBOOKS = PROJECT_ROOT / "notebooks"
PICTURE = "fig-triptychs"  # shown in the README
MEDIA = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
}
SMALLER = "```{=typst}\n#set text(9pt)\n#set par(spacing: 0.75em)\n```\n\n"  # PDF only
REFERENCES = f"# References {{.unnumbered}}\n\n{SMALLER}::: {{#refs}}\n:::\n"
ACCENTS = {"\u0302": "^", "\u0303": "~", "\u0304": "\u00af", "\u0307": "\u02d9", "\u20d7": "\u2192"}


def _pandoc(notebooks: dict, metadata: dict, ending: str, folder: Path, *, to: str) -> str:
    """Return the report as text in the format `to`; pictures are written to ``folder/media``."""
    stream = "\n\n".join(
        notebook_markdown(notebook, media=folder / "media", to=to, name=name, prefix=f"n{i}-")
        for i, (name, notebook) in enumerate(notebooks.items(), start=1)
    )
    words = opening.with_media(metadata.get("words", []), folder / "media")
    metadata = {"lang": "en", **metadata, "words": words}
    (folder / "report.md").write_text(f"{stream}\n\n{ending}", encoding="utf-8")
    (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    template = ASSETS / ("report.html" if to == "html" else "report.typ")
    for path in (ASSETS / "report.lua", template, NOTEBOOKS / "references.bib"):
        shutil.copyfile(path, folder / path.name)  # pandoc cannot read every path in every locale
    if to == "html":
        form = ["--to=html5", "--mathml", "--section-divs", "--toc", "--toc-depth=2"]
    else:
        form = ["--to=typst-citations", "--syntax-highlighting=idiomatic"]
    command = [
        str(PANDOC),
        "report.md",
        "--data-dir=none",  # not the user's templates and styles
        f"--from={READER}",
        "--metadata-file=metadata.json",
        "--metadata=link-citations:true",
        "--lua-filter=report.lua",
        "--citeproc",
        "--bibliography=references.bib",
        f"--template={template.name}",
        "--standalone",
        "--number-sections",
        "--wrap=preserve",
        "--fail-if-warnings",
        *form,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise InputError(f"Pandoc could not convert the report: {done.stderr.strip()}")
    return done.stdout


def render_html(notebooks: dict, metadata: dict, ending: str = REFERENCES) -> bytes:
    """Return the report as one self-contained HTML file.

    `notebooks` maps name -> executed notebook; `ending` is Markdown appended to them.  `metadata`
    is as from `opening.title_page`; dangling references are an InputError unless it is ``lenient``.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = _pandoc(notebooks, metadata, ending, folder, to="html")
        page = re.sub(
            r'src="(media/\w+\.\w+)"',
            lambda m: f'src="{_data_uri(folder / m[1])}"',
            page,
        )
    for name in ("report.css", "report.js"):
        page = page.replace(f"/* {name} */", (ASSETS / name).read_text(encoding="utf-8"))
    for combining, spacing in ACCENTS.items():  # too small in browsers
        page = page.replace(
            f'<mo accent="true">{combining}</mo>',
            f'<mo accent="true" stretchy="false">{spacing}</mo>',
        )
    _check_links(page)
    return page.encode("utf-8")


def _data_uri(path: Path) -> str:
    kind = MEDIA[path.suffix]
    return f"data:{kind};base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _check_links(page: str) -> None:
    """Raise InputError if a link is broken or a resource lies outside the page."""
    bare = re.sub(r'"data:[^"]*"', '""', page)
    targets = set(re.findall(r'\sid="([^"]+)"', bare))
    dangling = sorted(set(re.findall(r'href="#([^"]+)"', bare)) - targets)
    style = "".join(re.findall(r"<style>.*?</style>", bare, flags=re.DOTALL))
    outside = re.findall(r'\ssrc="[^"]+"|<link [^>]+>', bare)
    outside += re.findall(r'@import[^;]+|url\((?!"")[^)]*\)', style)
    if dangling:
        raise InputError(f"Broken links in the report: #{', #'.join(dangling)}.")
    if outside:
        raise InputError(f"The report loads {outside[0]!r}; it must be self-contained.")


def render_pdf(notebooks: dict, metadata: dict, ending: str = REFERENCES) -> bytes:
    """Return the report as a tagged PDF (PDF/UA-1); parameters as for `render_html`."""
    day = metadata.get("date")
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp() if day else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = letters.drawable(_pandoc(notebooks, metadata, ending, folder, to="typst"))
        (folder / "report.typ").write_text(source, encoding="utf-8")
        compiler = typst.Compiler(
            str(folder / "report.typ"),
            root=str(folder),
            ignore_system_fonts=True,
            font_paths=[str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")],
        )
        timestamp = noon and int(noon)
        try:
            return compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=timestamp)
        except typst.TypstError as error:
            raise InputError(f"Typst could not compile the PDF: {error.diagnostic}") from error


def export(build_dir: str | Path, output: str | Path, *, players: bool = True) -> dict:
    """Render the executed notebooks in `build_dir` into `output`; return the headline numbers.

    Without `players`, a line of text replaces each.  InputError: no notebook was executed, a cell
    failed, or a reference is broken.
    """
    build_dir, output = Path(build_dir).resolve(), Path(output)
    paths = provenance.executed_notebooks(build_dir)
    notebooks = {path.name: nbformat.read(path, as_version=4) for path in paths}
    if not players:
        notebooks = {name: without_players(notebook) for name, notebook in notebooks.items()}
    given = notebooks[paths[-1].name].metadata.papermill.parameters
    defaults = {"corpus": "sample", "profile": "quick", "data_dir": "", "params_file": ""}
    chosen = {name: given.get(name, default) for name, default in defaults.items()}
    run = open_run(**chosen, build_dir=str(build_dir))
    headline = provenance.loaded(run, "headline", {})
    facts = provenance.collect(run)
    metadata = opening.title_page(run, facts, headline, NOTEBOOKS / "abstract.md")
    metadata["words"] = opening.words(notebooks.values())
    if metadata["words"] and not players:
        metadata["silent"] = metadata["words"][0]["to_hear"]
    tables = provenance.sections(facts)
    words = letters.replaced(text for notebook in notebooks.values() for text in shown(notebook))
    if words:
        note = f"{len(words)} words contain letters that the fonts of the PDF and the figures lack"
        print(f"── {note}: {textwrap.shorten(', '.join(words.values()), 200)}")
        metadata["facts"].append({"name": "Letters", "value": f"{note}, see @tbl-letters"})
        tables.append(letters.table(words))
    ending = f"{REFERENCES}\n\n# Provenance {{.unnumbered}}\n\n" + "\n\n".join(
        table_block(*section) for section in tables
    )
    files = {
        "report.pdf": render_pdf(notebooks, metadata, ending),
        "report.html": render_html(notebooks, metadata, ending),
    }
    for cell in (cell for notebook in notebooks.values() for cell in notebook.cells):
        for report, data in reported(cell):
            if report.get("id") == PICTURE:
                files["spectrograms.png"] = base64.b64decode(data["image/png"])
    if headline:
        files["headline.json"] = as_json(headline)
    files["provenance.json"] = as_json(facts)
    write_all(output, files)
    return headline


class ReportPDFExporter(Exporter):
    """PDF exporter: ``jupyter nbconvert --to lib.report.export.ReportPDFExporter x.ipynb``."""

    output_mimetype = "application/pdf"
    file_extension = ".pdf"
    render: Callable = staticmethod(render_pdf)

    def from_notebook_node(self, nb, resources=None, **kwargs):
        """Return one notebook as a report, in which references may dangle, and the resources."""
        nb, resources = super().from_notebook_node(nb, resources, **kwargs)
        name = resources.get("metadata", {}).get("name", "notebook")
        metadata = {"title": opening.TITLE, "subtitle": escape(name), "lenient": True}
        return self.render({name: nb}, metadata), resources


class ReportHTMLExporter(ReportPDFExporter):
    """HTML exporter: ``jupyter nbconvert --to lib.report.export.ReportHTMLExporter x.ipynb``."""

    output_mimetype = "text/html"
    file_extension = ".html"
    render = staticmethod(lambda *given: render_html(*given).decode("utf-8"))


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m lib.report.export", description=__doc__)
    parser.add_argument("build_dir")
    parser.add_argument("--output", required=True, help="output folder")
    parser.add_argument("--no-players", action="store_true", help="text instead of audio players")
    arguments = parser.parse_args(argv)
    headline = export(arguments.build_dir, arguments.output, players=not arguments.no_players)
    if "ours_si_sdr_improvement_db" in headline:
        line = (
            "── SI-SDR improvement: {ours_si_sdr_improvement_db:.1f} dB, mean over {n_clips:,} "
            "clips by {n_speakers} unseen speakers"
        )
        print(line.format_map(headline))


if __name__ == "__main__":
    end(main)
