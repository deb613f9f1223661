"""The fictional people of the sample corpus, in the schema of ``audioMNIST_meta.txt``.

`PEOPLE` is the ground truth for the voices; `DIRT` overlays it with errors and spellings of the
kind found in the real file; `FAULTS` are recording faults for the exploration to find.  Beyond 20
speakers the table repeats, with other voices and ages.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FAULTS", "PEOPLE", "Person", "metadata", "person"]


class Person(NamedTuple):
    """The true metadata of one speaker."""

    accent: str
    age: int
    gender: str
    origin: str
    room: str


PEOPLE = (
    Person("German", 30, "male", "Europe, Germany, Musterstadt", "Kino"),
    Person("British", 24, "male", "Europe, United Kingdom, Exampleton", "vr-room"),
    Person("Spanish", 22, "female", "Europe, Spain, Villaejemplo", "vr-room"),
    Person("German", 41, "male", "Europe, Germany, Probeheim", "Kino"),
    Person("American", 36, "male", "North America, United States, Sampleville", "library"),
    Person("German", 27, "female", "Europe, Germany, Musterstadt", "vr-room"),
    Person("British", 52, "female", "Europe, United Kingdom, Exampleton", "Kino"),
    Person("Spanish", 33, "male", "Europe, Spain, Villaejemplo", "vr-room"),
    Person("German", 61, "male", "Europe, Germany, Musterstadt", "library"),
    Person("British", 45, "male", "Europe, United Kingdom, Mockbridge", "vr-room"),
    Person("German", 19, "female", "Europe, Germany, Probeheim", "Kino"),
    Person("Spanish", 28, "male", "South America, Argentina, Puerto Ficticio", "vr-room"),
    Person("American", 31, "female", "North America, United States, Sampleville", "vr-room"),
    Person("German", 47, "male", "Europe, Germany, Musterstadt", "vr-room"),
    Person("British", 29, "male", "Europe, United Kingdom, Exampleton", "library"),
    Person("Spanish", 38, "female", "Europe, Spain, Villaejemplo", "Kino"),
    Person("German", 34, "female", "Europe, Germany, Probeheim", "vr-room"),
    Person("American", 57, "male", "North America, United States, Sampleville", "library"),
    Person("Spanish", 26, "male", "South America, Argentina, Puerto Ficticio", "vr-room"),
    Person("British", 67, "female", "Europe, United Kingdom, Mockbridge", "library"),
)

NATIVE = ("British", "American")  # accents of those whose first language is English
DIRT: dict[int, dict[str, object]] = {
    1: {"accent": "german", "age": 30},
    6: {"recordingroom": "VR-Room"},
    8: {"origin": "Europe, Spanien, Villaejemplo"},
    10: {"recordingroom": "vr-romm"},
    12: {"origin": "South-America, Argentina, Puerto Ficticio"},
    13: {"recordingroom": "VR-room"},
    14: {"age": "1234"},
}
FAULTS = {4: "rumble", 5: "offset", 7: "rumble", 12: "offset", 16: "rumble", 17: "offset"}


def person(number: int) -> Person:
    """Return the speaker with this number, counted from 1."""
    again, row = divmod(number - 1, len(PEOPLE))
    truth = PEOPLE[row]
    return truth._replace(age=19 + (truth.age - 19 + 13 * again) % 50)


def metadata(n_speakers: int) -> dict[str, dict]:
    """Return the contents of ``audioMNIST_meta.txt`` for the first `n_speakers` speakers."""
    table: dict[str, dict] = {}
    for number in range(1, n_speakers + 1):
        truth = person(number)
        table[f"{number:02d}"] = {
            "accent": truth.accent,
            "age": str(truth.age),
            "gender": truth.gender,
            "native speaker": "yes" if truth.accent in NATIVE else "no",
            "origin": truth.origin,
            "recordingdate": f"24-01-{1 + number % 28:02d}-{9 + number % 8:02d}-00-00",
            "recordingroom": truth.room,
            **DIRT.get(number, {}),
        }
    return table
