"""lib.corpora.metadata and fieldnames: each rule, and the real file if available."""

import json

import numpy as np
import pandas as pd
import pytest

from lib.corpora import base, fieldnames, metadata

CASES = [  # raw field, raw value, column, clean value, whether it is logged
    ("accent", "german", "accent", "German", True),
    ("accent", "German", "accent", "German", False),
    ("accent", "Brasilian", "accent", "Brazilian", True),
    ("accent", "Egyptian_American?", "accent", "Egyptian-American", True),
    ("accent", "German/Spanish", "accent", "German-Spanish", True),
    ("accent", "Klingon", "accent", "Klingon", False),  # unknown values pass through
    ("accent", " Danish ", "accent", "Danish", True),
    ("accent", "", "accent", None, True),
    ("accent", "south_african", "accent", "South African", True),
    ("accent", "BRITISH", "accent", "British", True),
    ("gender", "male", "gender", "male", False),
    ("gender", "M", "gender", "male", True),
    ("gender", "Female", "gender", "female", True),
    ("gender", "diverse", "gender", "diverse", False),
    ("native speaker", "Yes", "native_speaker", "yes", True),
    ("native speaker", True, "native_speaker", "yes", True),
    ("native speaker", "FALSE", "native_speaker", "no", True),
    ("native speaker", 1, "native_speaker", "yes", True),
    ("native speaker", 0, "native_speaker", "no", True),
    ("native speaker", "half", "native_speaker", "half", False),
    ("age", "25", "age", 25.0, False),
    ("age", 30, "age", 30.0, True),
    ("age", "1234", "age", np.nan, True),
    ("age", "unknown", "age", np.nan, True),
    ("age", None, "age", np.nan, False),
    ("native speaker", "no", "native_speaker", "no", False),
    ("recordingroom", "VR-Room", "recording_room", "vr-room", True),
    ("recordingroom", "VR-room", "recording_room", "vr-room", True),
    ("recordingroom", "vr-romm", "recording_room", "vr-room", True),
    ("recordingroom", "Kino", "recording_room", "Kino", False),
    ("recordingdate", "17-06-22-11-04-28", "recording_date", "2017-06-22 11:04:28", False),
    ("recordingdate", "last summer", "recording_date", "last summer", False),
    ("origin", "Europe, Spanien, Mallorca", "country", "Spain", True),
    ("origin", "Europe, Germany, Muenchen", "city", "Munich", True),
    ("origin", "Europe, Germany, Muenster", "city", "Muenster", False),
    ("origin", "Europe, India, Chennai", "continent", "Asia", True),
    ("origin", "Europe, Syria, Damascus", "continent", "Asia", True),
    ("origin", "South-America, Brazil, Porto Alegre", "continent", "South America", True),
    ("origin", "Atlantis", "country", None, False),
]


@pytest.mark.parametrize(("source", "raw", "column", "clean", "logged"), CASES)
def test_one_value(source, raw, column, clean, logged):
    table, log = metadata.clean_speakers({"01": {source: raw}})
    value = table.loc[0, column]
    assert (pd.isna(value) and pd.isna(clean)) or value == clean
    assert table.loc[0, f"raw_{fieldnames.FIELDS[source]}"] == (None if raw is None else str(raw))
    assert len(log) == logged
    if logged:
        assert log.loc[0, "field"] == fieldnames.FIELDS[source]
        assert log.loc[0, "raw"] == repr(raw) and log.loc[0, "rule"]


def test_every_rule_is_in_the_cases():
    covered = {(fieldnames.FIELDS[source], str(raw)) for source, raw, *_ in CASES}
    for place, old, *_ in metadata.RULES:
        assert any(field == place and old in raw for field, raw in covered), old


