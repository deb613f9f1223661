"""Names in scripts that the fonts lack: transliterated in PDF and figures, listed, never boxes."""

import io
import re
import warnings

import nbformat
import pandas as pd
import pypdf
import pytest
import seaborn as sns
from matplotlib import ft2font

from lib import report
from lib.figures import style
from lib.report import export, letters
from lib.report.markdown import shown
from notebooks import Notebook, html_of, text_of

NAMES = {
    "王伟": "WangWei",
    "김민준": "GimMinJun",
    "मरियम": "mriym",
    "สมชาย": "smchay",
    "🎤": "microphone",
    "\ue000": "U+E000",
    "＊［＃": "U+FF0AU+FF3BU+FF03",  # whose Latin forms would be markup
}
KNOWN = ["Ђорђе", "Ngọc", "Łukasz", "Γιώργος", "ნინო", "Zoë", "plain [*#$@ text"]


def figure_of_names(names):
    fig, (left, right) = style.new(3.0, ncols=2)
    df = pd.DataFrame({"speaker": list(names), "gain": range(len(names))})
    sns.barplot(df, x="gain", y="speaker", ax=left)
    right.plot([0, 1], label=names[0])
    right.legend(title=names[1])
    right.set_yticks([0, 1], names[:2])
    right.annotate(names[2], (0.5, 0.5))
    return fig


@pytest.fixture
def notebook():
    names = list(NAMES)
    df = pd.DataFrame({"speaker": names, "gain": range(len(names))})
    book = Notebook("Names").code(lambda: report.say("The best is {name}.", name=names[0]))
    book.code(lambda: report.table(df, "tbl-names", caption="Who."))
    fig = figure_of_names(names)
    return book.code(lambda: report.figure(fig, "fig-names", caption="Who.", alt="Bars."))


@pytest.mark.parametrize(("name", "drawn"), NAMES.items(), ids=NAMES.values())
def test_a_name_that_the_fonts_lack_is_drawn_in_latin_letters(name, drawn):
    assert letters.drawable(f"a {name}, b") == f"a {drawn}, b"
    assert letters.replaced([f"a {name}, b"]) == {name: drawn}


@pytest.mark.parametrize("name", KNOWN)
def test_a_name_that_the_fonts_have_stays(name):
    assert letters.drawable(name) == name
    assert not letters.replaced([name])


def test_invisible_letters_leave_nothing():
    joiner, variant, circle = "\u200d\ufe0f\u20dd"
    drawn = letters.drawable(f"ab{circle}c{joiner}{variant}")
    assert re.fullmatch("abc[\u200d\ufe0f]*", drawn)


@pytest.mark.parametrize("name", ["مريم", "דוד"])
def test_what_is_written_from_right_to_left_is_drawn_only_in_that_order(name, monkeypatch):
    letters._known.cache_clear()
    if hasattr(ft2font, "__libraqm_version__"):
        assert letters.drawable(name) == name
        monkeypatch.delattr(ft2font, "__libraqm_version__")
        letters._known.cache_clear()
    assert letters.drawable(name).isascii()
    letters._known.cache_clear()


def test_no_figure_has_boxes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Matplotlib warns about each missing glyph
        Notebook().code(
            lambda: report.figure(
                figure_of_names(list(NAMES)), "fig-names", caption="Who.", alt="Bars."
            )
        )


def test_a_figure_shows_the_latin_letters():
    ours = figure_of_names(list(NAMES))
    assert letters.make_drawable(ours).keys() == NAMES.keys()
    theirs = figure_of_names(list(NAMES.values()))
    pictures = [io.BytesIO(), io.BytesIO()]
    for fig, picture in zip((ours, theirs), pictures):
        fig.savefig(picture, format="png", metadata={"Software": None})
    assert pictures[0].getvalue() == pictures[1].getvalue()


def test_the_pdf_shows_the_latin_letters_and_html_the_name(notebook):
    pdf = pypdf.PdfReader(io.BytesIO(export.render_pdf({"1.ipynb": notebook.node}, {"title": "T"})))
    seen = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pdf.pages))
    assert "The best is WangWei." in seen
    html = text_of(html_of(notebook))
    assert "The best is 王伟." in html
    for name, drawn in NAMES.items():
        assert drawn in seen
        assert name in html


@pytest.mark.usefixtures("project")
def test_the_report_and_the_terminal_say_what_was_replaced(notebook, tmp_path, capsys):
    assert letters.replaced(shown(notebook.node)) == NAMES
    path = tmp_path / "build" / "01_toy.ipynb"
    notebook.node.metadata = nbformat.read(path, as_version=4).metadata
    nbformat.write(notebook.node, path)
    export.main([str(tmp_path / "build"), "--output", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert "7 words contain letters that the fonts of the PDF and the figures lack" in said
    assert all(drawn in said for drawn in NAMES.values())
    html = text_of((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert "王伟U+738B U+4F1FWangWei" in html
    pages = pypdf.PdfReader(tmp_path / "out" / "report.pdf").pages
    first = re.sub(r"\s+", " ", pages[0].extract_text())
    assert re.search(r"7 words contain letters that the fonts of .* lack, see Table \d", first)
