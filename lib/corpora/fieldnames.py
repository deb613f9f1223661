"""Mapping from the keys of supplied metadata to our fields, whatever their spelling.

Names match regardless of case, whitespace and punctuation, or through `SYNONYMS`.
"""

from __future__ import annotations

import re
import reprlib
from collections import Counter

import pandas as pd

from lib.corpora.base import printable

__all__ = [
    "FIELDS",
    "LONGEST",
    "bare",
    "by_field",
    "keys_by_field",
    "shown",
    "unknown_fields",
    "written",
]

FIELDS = {  # in the file -> in our tables
    "gender": "gender",
    "age": "age",
    "accent": "accent",
    "native speaker": "native_speaker",
    "origin": "origin",
    "recordingdate": "recording_date",
    "recordingroom": "recording_room",
}
SYNONYMS = {  # in our tables -> other names in files
    "gender": ("sex",),
    "age": ("age in years", "age years"),
    "native_speaker": ("native", "is native", "native english speaker", "native english"),
    "origin": ("birthplace", "place of birth", "place of origin"),
    "recording_date": ("date", "date of recording", "recorded on"),
    "recording_room": ("room", "recorded in"),
}
LONGEST = 60  # characters


def bare(name: str) -> str:
    """Return a name without case, whitespace, hyphens and punctuation, which vary in spelling."""
    return re.sub(r"[\s_:?.()-]", "", name).casefold()


NAMES = {bare(source): field for source, field in FIELDS.items()} | {
    bare(name): field for field, names in SYNONYMS.items() for name in names
}


def shown(text: str) -> str:
    """Return `text` for display: printable, and at most `LONGEST` characters of it."""
    text = printable(text[: LONGEST + 1])
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def written(value, write=str) -> str:
    """Return a supplied value as text for display."""
    return shown((reprlib.repr if isinstance(value, (dict, list)) else write)(value))


def keys_by_field(supplied: dict) -> dict[str, list[str]]:
    """Group a speaker's keys by our fields: those with a value first, then names in `FIELDS`."""
    found: dict[str, list[str]] = {}
    for key in supplied:
        if field := NAMES.get(bare(key)):
            found.setdefault(field, []).append(key)
    for keys in found.values():
        keys.sort(key=lambda key: (supplied[key] is None, key not in FIELDS))
    return found


def by_field(raw: dict[str, dict]) -> dict[str, dict]:
    """Return the metadata with our field names; of several keys for a field, the first is used."""
    return {
        speaker: {field: fields[keys[0]] for field, keys in keys_by_field(fields).items()}
        for speaker, fields in raw.items()
    }


def unknown_fields(raw: dict[str, dict]) -> pd.DataFrame:
    """Return the fields that are none of ours: field, n_speakers, example; most frequent first."""
    counts: Counter = Counter()
    examples: dict[str, str] = {}
    for fields in raw.values():
        for name, key in {shown(key): key for key in fields if bare(key) not in NAMES}.items():
            counts[name] += 1
            examples.setdefault(name, written(fields[key]))
    rows = [(name, n, examples[name]) for name, n in counts.most_common()]
    return pd.DataFrame(rows, columns=["field", "n_speakers", "example"])
