"""Cleaning of the supplied metadata into a table to group by.

Values that no rule covers pass through.  Missing values are None, a missing age NaN; a field that a
corpus lacks is missing for every speaker.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from lib.corpora.fieldnames import FIELDS, LONGEST, bare, by_field, keys_by_field, shown, written
from lib.corpora.geography import CONTINENTS, continents_of

__all__ = [
    "clean_speakers",
    "misplaced",
    "oddities_kept",
    "raw_summary",
    "unknown_values",
]

PLAUSIBLE_AGE = (5, 110)
DATE = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")


RULES = (  # field, old value, new value, reason
    ("accent", "german", "German", "spelling: capitalised for the other speakers"),
    ("accent", "Brasilian", "Brazilian", "spelling"),
    ("accent", "Egyptian_American?", "Egyptian-American", "the question mark is dropped"),
    ("accent", "German/Spanish", "German-Spanish", "two accents, kept as a separate level"),
    ("recording_room", "VR-Room", "vr-room", "one room, several spellings"),
    ("recording_room", "VR-room", "vr-room", "one room, several spellings"),
    ("recording_room", "vr-romm", "vr-room", "one room, several spellings"),
    ("origin", "Spanien", "Spain", "the German name of the country"),
    ("origin", "Muenchen", "Munich", "one city, two names"),
    ("origin", "South-America", "South America", "spelling"),
    ("origin", "Europe, India", "Asia, India", "India is in Asia"),
    ("origin", "Europe, Syria", "Asia, Syria", "Syria is in Asia"),
)

WORDS = (  # field, words in any case, clean value, reason
    ("gender", "male, m, man", "male", "one word for each gender"),
    ("gender", "female, f, woman", "female", "one word for each gender"),
    ("native_speaker", "yes, y, true, 1", "yes", "one word for each answer"),
    ("native_speaker", "no, n, false, 0", "no", "one word for each answer"),
)

KEPT = (  # field, odd-looking value that is kept, reason
    ("accent", "Madras", "the former name of Chennai, a city; other speakers give a language"),
    ("accent", "Levant", "a region; the other speaker from Damascus is listed as Arabic"),
    ("accent", "English", "a native speaker from Delhi; the variety of English is not given"),
    ("accent", "Tamil", "a native speaker of English, according to the file"),
    ("recording_room", "Kino", "German for cinema; a name, so not translated"),
    ("recording_room", "Ruheraum", "German for quiet room; a name, so not translated"),
    ("origin", "Europe, Poland, Slubice", "a German accent from across the river Oder"),
)

KNOWN = {  # levels of Audio MNIST and of the sample corpus that have been reviewed
    "gender": {"female", "male"},
    "native_speaker": {"no", "yes"},
    "accent": {
        *("American", "Arabic", "Brazilian", "British", "Chinese", "Danish", "Egyptian-American"),
        *("English", "French", "German", "German-Spanish", "Italian", "Levant", "Madras"),
        *("South African", "South Korean", "Spanish", "Tamil"),
    },
    "recording_room": {"Kino", "Ruheraum", "library", "vr-room"},
    "continent": set(CONTINENTS),
}
LEVELS = {field: {bare(level): level for level in levels} for field, levels in KNOWN.items()}


def _clean(field: str, raw: object) -> tuple[object, str]:
    """Return the clean value and the reason for the change ("" for none)."""
    missing = float("nan") if field == "age" else None
    if raw is None:
        return missing, ""
    if isinstance(raw, (dict, list)):
        return missing, "not a single value: missing"
    reasons = []
    text = str(raw).strip()
    if not text:
        return missing, "empty"
    if text != str(raw):
        reasons.append("leading or trailing whitespace")
    if shown(text) != text:
        text = shown(text)
        reasons.append(f"unprintable characters, or more than {LONGEST} characters")
    for place, old, new, why in RULES:
        if place == field and f", {old}, " in f", {text}, ":  # whole parts only
            text = f", {text}, ".replace(f", {old}, ", f", {new}, ")[2:-2]
            reasons.append(why)
    for place, words, word, why in WORDS:
        if place == field and text.casefold() in words.split(", ") and text != word:
            text = word
            reasons.append(why)
    if (level := LEVELS.get(field, {}).get(bare(text), text)) != text:
        text = level
        reasons.append("spelling of a known value")
    if field == "age":
        return _age(text, raw)
    if field == "recording_date" and (match := DATE.fullmatch(text)):
        return "20{}-{}-{} {}:{}:{}".format(*match.groups()), ""  # a format, not a correction
    return text, "; ".join(reasons)


def _age(text: str, raw: object) -> tuple[float, str]:
    """Return the age in years, NaN if implausible, and the reason for the change."""
    try:
        age = float(text)
    except ValueError:
        return float("nan"), "not a number: missing"
    if not PLAUSIBLE_AGE[0] <= age <= PLAUSIBLE_AGE[1]:
        return float("nan"), "not a plausible age: missing"
    return age, "" if isinstance(raw, str) else "stored as a number, not as text"


def _renamed(raw: dict[str, dict]) -> list[tuple]:
    """Return log rows for field names, one per spelling, then for duplicates that disagree."""
    spelt: dict[tuple, list[str]] = {}
    doubled = []
    for speaker, fields in raw.items():
        for field, (used, *others) in keys_by_field(fields).items():
            if used not in FIELDS:
                spelt.setdefault((field, used, "another name for the field"), []).append(speaker)
            for key in (key for key in others if fields[key] is not None):
                why = f"given alongside {shown(used)!r}, which is used"
                spelt.setdefault((field, key, why), []).append(speaker)
                clean, other = (_clean(field, fields[name])[0] for name in (used, key))
                if str(clean) != str(other):
                    told = "missing" if pd.isna(clean) else str(clean)
                    why = f"{shown(key)!r} and {shown(used)!r} differ"
                    doubled.append((shown(speaker), field, written(fields[key], repr), told, why))
    rows = []
    for (field, key, why), speakers in spelt.items():
        who = f"{len(speakers)} speakers" if len(speakers) > 1 else shown(speakers[0])
        rows.append((who, field, repr(shown(key)), field, why))
    return rows + doubled


def clean_speakers(
    raw: dict[str, dict], speakers: Iterable[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clean the metadata of a corpus, as returned by `Corpus.raw_metadata`.

    The table has one row per speaker, sorted, also for `speakers` without metadata: `speaker`, the
    clean fields, continent, country and city from the origin, then ``raw_<field>`` as text.  The
    log has one row per change: speaker, field, raw, clean, rule; field names come first.
    """
    rows, log, heard = [], _renamed(raw), set(speakers)
    raw = by_field(raw)
    for speaker in sorted({*raw, *speakers}):
        supplied = raw.get(speaker, {})
        row: dict[str, Any] = {"speaker": speaker if speaker in heard else shown(speaker)}
        for field in FIELDS.values():
            value = supplied.get(field)
            row[field], why = _clean(field, value)
            row[f"raw_{field}"] = None if value is None else written(value)
            if why:
                clean = row[field]
                clean = "missing" if pd.isna(clean) else f"{clean:g}" if field == "age" else clean
                log.append((row["speaker"], field, written(value, repr), clean, why))
        parts = [part.strip() for part in (row["origin"] or "").split(",")]
        names = ("continent", "country", "city")
        row |= dict(zip(names, parts)) if len(parts) == 3 else dict.fromkeys(names)
        rows.append(row)
    clean = [*FIELDS.values(), "continent", "country", "city"]
    columns = ["speaker", *clean, *(f"raw_{field}" for field in FIELDS.values())]
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    table["age"] = table["age"].astype(float)
    return table, pd.DataFrame(log, columns=["speaker", "field", "raw", "clean", "rule"])


