"""From the metadata as supplied to a table that can be grouped by.

`RULES` says, value by value, what is changed and why; `KEPT` names what looks odd and stays.
Values that no rule knows pass through.  The cleaning log holds one row for each change.
Missing values are None, a missing age NaN; a field that a corpus lacks is missing throughout.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

__all__ = ["FIELDS", "KEPT", "RULES", "Rule", "clean_speakers", "oddities_kept", "raw_summary"]

FIELDS = {  # in the file -> in our tables
    "gender": "gender",
    "age": "age",
    "accent": "accent",
    "native speaker": "native_speaker",
    "origin": "origin",
    "recordingdate": "recording_date",
    "recordingroom": "recording_room",
}
PLAUSIBLE_AGE = (5, 110)
DATE = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")


class Rule(NamedTuple):
    """One correction: in `field`, `raw` becomes `clean`, because of `why`."""

    field: str
    raw: str
    clean: str
    why: str


RULES = (
    Rule("accent", "german", "German", "spelling: the other speakers have a capital"),
    Rule("accent", "Brasilian", "Brazilian", "spelling"),
    Rule("accent", "Egyptian_American?", "Egyptian-American", "the doubt is not a level"),
    Rule("accent", "German/Spanish", "German-Spanish", "two accents, kept as a level of its own"),
    Rule("recording_room", "VR-Room", "vr-room", "one room, several spellings"),
    Rule("recording_room", "VR-room", "vr-room", "one room, several spellings"),
    Rule("recording_room", "vr-romm", "vr-room", "one room, several spellings"),
    Rule("origin", "Spanien", "Spain", "the German name of a country"),
    Rule("origin", "Muenchen", "Munich", "one city, two names"),
    Rule("origin", "South-America", "South America", "spelling"),
    Rule("origin", "Europe, India", "Asia, India", "India lies in Asia"),
    Rule("origin", "Europe, Syria", "Asia, Syria", "Syria lies in Asia"),
)

KEPT = (
    ("accent", "Madras", "the former name of Chennai: a city where others have a language"),
    ("accent", "Levant", "a region; the other speaker from Damascus is called Arabic"),
    ("accent", "English", "a native speaker from Delhi; which English is not said"),
    ("accent", "Tamil", "a native speaker of English, as the file has it"),
    ("recording_room", "Kino", "German for cinema; a name, so not translated"),
    ("recording_room", "Ruheraum", "German for quiet room; a name, so not translated"),
    ("origin", "Europe, Poland, Slubice", "a German accent from across the river Oder"),
)


def _text(value) -> str | None:
    """The value as text without surrounding blanks; None where there is nothing."""
    text = "" if value is None else str(value).strip()
    return text or None


def _clean(field: str, raw) -> tuple[object, str]:
    """Return the clean value and the reason of the change ("" for none)."""
    text = _text(raw)
    if text is None:
        return None, "" if raw is None else "empty"
    reasons = []
    for rule in RULES:
        hit = rule.raw in text if field == "origin" else rule.raw == text
        if rule.field == field and hit:
            text = text.replace(rule.raw, rule.clean)
            reasons.append(rule.why)
    if field == "age":
        return _age(text, raw)
    if field == "recording_date" and (match := DATE.fullmatch(text)):
        return "20{}-{}-{} {}:{}:{}".format(*match.groups()), ""  # a format, not a correction
    if text != str(raw) and not reasons:
        reasons.append("blanks around the value")
    return text, "; ".join(reasons)


def _age(text: str, raw) -> tuple[float, str]:
    """An age in years, NaN where it cannot be one."""
    try:
        age = float(text)
    except ValueError:
        return float("nan"), "not a number: missing"
    if not PLAUSIBLE_AGE[0] <= age <= PLAUSIBLE_AGE[1]:
        return float("nan"), "no possible age: missing"
    return age, "" if isinstance(raw, str) else "a number among texts"


def clean_speakers(
    raw: dict[str, dict], speakers: Iterable[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clean the metadata of a corpus.

    Parameters
    ----------
    raw : dict
        Speaker -> {field: value}, as `Corpus.raw_metadata` gives it.
    speakers : iterable of str
        Speakers that have clips; those without metadata become rows of missing values.

    Returns
    -------
    table : pd.DataFrame
        One row per speaker, sorted: `speaker`, the clean fields, continent, country and city
        from the origin, then ``raw_<field>`` as text.
    log : pd.DataFrame
        One row per change: speaker, field, raw, clean, rule.
    """
    rows, log = [], []
    for speaker in sorted({*raw, *speakers}):
        supplied = raw.get(speaker, {})
        row = {"speaker": speaker}
        for source, field in FIELDS.items():
            value = supplied.get(source)
            row[field], why = _clean(field, value)
            row[f"raw_{field}"] = None if value is None else str(value)
            if why:
                clean = row[field]
                clean = "missing" if pd.isna(clean) else f"{clean:g}" if field == "age" else clean
                log.append((speaker, field, repr(value), clean, why))
        parts = [part.strip() for part in (row["origin"] or "").split(",")]
        parts = parts if len(parts) == 3 else [None] * 3
        row |= dict(zip(("continent", "country", "city"), parts, strict=True))
        rows.append(row)
    clean = [*FIELDS.values(), "continent", "country", "city"]
    columns = ["speaker", *clean, *(f"raw_{field}" for field in FIELDS.values())]
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    table["age"] = table["age"].astype(float)
    return table, pd.DataFrame(log, columns=["speaker", "field", "raw", "clean", "rule"])


def raw_summary(raw: dict[str, dict]) -> pd.DataFrame:
    """Counts of the metadata before any cleaning, as the file has it.

    Values are compared as they are stored, so the number 30 and the text "30" are two; the
    distinct texts are counted beside them.

    Returns
    -------
    pd.DataFrame
        One row per field: field, speakers (with a value), distinct, distinct_as_text,
        most_frequent (None where no value occurs twice), times.  Ties go to the value met first.
    """
    rows = []
    for source, field in FIELDS.items():
        values = [fields[source] for fields in raw.values() if fields.get(source) is not None]
        distinct = len({(type(value).__name__, str(value)) for value in values})
        counts = Counter(str(value) for value in values)
        most, times = counts.most_common(1)[0] if counts else (None, 0)
        rows.append((field, len(values), distinct, len(counts), most if times > 1 else None, times))
    columns = ["field", "speakers", "distinct", "distinct_as_text", "most_frequent", "times"]
    return pd.DataFrame(rows, columns=columns)


def oddities_kept(table: pd.DataFrame) -> pd.DataFrame:
    """The entries of `KEPT` that occur in a cleaned table: field, value, n_speakers, why."""
    rows = [
        (field, value, int((table[field] == value).sum()), why)
        for field, value, why in KEPT
        if (table[field] == value).any()
    ]
    return pd.DataFrame(rows, columns=["field", "value", "n_speakers", "why"])