@pytest.mark.parametrize(("field", "words", "clean", "why"), metadata.WORDS)
def test_every_word_is_brought_to_one_in_any_case(field, words, clean, why):
    source = {field: source for source, field in fieldnames.FIELDS.items()}[field]
    for word in words.split(", "):
        for spelling in (word, word.upper(), f" {word.capitalize()} "):
            table, log = metadata.clean_speakers({"1": {source: spelling}})
            assert table.loc[0, field] == clean
            assert log["rule"].str.contains(why).tolist() == [True] * (spelling != clean)


# --- field names -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("Gender", "gender"),
        ("SEX", "gender"),
        (" Accent ", "accent"),
        ("native_speaker", "native_speaker"),
        ("NativeSpeaker", "native_speaker"),
        ("native-speaker?", "native_speaker"),
        ("recording room", "recording_room"),
        ("Room", "recording_room"),
        ("recording_date", "recording_date"),
        ("birthplace", "origin"),
        ("Place of birth:", "origin"),
        ("Age (years)", "age"),
    ],
)
def test_a_field_is_found_under_other_names_and_logged_once_for_all_speakers(key, field):
    raw = {str(i): {key: "30"} for i in range(60)}
    table, log = metadata.clean_speakers(raw)
    assert table[field].notna().all()
    assert log.values.tolist() == [
        ["60 speakers", field, repr(key), field, "another name for the field"]
    ]
    assert metadata.raw_summary(raw).set_index("field").loc[field, "speakers"] == 60
    assert fieldnames.unknown_fields(raw).empty


def test_names_that_one_speaker_has_are_logged_with_the_speaker():
    log = metadata.clean_speakers({"1": {"Sex": "male"}, "2": {"gender": "male"}})[1]
    assert log["speaker"].tolist() == ["1"] and log["raw"].tolist() == ["'Sex'"]


def test_of_two_keys_for_one_field_the_proper_name_with_a_value_is_used():
    raw = {
        "1": {"Sex": "female", "gender": "male"},
        "2": {"Sex": "M", "gender": "male"},
        "3": {"Sex": "female", "gender": None},
        "4": {"Sex": "female", "GENDER": "male"},
    }
    table, log = metadata.clean_speakers(raw)
    assert table["gender"].tolist() == ["male", "male", "female", "female"]
    assert dict(zip(log["rule"], log["speaker"])) == {
        "given alongside 'gender', which is used": "2 speakers",
        "another name for the field": "2 speakers",
        "given alongside 'Sex', which is used": "4",
        "'Sex' and 'gender' differ": "1",
        "'GENDER' and 'Sex' differ": "4",
    }


def test_what_no_field_took_is_listed_and_can_be_shown():
    raw = {"1": {"Geschlecht": "m", "accent": "German"}, "2": {"Geschlecht": "w"}}
    raw["2"] |= {"\x1b" * 99: {"a": [1]}, "B" * 10**6: "C" * 10**6}
    listed = fieldnames.unknown_fields(raw)
    assert listed.iloc[0].tolist() == ["Geschlecht", 2, "m"]
    for text in listed[["field", "example"]].to_numpy().ravel():
        assert base.is_printable(text) and len(text) <= fieldnames.LONGEST + 1
    assert fieldnames.unknown_fields({}).empty


@pytest.mark.parametrize("origin", ["Europe, Indiana, X", "Europe, Germany, Muenchenstein"])
def test_rules_change_whole_parts_only(origin):
    table, log = metadata.clean_speakers({"01": {"origin": origin}})
    assert table.loc[0, "origin"] == origin and log.empty


def test_unknown_values_pass_through_and_are_listed():
    raw = {"1": {"accent": "Klingon", "gender": "male"}, "2": {"accent": "Klingon"}}
    raw |= {"3": {"origin": "Europe, Utopia, X"}, "4": {"origin": "Atlantis"}}
    table, _ = metadata.clean_speakers(raw)
    assert metadata.unknown_values(table).values.tolist() == [
        ["accent", "Klingon", 2],
        ["country", "Utopia", 1],
        ["origin", "Atlantis", 1],
    ]


