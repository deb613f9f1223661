"""Which key of the metadata is which of our fields, whatever it is called.

Names are compared without case, blanks and punctuation, and by `SYNONYMS`.
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
    """A name without what people spell differently: case, blanks, hyphens, punctuation."""
    return re.sub(r"[\s_:?.()-]", "", name).casefold()


NAMES = {bare(source): field for source, field in FIELDS.items()} | {
    bare(name): field for field, names in SYNONYMS.items() for name in names
}


def shown(text: str) -> str:
    """The text as it can be shown: printable, and not endless."""
    text = printable(text[: LONGEST + 1])
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def written(value, write=str) -> str:
    """A value as it was supplied, as text that can be shown."""
    return shown((reprlib.repr if isinstance(value, (dict, list)) else write)(value))


def keys_by_field(supplied: dict) -> dict[str, list[str]]:
    """The keys of a speaker by our fields: those with a value first, of them the proper name."""
    found: dict[str, list[str]] = {}
    for key in supplied:
        if field := NAMES.get(bare(key)):
            found.setdefault(field, []).append(key)
    for keys in found.values():
        keys.sort(key=lambda key: (supplied[key] is None, key not in FIELDS))
    return found


def by_field(raw: dict[str, dict]) -> dict[str, dict]:
    """The metadata with our names of the fields; of two keys for one field the first is used."""
    return {
        speaker: {field: fields[keys[0]] for field, keys in keys_by_field(fields).items()}
        for speaker, fields in raw.items()
    }


def unknown_fields(raw: dict[str, dict]) -> pd.DataFrame:
    """The fields that are none of ours: field, n_speakers, example; the most frequent first."""
    counts: Counter = Counter()
    examples: dict[str, str] = {}
    for fields in raw.values():
        for name, key in {shown(key): key for key in fields if bare(key) not in NAMES}.items():
            counts[name] += 1
            examples.setdefault(name, written(fields[key]))
    rows = [(name, n, examples[name]) for name, n in counts.most_common()]
    return pd.DataFrame(rows, columns=["field", "n_speakers", "example"])
