"""Output that is shown only if there is something to show: no rows, no table or figure.

The notebooks call these functions so that their cells need no ``if``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from lib.report.display import figure, say, table
from lib.text import escape

__all__ = ["figure_if_any", "table_if_any", "tell"]


def tell(*sentences: str) -> None:
    """Show sentences as one paragraph, without the empty ones; nothing if all are empty.

    They are plain text and shown verbatim, like the values of `say`; only text between backticks
    is shown as code.
    """
    parts = re.split(r"(`[^`\n]+`)", " ".join(filter(None, sentences)))
    shown = [part if part.startswith("`") else _escaped(part) for part in parts]
    if any(shown):
        say(re.sub(r"([{}])", r"\1\1", "".join(shown)))


def _escaped(text: str) -> str:
    """Escape `text`, keeping leading and trailing whitespace."""
    inner = text.strip()
    return text.replace(inner, escape(inner)) if inner else text


def table_if_any(
    df: pd.DataFrame, identifier: str, *, caption: str, most: int | None = None, **looks
) -> None:
    """Show a table if it has rows; after `most` rows it is truncated, as its caption then says.

    Other arguments are those of `lib.report.table`.
    """
    if df.empty:
        return
    if most is not None and len(df) > most:
        caption = f"{caption} The first {most} of {len(df):,} rows are shown."
        df = df.head(most)
    table(df, identifier, caption=caption, **looks)


def figure_if_any(draw: Callable, df: pd.DataFrame, identifier: str, **words) -> None:
    """Show ``draw(df)`` if `df` has rows; other arguments are those of `lib.report.figure`."""
    if len(df):
        figure(draw(df), identifier, **words)
