"""Builder of executed notebooks, and helpers to render them and check the pages."""

from __future__ import annotations

import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pypdf
from nbformat import v4

from lib import report
from lib.report import display, export


class Notebook:
    """Builder of an executed notebook; what `lib.report` displays becomes cell output."""

    def __init__(self, title="A toy", **parameters):
        self.node = v4.new_notebook(
            cells=[v4.new_markdown_cell(f"# {title}")],
            metadata={
                "papermill": {
                    "parameters": parameters,
                    "duration": 61.2,
                    "end_time": "2026-01-02T03:04:05+00:00",
                }
            },
        )

    def prose(self, source):
        self.node.cells.append(v4.new_markdown_cell(source))
        return self

    def code(self, show=lambda: None, source="lib.do()", tags=()):
        cell = v4.new_code_cell(source, metadata={"tags": list(tags)})

        def capture(data, metadata, raw):
            cell.outputs.append(v4.new_output("display_data", data, metadata=metadata))

        original, display.display = display.display, capture
        try:
            show()
        finally:
            display.display = original
        self.node.cells.append(cell)
        return self

    def figure(self, identifier="fig-line", caption="It bends, see @tbl-scores."):
        fig, ax = plt.subplots(figsize=(3, 2))
        ax.plot([0, 1, 0])
        return self.code(
            lambda: report.figure(fig, identifier, caption=caption, alt='A "bent" <b>line</b>.')
        )

    def table(self, identifier="tbl-scores", value="ours"):
        df = pd.DataFrame({"method": [value], "si_sdr_db": [-3.4]})
        return self.code(lambda: report.table(df, identifier, caption="Scores [@leroux2019]."))

    def players(self):
        sounds = [("noisy", np.sin(np.arange(800)), 8000)]
        return self.code(lambda: report.players(sounds, title="Digit 7"))


HOSTILE = '<script>alert(1)</script> **bold** $x$ @fig-none [^1] </table> ::: "'
METADATA = {"title": "T", "subtitle": "S", "date": "2026-01-02"}


def html_of(*notebooks, **metadata):
    named = {f"{i}.ipynb": n.node for i, n in enumerate(notebooks)}
    return export.render_html(named, METADATA | metadata).decode("utf-8")


def pdf_of(*notebooks):
    named = {f"{i}.ipynb": n.node for i, n in enumerate(notebooks)}
    return pypdf.PdfReader(io.BytesIO(export.render_pdf(named, METADATA)))


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html.split("</header>")[1]))


def full_notebook():
    return (
        Notebook("What we hear")
        .prose("See @fig-line, @tbl-scores and @eq-snr, after @becker2018.[^1]\n\n[^1]: A note.")
        .prose(r"$$\hat{s} = 10 \log_{10} x \label{eq-snr}$$")
        .figure()
        .table()
        .players()
        .code(lambda: report.say("Gain {g:.1f} dB.", g=-1.25))
    )


def pages_of(reader):
    """Return the text of each page, on one line."""
    texts = [page.extract_text().replace("\xa0", " ") for page in reader.pages]
    return [re.sub(r"\s+", " ", text) for text in texts]


def in_order(text, parts):
    """Return whether `parts` occur in `text` in this order."""
    for part in parts:
        _, found, text = text.partition(part)
        if not found:
            return False
    return True


def check_pages(pages):
    """Check the order of sections, figures and tables, and the header and number of each page."""
    _, contents, *pages = pages
    text = " ".join(pages)
    listed = re.findall(r"(?<!\d)([1-9](?:\.\d+)? [A-Z][^.]*?) [. ]{2,}\W?(\d+)", contents)
    assert len(listed) > 20
    assert in_order(text, [*(heading for heading, _ in listed), "References", "Provenance"])
    assert [h for h, number in listed if h not in pages[int(number) - 3]] == []
    for kind in ("Figure", "Table"):
        last = max(int(n) for n in re.findall(rf"{kind} (\d+)\. [A-Z]", text))
        assert in_order(text, [f"{kind} {n}. " for n in range(1, last + 1)])
    for number, page in enumerate(pages, start=3):
        assert page.startswith("Denoising Audio MNIST ")
        assert page.endswith(f" {number}")