def raw_summary(raw: dict[str, dict]) -> pd.DataFrame:
    """Summarise the metadata before any cleaning, one row per field.

    Distinct values are counted as stored, so the number 30 and the text "30" are two, and as text.
    The most frequent value is None if no value occurs twice; the first one wins a tie.
    """
    rows = []
    raw = by_field(raw)
    for field in FIELDS.values():
        values = [fields[field] for fields in raw.values() if fields.get(field) is not None]
        distinct = len({(type(value).__name__, written(value)) for value in values})
        counts = Counter(written(value) for value in values)
        most, times = counts.most_common(1)[0] if counts else (None, 0)
        rows.append((field, len(values), distinct, len(counts), most if times > 1 else None, times))
    columns = ["field", "speakers", "distinct", "distinct_as_text", "most_frequent", "times"]
    return pd.DataFrame(rows, columns=columns)


def oddities_kept(table: pd.DataFrame) -> pd.DataFrame:
    """Return the entries of `KEPT` in a cleaned table: field, value, n_speakers, why."""
    rows = [
        (field, value, int((table[field] == value).sum()), why)
        for field, value, why in KEPT
        if (table[field] == value).any()
    ]
    return pd.DataFrame(rows, columns=["field", "value", "n_speakers", "why"])


def unknown_values(table: pd.DataFrame) -> pd.DataFrame:
    """Return the unknown values of a cleaned table: field, value, n_speakers.

    Cities and dates are not checked.
    """
    rows = []
    for field in [*KNOWN, "country"]:
        for value, n in table[field].value_counts().sort_index().items():
            known = continents_of(value) if field == "country" else value in KNOWN[field]
            if not known:
                rows.append((field, value, n))
    places = table.loc[table["origin"].notna() & table["country"].isna(), "origin"]
    rows += [("origin", value, n) for value, n in places.value_counts().sort_index().items()]
    return pd.DataFrame(rows, columns=["field", "value", "n_speakers"])


def misplaced(table: pd.DataFrame) -> pd.DataFrame:
    """Return origins whose supplied continent is not that of their country, corrected or not."""
    rows = []
    for speaker in table[table["country"].notna()].itertuples():
        supplied = speaker.raw_origin.split(",")[0].strip().replace("-", " ")
        lies_in = continents_of(speaker.country)
        if lies_in and supplied not in lies_in:
            rows.append((speaker.speaker, speaker.raw_origin, " or ".join(lies_in), speaker.origin))
    return pd.DataFrame(rows, columns=["speaker", "supplied", "country lies in", "used as"])
