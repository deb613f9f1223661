"""The page layout of the PDF; `test_series` checks that of a whole report."""

import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from lib import report
from lib.workspace.folder import PROJECT_ROOT
from notebooks import Notebook, in_order, pages_of, pdf_of

LINE = "Words that fill one line of this paragraph, or a little less than that. "


def roles(element):
    """Yield the roles of the tags below a structure element, as a screen reader sees them."""
    children = element.get("/K", [])
    for child in children if isinstance(children, list) else [children]:
        child = child.get_object()
        if isinstance(child, dict):
            yield child.get("/S")
            yield from roles(child)


def numbers(rows, name):
    return pd.DataFrame({"item": [f"{name}{i}." for i in range(rows)], "value": range(rows)})


def tabled(notebook, df, identifier):
    return notebook.code(lambda: report.table(df, identifier, caption="Counted."))


def test_contents_of_a_long_report_take_one_page():
    notebook = Notebook("Long").prose("\n\n".join(f"## Section {i}\n\nText." for i in range(66)))
    _, contents, first, *_ = pages_of(pdf_of(notebook))
    assert in_order(contents, ["Contents", "1 Long", "1.1 Section 0", "1.66 Section 65"])
    assert "Contents" not in first


def test_no_heading_is_left_at_the_foot_of_a_page():
    sections = (f"## Section {i}\n\n### Part {i}\n\n{LINE * (7 + i % 5)}" for i in range(24))
    pages = pages_of(pdf_of(Notebook("Many").prose("\n\n".join(sections))))
    assert len(pages) > 6
    for page in pages[2:-1]:  # without title, contents, references
        assert re.search(r"paragraph, or a little less than that\. \d+$", page), page[-80:]


def test_a_long_table_repeats_its_head_and_a_short_one_is_not_broken():
    notebook = tabled(Notebook("Tables"), numbers(150, "long"), "tbl-long")
    for k in range(9):
        tabled(notebook, numbers(12, f"short{k}-"), f"tbl-short{k}")
    pages = pages_of(pdf_of(notebook))
    with_long = [page for page in pages if re.search(r"long\d+\.", page)]
    assert len(with_long) > 2
    assert all("item value long" in page for page in with_long)
    for k in range(9):
        (page,) = [page for page in pages if f"short{k}-0." in page]
        assert in_order(page, [f"Table {k + 2}.", f"short{k}-0.", f"short{k}-11."])


@pytest.mark.parametrize("mark", ["-", "+", "=", "==", "/", "1.", "12."])
def test_a_cell_is_no_list_whatever_it_starts_with(mark):
    text = f"{mark} Accent: matters"
    notebook = tabled(Notebook("Cells"), pd.DataFrame({"claim": [text], "n": [1]}), "tbl-cells")
    reader = pdf_of(notebook)
    assert f"claim n {text} 1" in " ".join(pages_of(reader))
    found = set(roles(reader.trailer["/Root"]["/StructTreeRoot"]))
    assert "/TH" in found
    assert not found & {"/L", "/H3"}


def test_the_text_is_read_in_the_order_of_the_notebook():
    notebook = Notebook("Order").prose("## One\n\nBefore.").figure("fig-a", "Curve.")
    notebook.prose("Between.").table("tbl-scores").prose("## Two\n\nAfter.").figure("fig-b", "End.")
    text = " ".join(pages_of(pdf_of(notebook))[2:])
    one = ["1 Order", "1.1 One", "Before.", "Figure 1.", "Curve.", "Between.", "Table 1.", "−3.40"]
    two = ["1.2 Two", "After.", "Figure 2.", "End.", "References"]
    assert in_order(text, one + two)


def test_the_published_report_is_small():
    assert (PROJECT_ROOT / "report/published/fsdd/report.pdf").stat().st_size < 3e6


def test_text_fills_the_page_on_which_a_figure_finds_no_room():
    tall = plt.figure(figsize=(7, 5))
    notebook = Notebook("Floating").prose(f"## One\n\n{LINE * 45}\n\nIt comes.")
    notebook.code(lambda: report.figure(tall, "fig-tall", caption="Tall.", alt="Nothing."))
    notebook.prose(f"It came.\n\n{LINE * 40}").table().prose("## Two\n\nLast.").figure("fig-b")
    pages = pages_of(pdf_of(notebook))
    (before,) = [i for i, page in enumerate(pages) if "It comes." in page]
    (after,) = [i for i, page in enumerate(pages) if "It came." in page]
    (drawn,) = [i for i, page in enumerate(pages) if "Figure 1." in page]
    assert before == after == drawn - 1
    (last,) = [page for page in pages if "Figure 2." in page]
    assert in_order(last, ["1.2 Two", "Last.", "Figure 2."])  # in order at the end of a chapter


def test_no_figure_stands_above_the_title_of_its_chapter():
    notebook = Notebook("First").prose("Short.").figure().table().prose(LINE * 60)
    assert in_order(pages_of(pdf_of(notebook))[2], ["1 First", "Short.", "Figure 1."])