def test_continents_are_checked_against_countries():
    origins = [
        "Europe, India, Delhi",
        "Europe, Japan, Tokyo",
        "Asia, Turkey, X",
        "Europe, Utopia, X",
    ]
    raw = {str(i): {"origin": origin} for i, origin in enumerate(origins)}
    found = metadata.misplaced(metadata.clean_speakers(raw)[0])
    assert found.values.tolist() == [
        ["0", "Europe, India, Delhi", "Asia", "Asia, India, Delhi"],
        ["1", "Europe, Japan, Tokyo", "Asia", "Europe, Japan, Tokyo"],  # no rule: not guessed
    ]


def test_what_cannot_be_shown_is_replaced_and_logged():
    table, log = metadata.clean_speakers({"1": {"accent": "A" * 10**6, "gender": "\x1bmale"}})
    assert table.loc[0, "accent"] == "A" * fieldnames.LONGEST + "…"
    assert table.loc[0, "gender"] == table.loc[0, "raw_gender"] == "\ufffdmale"
    assert len(log) == 2 and log["raw"].str.len().max() < 100


def test_speakers_of_both_sides_are_rows():
    table, log = metadata.clean_speakers({"02": {"gender": "male"}}, ["01", "02"])
    assert table["speaker"].tolist() == ["01", "02"]
    assert table["gender"].tolist() == [None, "male"]
    assert table["age"].dtype == float and table["accent"].isna().all() and log.empty


def test_corpus_without_metadata_survives_a_round_trip(tmp_path):
    table, log = metadata.clean_speakers({}, ["a", "b"])
    table.to_parquet(tmp_path / "speakers.parquet")
    assert pd.read_parquet(tmp_path / "speakers.parquet")["age"].isna().all()
    assert log.columns.tolist() == ["speaker", "field", "raw", "clean", "rule"]


def test_raw_summary_compares_values_as_stored():
    raw = {"1": {"age": 30}, "2": {"age": "30"}, "3": {"age": "31"}, "4": {}}
    row = metadata.raw_summary(raw).set_index("field").loc["age"]
    assert row.tolist() == [3, 2 + 1, 2, "30", 2]
    assert metadata.raw_summary({"1": {"age": "30"}})["most_frequent"].isna().all()


def test_real_file_gives_the_known_figures(real_speech):
    path = real_speech / "AudioMNIST/data/audioMNIST_meta.txt"
    raw = json.loads(path.read_text(encoding="utf-8"))
    summary = metadata.raw_summary(raw).set_index("field")
    assert summary.loc["accent"].tolist() == [60, 17, 17, "German", 40]
    assert summary.loc["age"].tolist() == [60, 19, 18, "26", 10]
    assert summary.loc["gender"].tolist() == [60, 2, 2, "male", 48]
    assert summary.loc["native_speaker"].tolist() == [60, 2, 2, "no", 57]
    assert summary.loc["origin"].tolist() == [60, 42, 42, "Europe, Germany, Berlin", 15]
    assert summary.loc["recording_date", "distinct"] == 60
    assert summary.loc["recording_room"].tolist() == [60, 7, 7, "vr-room", 28]

    table, log = metadata.clean_speakers(raw)
    assert table["raw_recording_room"].value_counts().to_dict() == {
        "vr-room": 28,
        "Kino": 19,
        "VR-Room": 4,
        "Ruheraum": 3,
        "library": 3,
        "VR-room": 2,
        "vr-romm": 1,
    }
    assert table["recording_room"].nunique() == 4
    assert (table["accent"].nunique(), table["origin"].nunique()) == (16, 40)
    assert table["continent"].value_counts().to_dict() == {
        "Europe": 48,
        "Asia": 9,
        "Africa": 2,
        "South America": 1,
    }
    assert table.loc[table["age"].isna(), "speaker"].tolist() == ["45"]
    assert len(log) == 20
    assert len(metadata.oddities_kept(table)) == len(metadata.KEPT)
