"""Insert values into Markdown templates; data (names, places, files) never act as markup."""

from __future__ import annotations

import difflib
import numbers
import re
import string

import pandas as pd

from lib.errors import InputError

__all__ = ["MISSING", "NBSP", "escape", "fill", "is_missing", "plain", "typeset"]

MISSING = "–"  # shown for a missing value in tables and sentences
MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"


def escape(text: str) -> str:
    r"""Escape `text` so that Markdown shows it verbatim, on one line.

    Examples
    --------
    >>> escape("<b>*me*</b>")
    '\\<b\\>\\*me\\*\\<\\/b\\>'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(str(text).split()))


def is_missing(value) -> bool:
    """Return whether `value` is None, NaN, NA or NaT."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def typeset(number: str) -> str:
    r"""Typeset a formatted number: a true minus sign, none before zero, and ∞ for "inf".

    A per cent sign is preceded by a non-breaking space.

    Examples
    --------
    >>> typeset("-8.0 dB"), typeset("-0.0"), typeset("-5%"), typeset("-inf")
    ('−8.0 dB', '0.0', '−5\xa0%', '−∞')
    """
    unsigned_zero = re.sub(r"^-(?=0(\.0*)?(?![\d.e]))", "", re.sub(r"\binf\b", "∞", number))
    return re.sub(r"(?<=[\d∞])%", NBSP + "%", re.sub(r"-(?=\d|∞)", MINUS, unsigned_zero))


def plain(value, spec: str | None = None) -> str:
    """Format `value` for readers: numbers with `typeset`, missing values as a dash.

    `spec` is a format specification such as ``".1f"``; by default, floats get two decimals, and
    integers of five or more digits get thousands separators.

    Examples
    --------
    >>> plain(-8.0), plain(30000), plain(float("nan"))
    ('−8.00', '30,000', '–')
    """
    if is_missing(value):
        return MISSING
    if isinstance(value, bool) or not isinstance(value, numbers.Number):
        return format(value, spec or "")
    if spec is None:
        spec = ".2f"
        if isinstance(value, numbers.Integral):
            spec = "," if abs(int(value)) >= 10_000 else ""
    return typeset(format(value, spec))


class _Filler(string.Formatter):
    """A ``str.format`` that formats numbers for readers and escapes everything else."""

    def format_field(self, value, format_spec):
        text = plain(value, format_spec or None)
        is_number = isinstance(value, numbers.Number) and not isinstance(value, bool)
        return text if is_number or text == MISSING else escape(text)


def fill(template: str, values: dict, *, where: str = "report.say") -> str:
    """Fill the ``{name:spec}`` fields of a Markdown `template`; raise InputError if that fails."""
    try:
        return _Filler().vformat(template, (), values)
    except KeyError as error:
        near = difflib.get_close_matches(str(error.args[0]), values, cutoff=0)
        raise InputError(
            f"{where}: no value for {{{error.args[0]}}} among {len(values)}; the nearest names are "
            f"{', '.join(near)}."
        ) from error
    except (IndexError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: cannot fill {template[:80]!r}: {error}") from error
