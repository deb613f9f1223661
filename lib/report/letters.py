"""Transliteration, and a table, of names in scripts that the report's fonts lack.

The PDF and the figures use the fonts bundled with Typst and Matplotlib; the one with the widest
coverage, DejaVu Sans, lacks Chinese and Thai, for example.  HTML uses the reader's fonts.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable

import pandas as pd
from anyascii import anyascii
from matplotlib import font_manager, ft2font
from matplotlib.figure import Figure
from matplotlib.text import Text

from lib.report.tables import table_html

__all__ = ["drawable", "make_drawable", "replaced", "table"]

FACES = ("DejaVu Sans", "DejaVu Sans:bold")
WORDS = re.compile(r"[^\s\x00-/:-@\[-`{-\x7f]+")  # letters, digits and everything beyond ASCII


@functools.cache
def _known() -> frozenset[int]:
    """Return the code points that all faces in use can draw."""
    faces = [font_manager.get_font(font_manager.findfont(face)) for face in FACES]
    drawn = set.intersection(*(set(face.get_charmap()) for face in faces))
    if not hasattr(ft2font, "__libraqm_version__"):  # Matplotlib 3.10 draws all left to right
        drawn = {c for c in drawn if unicodedata.bidirectional(chr(c)) not in ("R", "AL")}
    return frozenset(drawn | set(map(ord, "\t\n\r")))


@functools.cache
def _latin(letter: str) -> str:
    """Transliterate one letter to ASCII letters and digits, or U+XXXX, which cannot be markup."""
    latin = re.sub(r"[^A-Za-z0-9]", "", anyascii(letter))
    invisible = unicodedata.category(letter) in ("Cf", "Me", "Mn")  # joiners and marks
    return latin or ("" if invisible else f"U+{ord(letter):04X}")


def drawable(text: str) -> str:
    """Return `text` with letters that the fonts lack transliterated to Latin.

    Examples
    --------
    >>> drawable("Wei 伟, Ђорђе")
    'Wei Wei, Ђорђе'
    """
    if text.isascii():
        return text
    return "".join(c if ord(c) in _known() else _latin(c) for c in text)


def replaced(texts: Iterable[str]) -> dict[str, str]:
    """Return the words of `texts` that `drawable` changes, with their replacements."""
    words = {word for text in texts if not text.isascii() for word in WORDS.findall(text)}
    return {word: drawn for word in sorted(words) if (drawn := drawable(word)) != word}


def table(words: dict[str, str]) -> tuple[str, str, str]:
    """Return the words found by `replaced` as the identifier, caption and HTML of a table."""
    rows = [
        (word, " ".join(f"U+{ord(c):04X}" for c in word), drawn) for word, drawn in words.items()
    ]
    caption = (
        "Words transliterated to the Latin alphabet in the PDF and in all figures, whose fonts "
        "lack some of their characters."
    )
    columns = ["word", "characters", "in the PDF and in figures"]
    return "tbl-letters", caption, table_html(pd.DataFrame(rows, columns=columns))


def make_drawable(fig: Figure) -> dict[str, str]:
    """Transliterate letters in `fig` that its font lacks; return the words as `replaced` does."""
    words: dict[str, str] = {}
    for axis in (axis for axes in fig.axes for axis in (axes.xaxis, axes.yaxis)):
        labels = [label.get_text() for label in axis.get_ticklabels()]
        if found := replaced(labels):  # category labels are regenerated when drawn
            axis.set_ticks(axis.get_ticklocs(), labels=[drawable(label) for label in labels])
            words |= found
    for text in fig.findobj(Text):
        if found := replaced([text.get_text()]):
            text.set_text(drawable(text.get_text()))
            words |= found
    return words
