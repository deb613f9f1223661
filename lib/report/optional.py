"""What a report shows only where there is something to see: no rows, no table and no figure.

The notebooks call these in place of an ``if``, so that no cell branches for the wording.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from lib.report.display import figure, say, table
from lib.text import escape

__all__ = ["figure_if_any", "table_if_any", "tell"]


def tell(*sentences: str) -> None:
    """Show sentences built by the library as one paragraph; empty ones, and then it, are left out.

    They are plain text and shown letter for letter, as values are by `say`; only what stands
    between backticks is shown as code.
    """
    parts = re.split(r"(`[^`\n]+`)", " ".join(filter(None, sentences)))
    shown = [part if part.startswith("`") else _escaped(part) for part in parts]
    if any(shown):
        say(re.sub(r"([{}])", r"\1\1", "".join(shown)))


def _escaped(text: str) -> str:
    """Escape `text` and keep the blanks around it."""
    inner = text.strip()
    return text.replace(inner, escape(inner)) if inner else text


def table_if_any(
    df: pd.DataFrame, identifier: str, *, caption: str, most: int | None = None, **looks
) -> None:
    """Show a table unless it has no rows: the first `most`, and then the caption says so.

    Other arguments are those of `lib.report.table`.
    """
    if df.empty:
        return
    if most is not None and len(df) > most:
        caption = f"{caption} The first {most} of {len(df):,} rows."
        df = df.head(most)
    table(df, identifier, caption=caption, **looks)


def figure_if_any(draw: Callable, df: pd.DataFrame, identifier: str, **words) -> None:
    """Show ``draw(df)`` unless `df` has no rows; other arguments are those of `report.figure`."""
    if len(df):
        figure(draw(df), identifier, **words)
