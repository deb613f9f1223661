"""pandas tables as accessible HTML: headers with scope, numbers right-aligned, text escaped."""

from __future__ import annotations

import html

import pandas as pd

from lib.text import MISSING, NBSP, is_missing, plain, typeset

__all__ = ["table_html", "with_intervals"]

LONG_TEXT = 24  # characters; shorter texts stay on one line, longer ones get room to wrap


def table_html(
    df: pd.DataFrame,
    *,
    caption: str = "",
    formats: dict | None = None,
    headers: dict | None = None,
) -> str:
    """Return `df`, without its index, as an HTML table; arguments as for `lib.report.table`."""
    formats, headers = formats or {}, headers or {}
    numeric = df.select_dtypes("number").columns
    right = [c in numeric or isinstance(formats.get(c), str) for c in df.columns]
    columns = [[_cell(value, formats.get(c)) for value in df[c]] for c in df.columns]
    align = []
    for r, cells in zip(right, columns):
        is_long = max(map(len, cells), default=0) > LONG_TEXT
        room = "min-width: 10em" if is_long else "white-space: nowrap"
        align.append(f' style="text-align: {"right" if r else "left"}; {room}"')
    tags = ['th scope="row"' if i == 0 and not r else "td" for i, r in enumerate(right)]

    def row(cells, tags):
        return "".join(
            f"<{tag}{a}>{html.escape(cell)}</{tag[:2]}>" for cell, tag, a in zip(cells, tags, align)
        )

    head = row([_heading(c, headers) for c in df.columns], ['th scope="col"'] * len(right))
    body = "\n".join(f"<tr>{row(cells, tags)}</tr>" for cells in zip(*columns))
    title = f"<caption>{html.escape(caption)}</caption>\n" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _heading(column, headers: dict) -> str:
    if column in headers:
        return headers[column]
    parts = column if isinstance(column, tuple) else (column,)
    return ", ".join(str(part) for part in parts if str(part)).replace("_", " ")


def _cell(value, how) -> str:
    """Return one value as text; `how` is a format string, a callable or None."""
    if is_missing(value) or how is None:
        return plain(value)
    return str(how(value)) if callable(how) else typeset(how.format(value))


def with_intervals(df: pd.DataFrame, specs: dict[str, str]) -> pd.DataFrame:
    """Return `df` with means and intervals as non-breaking text: ``12.1 [11.6, 12.5]``.

    `specs` maps column -> format specification such as ``".1f"``; the limits are in the columns
    ``<column>_low`` and ``<column>_high``.
    """

    def text(interval, spec):
        mean, low, high = (plain(value, spec) for value in interval)
        return mean if mean == MISSING else f"{mean}{NBSP}[{low},{NBSP}{high}]"

    ends = ("", "_low", "_high")
    texts = {
        name: [text(row, spec) for row in df[[name + end for end in ends]].to_numpy()]
        for name, spec in specs.items()
    }
    return df.assign(**texts)
