"""Conversion of executed notebooks to one stream of pandoc Markdown.

The code between two prose cells becomes one ``.code`` block, and each output shown by `lib.report`
a block with the class ``.figure``, ``.table`` or ``.players``, an identifier and a caption, which
``assets/report.lua`` numbers and lays out.  Progress printed by cells is omitted.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from lib.errors import InputError
from lib.text import escape

__all__ = [
    "READER",
    "notebook_markdown",
    "reported",
    "shown",
    "table_block",
    "without_players",
    "write_media",
]

READER = (  # Jupyter's Markdown dialect in pandoc's terms; markup in data stays text
    "markdown+lists_without_preceding_blankline-blank_before_header-blank_before_blockquote"
    "-yaml_metadata_block-raw_html-raw_tex-native_divs-native_spans"
)
HIDDEN_TAGS = {"parameters", "injected-parameters", "remove-cell"}
LARGEST_SVG = 400_000  # bytes; larger figures are embedded in the HTML as PNG


def _fenced(text: str, attributes: str) -> str:
    """Return `text` as a code block whose fence is longer than any run of backticks in it."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", text))])
    return f"{fence}{attributes}\n{text}\n{fence}"


def _block(kind: str, identifier: str, content: str, **attributes: str) -> str:
    head = [f"#{identifier}", f".{kind}"] if identifier else [f".{kind}"]
    for name, text in attributes.items():
        escaped = re.sub(r'([\\"])', r"\\\1", " ".join(text.split()))
        head.append(f'{name}="{escaped}"')
    return f":::::: {{{' '.join(head)}}}\n{content}\n::::::\n"


def write_media(folder: Path, data: bytes, suffix: str) -> str:
    """Write `data` to `folder`, named by its hash; return the path from the folder's parent."""
    name = f"{hashlib.sha256(data).hexdigest()[:16]}{suffix}"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return f"{folder.name}/{name}"


def table_block(identifier: str, caption: str, html: str) -> str:
    """Return a numbered table as Markdown; `html` comes from `tables.table_html`."""
    bare = re.sub(r"<caption>.*?</caption>\s*", "", html, flags=re.DOTALL)
    return _block("table", identifier, f"{_fenced(bare, '{=html}')}\n\n{caption}")


def reported(cell: nbformat.NotebookNode) -> Iterator[tuple[dict, dict]]:
    """Yield the metadata by `lib.report` and the data of each output of a cell."""
    for output in cell.get("outputs", []):
        yield output.get("metadata", {}).get("report", {}), output.get("data", {})


def without_players(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy of `notebook` without audio; a line of text replaces each player.

    The first of them states how to get the audio.
    """
    notebook = copy.deepcopy(notebook)
    outputs = [each for cell in notebook.cells for each in reported(cell)]
    players = [each for each in outputs if each[0].get("kind") == "players"]
    for i, (report, data) in enumerate(players):
        data.pop("text/html", None)
        if i:
            report["to_hear"] = ""
    return notebook


def shown(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Yield the texts of an executed notebook, including those of captions and figures."""
    for cell in notebook.cells:
        yield cell.source
        for report, data in reported(cell):
            for value in report.values():
                yield from value if isinstance(value, list) else [str(value)]
            if report.get("kind") not in ("figure", "players"):
                yield from (text for kind, text in data.items() if kind.startswith("text/"))


def _figure_source(data: dict, media: Path, to: str) -> str:
    svg = data.get("image/svg+xml", "").encode("utf-8")
    if svg and (to == "typst" or len(svg) <= LARGEST_SVG):
        return write_media(media, svg, ".svg")
    return write_media(media, base64.b64decode(data["image/png"]), ".png")


def _ours(report: dict, data: dict, media: Path, to: str) -> str:
    """Return the Markdown of an output shown by `lib.report`."""
    if report["kind"] == "figure":
        looks = {"src": _figure_source(data, media, to), "alt": report["alt"]}
        looks["width"] = f"{report['width_in']}in"
        return _block("figure", report["id"], report["caption"], **looks)
    if report["kind"] == "table":
        return table_block(report["id"], report["caption"], data["text/html"])
    if report["kind"] == "players":
        summary = escape(report["summary"])
        if "text/html" not in data:
            text = f"{summary}: rendered without players. {report['to_hear']}"
            return _block("players", "", text.rstrip())
        if to == "typst":
            return _block("players", "", f"{summary}: available in the HTML report.")
        html = _fenced(data["text/html"], "{=html}")
        return _block("players", "", f"{html}\n\n{escape(report['title'])}.")
    return data["text/markdown"] + "\n" if report["kind"] == "say" else ""


def _other(data: dict, media: Path, to: str) -> str:
    """Return the Markdown of any other output, in its best format and without a number."""
    alt = data.get("text/plain", "Output of the cell above.")
    if "image/svg+xml" in data or "image/png" in data:
        return _block("figure", "", "", src=_figure_source(data, media, to), alt=alt)
    if "<table" in data.get("text/html", ""):
        html = re.sub(r"<style.*?</style>", "", data["text/html"], flags=re.DOTALL)
        return _block("table", "", _fenced(html, "{=html}"))
    if "text/markdown" in data:
        return data["text/markdown"] + "\n"
    return _fenced(alt, "{.output}") + "\n" if "text/plain" in data else ""


def _code(sources: list[str]) -> str:
    return _block("code", "", _fenced("\n\n".join(sources), "{.python}"))


def notebook_markdown(
    notebook: nbformat.NotebookNode, *, media: Path, to: str, name: str, prefix: str = ""
) -> str:
    """Return one executed notebook as Markdown and write its pictures to `media`.

    Picture paths are relative to the parent of `media`; `to` is ``"html"`` or ``"typst"``; `prefix`
    is prepended to the names of footnotes, which must differ between notebooks.  A cell with an
    error raises InputError, whose message gives the notebook's `name`.
    """
    parts: list[str | list[str]] = []
    code: list[str] | None = None  # the code since the last prose cell
    for number, cell in enumerate(notebook.cells, start=1):
        if HIDDEN_TAGS & set(cell.metadata.get("tags", [])) or cell.cell_type == "raw":
            continue
        if cell.cell_type == "markdown":
            code = None
            parts.append(re.sub(r"\[\^([\w-]+)\]", rf"[^{prefix}\1]", cell.source))
            continue
        if cell.source.strip():
            if code is None:
                parts.append(code := [])
            code.append(cell.source)
        for output in cell.outputs:
            if output.output_type == "error":
                raise InputError(
                    f"Cell {number} of {name} failed ({output.ename}: {output.evalue}); "
                    "run the notebook again."
                )
        for report, data in reported(cell):
            parts.append(_ours(report, data, media, to) if report else _other(data, media, to))
    texts = (part if isinstance(part, str) else _code(part) for part in parts)
    return "\n\n".join(text for text in texts if text) + "\n"
